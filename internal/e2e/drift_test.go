package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestDriftReachesTheLoaderAndTheNextRun(t *testing.T) {
	t.Parallel()
	row := func(stream string, id int64, row []byte) []byte {
		if stream != "users" {
			return row
		}
		row = append(row[:len(row)-1], `,"nickname":"x","score":1.5}`...)
		if id%2 == 0 {
			row = []byte(strings.Replace(string(row), `"deactivated":`,
				`"deactivated":"maybe","was":`, 1))
		}
		return row
	}
	s := Serve(t, sandbox.Options{Row: row})
	cfg := Only(s, "users")
	var l loader.Loader
	r := Load(t, &l, cfg, nil)
	require.Zero(t, r.Code, r.Err)
	Complete(t, s, &l, "users")
	assert.Contains(t, string(l.LastSchema["users"]), `"nickname"`)
	assert.Equal(t, 1, strings.Count(r.Err, "column=deactivated"), "logged once a column")
	var again loader.Loader
	require.Zero(t, Load(t, &again, cfg, l.LastState()).Code)
	assert.Equal(t, 1, again.Schemas["users"], "the next run starts with what was learnt")
	assert.Contains(t, string(again.LastSchema["users"]), `"nickname"`)
	t.Run("drop", func(t *testing.T) {
		var l loader.Loader
		require.Zero(t, Load(t, &l, With(s,
			map[string]any{"streams": []string{"users"}, "new_columns": "drop"}), nil).Code)
		assert.NotContains(t, string(l.LastSchema["users"]), `"nickname"`)
		for _, row := range l.Rows["users"] {
			assert.NotContains(t, string(row), "nickname")
		}
	})
}

func TestLearntColumnsSurviveARunWithoutThem(t *testing.T) {
	t.Parallel()
	odd := true
	s := Serve(t, sandbox.Options{Row: func(stream string, _ int64, row []byte) []byte {
		if stream == "users" && odd {
			row = []byte(strings.Replace(string(row), `"deactivated":`,
				`"nickname":"x","deactivated":"maybe","was":`, 1))
		}
		return row
	}})
	var l loader.Loader
	require.Zero(t, Load(t, &l, Only(s, "users"), nil).Code)
	catalog := File(t, "catalog.json", without(t, Run(t, "--discover").Out, "users", "nickname"))
	cfg := File(t, "c.json", s.Config())
	s.Change("users", rand.New(rand.NewPCG(1, 1)), 0, 1, 0)
	var partly loader.Loader
	r := Run(t, "--config", cfg, "--catalog", catalog, "--state", File(t, "s.json", l.LastState()))
	require.Zero(t, r.Code, r.Err)
	require.NoError(t, partly.Load(strings.NewReader(r.Out), false))
	assert.NotEmpty(t, partly.Rows["users"])
	schema := strings.Join(strings.Fields(string(partly.LastSchema["users"])), "")
	assert.NotContains(t, schema, "nickname", "it was left out")
	for _, row := range partly.Rows["users"] {
		assert.NotContains(t, string(row), "nickname")
	}
	assert.Contains(t, schema, `"type":["boolean","string","null"]`, "of the column deactivated")
	assert.Equal(t, 1, partly.Schemas["users"])
	odd = false
	var again loader.Loader
	require.Zero(t, Load(t, &again, Only(s, "users"), partly.LastState()).Code)
	assert.Contains(t, string(again.LastSchema["users"]), `"nickname"`)
}

// One date that no loader can hold is null, and named; the column, also that of a custom field,
// stays one of dates in this run and the next.
func TestImpossibleDatesAreNamedAndNull(t *testing.T) {
	t.Parallel()
	fields := []field{{key: "visa_until", valueType: "date", value: "20260-01-31"}}
	s := defined(t, &fields)
	var l loader.Loader
	r := Load(t, &l, columnsOf(s), nil)
	require.Zero(t, r.Code, r.Err)
	assert.Regexp(t, `"custom_visa_until":{[^}]*"type":\["string","null"\],"format":"date"}`,
		string(l.LastSchema["candidates"]))
	assert.Regexp(t, `is no date was replaced by null" stream=candidates column=custom_visa_until id=\d+`, r.Err)
	assert.NotContains(t, string(l.LastState()), `"learnt":{`)

	s = Serve(t, sandbox.Options{Row: func(stream string, id int64, row []byte) []byte {
		if stream == "users" && id%10 == 0 {
			row = []byte(strings.Replace(string(row), `"created_at":"20`, `"created_at":"120`, 1))
		}
		return row
	}})
	var users loader.Loader
	r = Load(t, &users, Only(s, "users"), nil)
	require.Zero(t, r.Code, r.Err)
	named := 0
	for key, row := range users.Rows["users"] {
		if strings.Contains(string(row), `"created_at":null`) {
			named++
			assert.Contains(t, r.Err, "stream=users column=created_at id="+strings.TrimSuffix(key, "/"))
		}
	}
	assert.Positive(t, named)
	assert.Equal(t, 1, users.Schemas["users"])
	assert.Contains(t, string(users.LastSchema["users"]), `"created_at":{"description":"When Greenhouse created the row.","type":["string","null"],"format":"date-time"}`)
}

// The names of an email's files are a list in answers and a text in the published description:
// either loads.
func TestNamesOfAttachedFilesAreAListOrAText(t *testing.T) {
	t.Parallel()
	const column = `"email_attachment_file_names":`
	s := Serve(t, sandbox.Options{Row: func(stream string, id int64, row []byte) []byte {
		if stream != "notes" {
			return row
		}
		before, _, _ := strings.Cut(string(row), column) // the last one
		value := `["a.pdf",null]`
		if id%2 == 0 {
			value = `"a.pdf, b.pdf"`
		}
		return []byte(before + column + value + "}")
	}})
	var l loader.Loader
	require.Zero(t, Load(t, &l, Only(s, "notes"), nil).Code)
	Complete(t, s, &l, "notes")
	texts, lists := 0, 0
	for _, row := range l.Rows["notes"] {
		texts += strings.Count(string(row), column+`"`)
		lists += strings.Count(string(row), column+`[`)
	}
	assert.True(t, texts > 0 && lists > 0, "%d texts, %d lists", texts, lists)
}
