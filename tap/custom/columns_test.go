package custom_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// definitions is a source with pages of definitions; the last one is followed by err, if any.
type definitions struct {
	pages []string
	err   error
}

func (d definitions) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	n := 0
	if req.Cursor != "" {
		_, err := fmt.Sscan(req.Cursor, &n)
		if err != nil {
			return err
		}
	}
	if n == len(d.pages) {
		return d.err
	}
	page := tap.Page{Body: []byte(d.pages[n])}
	if n+1 < len(d.pages) || d.err != nil {
		page.Next = fmt.Sprint(n + 1)
	}
	return take(page)
}

// defined are definitions for candidates: pairs of a key and a value type.
func defined(pairs ...string) definitions {
	var rows []string
	for i := 0; i < len(pairs); i += 2 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"field_type":"candidate","name_key":%q,"name":"Name","value_type":%q,"active":true}`,
			i+1, pairs[i], pairs[i+1]))
	}
	return definitions{pages: []string{"[" + strings.Join(rows, ",") + "]"}}
}

func candidates(t *testing.T) *tap.Stream {
	t.Helper()
	s, err := schemas.Load("candidates")
	require.NoError(t, err)
	return s[0]
}

func read(t *testing.T, d definitions, mode custom.Mode) *custom.Columns {
	t.Helper()
	c, err := custom.Read(t.Context(), d, mode)
	require.NoError(t, err)
	return c
}

// query returns the query of candidates in which drop are dropped columns.
func query(t *testing.T, c *custom.Columns, undefined bool, drop ...string) *tap.Query {
	t.Helper()
	s := candidates(t)
	shape, err := c.Shape(s)
	require.NoError(t, err)
	choice := &tap.Choice{Stream: s, Wanted: func(path ...string) bool {
		for _, name := range drop {
			if path[0] == name {
				return false
			}
		}
		return true
	}}
	return choice.Select(shape, c.Maker(undefined))
}

// rows returns the rows that a query's transformation makes of a page.
func rows(t *testing.T, q *tap.Query, page string) []map[string]any {
	t.Helper()
	require.NotNil(t, q.Transform)
	out, err := q.Transform(nil, []byte(page))
	require.NoError(t, err)
	var got []map[string]any
	require.NoError(t, json.Unmarshal(out, &got), "%s", out)
	return got
}

const page = `[{"id":1,"custom_fields":{"team":{"name":"Team","type":"short_text","value":"blue"},"level":{"type":"single_select","value":5},"later":{"value":"new"}}},{"id":2,"custom_fields":null}]`

// Each mode has the columns that it promises.
func TestModes(t *testing.T) {
	d := defined("team", "short_text", "level", "single_select")
	for mode, want := range map[custom.Mode][2]bool{
		custom.Raw: {true, false}, custom.InColumns: {false, true}, custom.Both: {true, true},
	} {
		c := read(t, d, mode)
		shape, err := c.Shape(candidates(t))
		require.NoError(t, err)
		assert.Equal(t, want[0], shape.Column("custom_fields") != nil, mode)
		assert.Equal(t, want[1], shape.Column("custom_team") != nil, mode)
		q := query(t, c, true)
		if mode == custom.Raw {
			assert.Nil(t, q.Transform)
			continue
		}
		got := rows(t, q, page)
		assert.Equal(t, "blue", got[0]["custom_team"])
		assert.Equal(t, "5", got[0]["custom_level"], "an option that is a number is its text")
		assert.Equal(t, "new", got[0]["custom_later"], "defined after the definitions were read")
		assert.Equal(t, want[0], got[0]["custom_fields"] != nil)
		assert.Contains(t, got[1], "custom_team")
		assert.Nil(t, got[1]["custom_team"])
		assert.NotContains(t, rows(t, query(t, c, false), page)[0], "custom_later")
	}
	unread, err := custom.Unread().Shape(candidates(t))
	require.NoError(t, err)
	assert.NotNil(t, unread.Column("custom_fields"))
	assert.Empty(t, custom.Unread().Fields(candidates(t)))
}

// A column that is not wanted is in no row, and columns that are asked for are the API's.
func TestUnwantedFieldsAreNotInRows(t *testing.T) {
	c := read(t, defined("team", "short_text", "level", "single_select"), custom.InColumns)
	q := query(t, c, true, "custom_level")
	assert.Nil(t, q.Fields, "all of the API's columns are needed")
	got := rows(t, q, page)
	assert.NotContains(t, got[0], "custom_level")
	assert.Contains(t, got[0], "custom_later")

	q = query(t, c, true, "custom_level", "first_name")
	assert.Contains(t, q.Fields, "custom_fields")
	assert.NotContains(t, q.Fields, "first_name")
	assert.NotContains(t, q.Fields, "custom_team")
	assert.NotContains(t, rows(t, q, page)[0], "custom_later", "only known columns are asked for")

	q = query(t, c, true, "custom_level", "custom_team", "first_name")
	assert.NotContains(t, q.Fields, "custom_fields")
	both := read(t, defined("team", "short_text"), custom.Both)
	assert.NotContains(t, query(t, both, true, "custom_fields", "custom_team").Fields, "custom_fields")
	assert.Nil(t, query(t, both, true, "custom_fields").Fields)

	s := candidates(t)
	shape, err := c.Shape(s)
	require.NoError(t, err)
	shape = shape.With(record.Column{Name: "_sdc_deleted_at", Added: true, Shape: &record.Shape{Kinds: record.String}})
	for unwanted, partial := range map[string]bool{"first_name": true, "_sdc_deleted_at": false} {
		choice := &tap.Choice{Stream: s, Wanted: func(path ...string) bool { return path[0] != unwanted }}
		q := choice.Select(shape, c.Maker(true))
		assert.Equal(t, partial, q.Fields != nil, unwanted)
		assert.NotContains(t, q.Fields, "_sdc_deleted_at", "the API does not have it")
	}
}

// Names are distinct, whatever the keys are, and the same whatever the order of the definitions.
func TestNamesOfColumns(t *testing.T) {
	long := strings.Repeat("very_", 20)
	keys := []string{"team-a", "team_a", "Team_A", "fields", "größe", long + "1", long + "2", "aAzZ09@[`{/:"}
	var pairs []string
	for _, key := range keys {
		pairs = append(pairs, key, "short_text")
	}
	c := read(t, defined(pairs...), custom.Both)
	seen := map[string]bool{"custom_fields": true}
	for i, f := range c.Fields(candidates(t)) {
		assert.Equal(t, keys[i], f.Key)
		assert.False(t, seen[strings.ToLower(f.Column)], f.Column)
		seen[strings.ToLower(f.Column)] = true
		assert.LessOrEqual(t, len(f.Column), 63)
		assert.Regexp(t, `^custom_[A-Za-z0-9_]+$`, f.Column)
		assert.Equal(t, privacy.FreeText, f.Class)
	}
	assert.True(t, seen["custom_team_a"])
	assert.True(t, seen["custom_fields_7"], "the API's column has its name")
	assert.True(t, seen["custom_aazz09______"])
}

// Fields that are defined only after the definitions were read get names of their own, too.
func TestNamesOfUndefinedFields(t *testing.T) {
	q := query(t, read(t, defined("team-a", "short_text"), custom.InColumns), true)
	got := rows(t, q, `[{"id":1,"custom_fields":{"team a":{"value":"1"},"new-a":{"value":"2"},"new a":{"value":"3"},"New_A":{"value":"4"},"none":{"value":null},"odd":1}}]`)
	assert.Len(t, got[0], 6, "%v", got[0])
	values := map[any]bool{}
	for name, value := range got[0] {
		values[value] = true
		assert.Regexp(t, `^(id|custom_[a-zA-Z0-9_]+)$`, name)
	}
	assert.Len(t, values, 6)
	assert.Nil(t, got[0]["custom_team_a"])
}

// Of two definitions with one key the active one counts; hidden ones keep their names, and their
// values stay out.
func TestHiddenDefinitions(t *testing.T) {
	d := definitions{pages: []string{
		`[{"id":1,"field_type":"candidate","name_key":"team","value_type":"short_text","active":false},
		  {"id":2,"field_type":"candidate","name_key":"team","value_type":"number","active":true}]`,
		`[{"id":3,"field_type":"candidate","name_key":"old","value_type":"short_text","active":false},
		  {"id":4,"field_type":"job","name_key":"other","value_type":"short_text"}]`,
	}}
	c := read(t, d, custom.InColumns)
	shape, err := c.Shape(candidates(t))
	require.NoError(t, err)
	assert.Equal(t, record.Number|record.Null, shape.Column("custom_team").Shape.Kinds)
	assert.Nil(t, shape.Column("custom_old"))
	assert.Nil(t, shape.Column("custom_other"))
	got := rows(t, query(t, c, true), `[{"id":1,"custom_fields":{"old":{"value":"x"},"team":{"value":1}}}]`)
	assert.NotContains(t, got[0], "custom_old")
	assert.EqualValues(t, 1, got[0]["custom_team"])
	var keys []string
	for _, f := range c.Fields(candidates(t)) {
		keys = append(keys, f.Key)
	}
	assert.Equal(t, []string{"team", "old"}, keys, "a rule can name a hidden field")
}

// The class of a field follows from its value type, and from what it belongs to.
func TestClassesOfFields(t *testing.T) {
	all, err := schemas.Load("candidates", "offers")
	require.NoError(t, err)
	for valueType, want := range map[string][2]string{
		"date_of_birth":      {privacy.Demographic, privacy.Demographic},
		"date_of_birth_hris": {privacy.Demographic, privacy.Demographic},
		"address_hris":       {privacy.Contact, privacy.Contact},
		"currency":           {privacy.FreeText, privacy.Pay},
		"currency_range":     {privacy.FreeText, privacy.Pay},
		"short_text":         {privacy.FreeText, privacy.FreeText},
		"single_select":      {privacy.FreeText, privacy.Pay},
		"date":               {privacy.FreeText, privacy.Pay},
		"number":             {privacy.FreeText, privacy.Pay},
		"of tomorrow":        {privacy.FreeText, privacy.Pay},
	} {
		for i, s := range all {
			d := definitions{pages: []string{fmt.Sprintf(`[{"id":1,"field_type":%q,"name_key":"a","value_type":%q}]`,
				s.CustomFields.FieldType, valueType)}}
			fields := read(t, d, custom.Both).Fields(s)
			require.Len(t, fields, 1)
			assert.Equal(t, want[i], fields[0].Class, "%s of %s", valueType, s.Name)
		}
	}
}

// Values come as the type of their column says.
func TestValuesOfFields(t *testing.T) {
	for _, c := range []struct{ valueType, value, want string }{
		{"short_text", `"a"`, `"a"`},
		{"user", `{"id":7,"name":"Ann"}`, `7`},
		{"linked", `8`, `8`},
		{"single_select", `{"id":3,"name":"Three"}`, `"Three"`},
		{"single_select", `{"id":3,"label":"L"}`, `"L"`},
		{"single_select", `{"id":3}`, `"3"`},
		{"single_select", `"IC5"`, `"IC5"`},
		{"multi_select", `["a",1,{"name":"b"}]`, `["a","1","b"]`},
		{"multi_select", `"a"`, `"a"`},
		{"multi_select", `[]`, `[]`},
		{"user", `{"email":"x"}`, `{"email":"x"}`},
		{"number", `1.5`, `1.5`},
	} {
		columns := read(t, defined("f", c.valueType), custom.InColumns)
		out, err := query(t, columns, true).Transform(nil,
			[]byte(`[{"id":1,"custom_fields":{"f":{"value":`+c.value+`}}}]`))
		require.NoError(t, err)
		assert.JSONEq(t, `[{"id":1,"custom_f":`+c.want+`}]`, string(out), c.valueType)
	}
	// A field of an unknown form is null; the other fields are not affected.
	columns := read(t, defined("f", "short_text", "g", "short_text"), custom.InColumns)
	for _, odd := range []string{`"text"`, `["x"]`, `null`, `{}`, `{"value":null}`} {
		out, err := query(t, columns, true).Transform(nil,
			[]byte(`[{"id":1,"custom_fields":{"f":`+odd+`,"g":{"value":"x"}}}]`))
		require.NoError(t, err)
		assert.JSONEq(t, `[{"id":1,"custom_f":null,"custom_g":"x"}]`, string(out), odd)
	}
}

// What is no page of rows is passed on as it is, to be refused where pages are checked.
func TestBrokenPagesArePassedOn(t *testing.T) {
	q := query(t, read(t, defined("f", "short_text"), custom.InColumns), true)
	for _, broken := range []string{
		``, `{}`, `[`, `[{]`, `[{"id":1]`, `[1]`, `[{"id":1}`, `[{"id":1},2]`, `<html>`,
	} {
		out, err := q.Transform(nil, []byte(broken))
		require.NoError(t, err)
		assert.Equal(t, broken, string(out))
	}
	out, err := q.Transform([]byte("before"), []byte(`[]`))
	require.NoError(t, err)
	assert.Equal(t, "before[]", string(out))
}

// If the single column is hashed, what has few values is null before that, by the type beside it;
// and so is what has no type.
func TestFieldsWithFewValuesAreNotHashed(t *testing.T) {
	s := candidates(t)
	shape, err := s.Shape()
	require.NoError(t, err)
	page := `[{"id":1,"custom_fields":{"born":{"type":"date_of_birth","value":"1970-12-01"},"team":{"type":"short_text","value":"blue"},"odd":"text","count":12,"odder":{"type":7,"value":"1970-12-01"},"bare":{"value":"1970-12-01"}}},{"id":2,"custom_fields":"odd"}]`
	for _, how := range []record.Treatment{record.Keep, record.Mask, record.Hash} {
		hashed := shape.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
			if path[0] == "custom_fields" {
				return how, record.Keep
			}
			return record.Keep, record.Keep
		})
		q := (&tap.Choice{Stream: s}).Select(hashed, custom.Unread().Maker(true))
		if how != record.Hash {
			assert.Nil(t, q.Transform)
			continue
		}
		out, err := q.Transform(nil, []byte(page))
		require.NoError(t, err)
		assert.JSONEq(t, `[{"id":1,"custom_fields":{"born":null,"team":{"type":"short_text","value":"blue"},"odd":null,"count":null,"odder":null,"bare":null}},{"id":2,"custom_fields":"odd"}]`, string(out))
	}
}

// If the definitions cannot be read for lack of a scope, streams without custom fields can be; any
// other failure, of the credential or the run, ends it.
func TestUnreadableDefinitions(t *testing.T) {
	failing := definitions{err: tap.Errorf(tap.Scope, "reading", "no scope")}
	c := read(t, failing, custom.InColumns)
	scope, err := c.Err()
	assert.Equal(t, "harvest:custom_fields:list", scope)
	require.Error(t, err)
	assert.True(t, c.Makes(candidates(t)))
	assert.Nil(t, query(t, c, true).Transform)
	assert.Contains(t, query(t, c, true, "title").Fields, "first_name", "the other columns are asked for")
	assert.False(t, read(t, failing, custom.Raw).Makes(candidates(t)), "the column is there")
	users, err := schemas.Load("jobs", "notes")
	require.NoError(t, err)
	assert.False(t, c.Makes(users[1]))
	assert.Nil(t, (&tap.Choice{Stream: users[1]}).Select(record.NewObject(nil), c.Maker(true)).Transform)
	_, err = custom.Read(t.Context(), definitions{err: tap.Errorf(tap.Credentials, "signing in", "no")}, custom.Both)
	assert.Error(t, err)
	_, err = custom.Read(t.Context(), definitions{pages: []string{`{"no":"array"}`}}, custom.Both)
	assert.ErrorContains(t, err, "unreadable definitions")
}

// One odd definition, or an odd member of one, does no harm to the others.
func TestOddDefinitions(t *testing.T) {
	c := read(t, definitions{pages: []string{
		`[null, {"message":"not today"}, {"id":1,"field_type":"candidate","name_key":null}, null,
		{"id":2,"field_type":"candidate","name_key":"salary","name":12,"value_type":"currency","active":"yes","private":"no"}]`,
		`[{"id":3,"field_type":"candidate","name_key":"level","name":"Level","value_type":null,"active":null}]`,
	}}, custom.InColumns)
	shape, err := c.Shape(candidates(t))
	require.NoError(t, err)
	var made []string
	for _, column := range shape.Columns {
		if strings.HasPrefix(column.Name, "custom_") {
			made = append(made, column.Name)
		}
	}
	assert.ElementsMatch(t, []string{"custom_salary", "custom_level"}, made)
}
