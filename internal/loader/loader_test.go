package loader_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
)

const (
	users = `{"type":"SCHEMA","stream":"users","key_properties":["id"],"schema":{"type":"object",` +
		`"properties":{"id":{"type":"integer"},"name":{"type":["string","null"]},"n":{"type":["number","null"]}}}}`
	ann = `{"type":"RECORD","stream":"users","record":{"id":1,"name":"Ann"},"time_extracted":"2026-11-27T08:00:00Z"}`
)

func load(l *loader.Loader, lines ...string) error {
	return l.Load(strings.NewReader(strings.Join(lines, "\n")+"\n"), false)
}

// Every kind of message that a loader must not take is refused, with its reason.
func TestBadMessagesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		says  string
	}{
		"text":                      {[]string{`reading users`}, "invalid character"},
		"a list":                    {[]string{`[]`}, "no object"},
		"an empty line":             {[]string{users, ``, ann}, "line 2"},
		"two messages in a line":    {[]string{users, ann + ann}, "more than a message"},
		"text after a message":      {[]string{users, ann + " x"}, "more than a message"},
		"half a message":            {[]string{users, ann[:len(ann)-1]}, "line 2: EOF"},
		"half a record":             {[]string{users, `{"type":"RECORD","stream":"users","record":{"id":1`}, "unexpected EOF"},
		"a member twice":            {[]string{users, `{"type":"RECORD",` + ann[1:]}, `two members "type"`},
		"an unknown type":           {[]string{`{"type":"BATCH"}`}, `"BATCH"`},
		"no type":                   {[]string{`{}`}, `""`},
		"a type that is no text":    {[]string{`{"type":1}`}, `""`},
		"a type in other letters":   {[]string{strings.Replace(users, "type", "Type", 1)}, `""`},
		"a state that is no object": {[]string{`{"type":"STATE","value":[]}`}, "a state that is no object"},
		"a state without value":     {[]string{`{"type":"STATE"}`}, "a state that is no object"},
		"half a state":              {[]string{`{"type":"STATE","value":{"a":}}`}, "invalid character"},
		"a schema without key":      {[]string{strings.Replace(users, `["id"]`, `[]`, 1)}, "a schema without key"},
		"keys that are no texts":    {[]string{strings.Replace(users, `["id"]`, `[1]`, 1)}, "key_properties"},
		"a schema of no stream":     {[]string{strings.Replace(users, `"users"`, `7`, 1)}, "a schema of no stream"},
		"a schema of no type":       {[]string{strings.Replace(users, `"integer"`, `"int"`, 1)}, "a schema that is none"},
		"no schema": {
			[]string{`{"type":"SCHEMA","stream":"users","key_properties":["id"]}`}, "a schema that is none",
		},
		"a schema without columns": {
			[]string{`{"type":"SCHEMA","stream":"users","key_properties":["id"],"schema":{}}`}, "without columns",
		},
		"a record before its schema": {[]string{ann, users}, "a record before its schema"},
		"a record of another stream": {
			[]string{users, strings.Replace(ann, "users", "jobs", 1)}, "a record before its schema",
		},
		"no time": {
			[]string{users, `{"type":"RECORD","stream":"users","record":{"id":1}}`}, "parsing time",
		},
		"a time that is none": {
			[]string{users, strings.Replace(ann, "2026-11-27T08:00:00Z", "2026-11-27", 1)}, "parsing time",
		},
		"no record": {
			[]string{users, `{"type":"RECORD","stream":"users","time_extracted":"2026-11-27T08:00:00Z"}`}, "no object",
		},
		"a record that is null": {
			[]string{users, strings.Replace(ann, `{"id":1,"name":"Ann"}`, "null", 1)}, "no object",
		},
		"a value of another type": {
			[]string{users, strings.Replace(ann, `"Ann"`, "7", 1)}, "name: Invalid type. Expected: [string,null]",
		},
		"a fraction in place of an integer": {
			[]string{users, strings.Replace(ann, `"id":1`, `"id":1.5`, 1)}, "id: Invalid type. Expected: integer",
		},
		"a column that no schema has": {
			[]string{users, strings.Replace(ann, `"name"`, `"email"`, 1)}, `column "email" stands in no schema`,
		},
		"no key": {[]string{users, strings.Replace(ann, `"id":1,`, ``, 1)}, "a record without key"},
	} {
		t.Run(name, func(t *testing.T) {
			var l loader.Loader
			assert.ErrorContains(t, load(&l, c.lines...), c.says)
		})
	}
}

// A later schema replaces an earlier one, and a run has to send its schemas again.
func TestRecordsFollowTheLastSchemaOfTheirRun(t *testing.T) {
	var l loader.Loader
	narrow := strings.Replace(users, `"name":{"type":["string","null"]},`, "", 1)
	require.ErrorContains(t, load(&l, users, ann, narrow, ann), `line 4: column "name" stands in no schema`)
	require.ErrorContains(t, load(&l, ann), "a record before its schema")
	require.NoError(t, load(&l, users, ann))
	assert.Equal(t, 3, l.Schemas["users"])
}

// Only a run that was killed may end within a line.
func TestOnlyAPartialRunMayEndWithinALine(t *testing.T) {
	var l loader.Loader
	half := users + "\n" + ann[:40]
	require.ErrorContains(t, l.Load(strings.NewReader(half), false), "line 2 has no end")
	require.NoError(t, l.Load(strings.NewReader(half), true))
	assert.Zero(t, l.Total())
}

// Rows are kept by their key, byte for byte; states with the number of records before them.
func TestRowsAndStatesAreKept(t *testing.T) {
	var l loader.Loader
	later := strings.Replace(ann, `"record":{"id":1,"name":"Ann"}`, `"record": {"id":1, "n":1.0e2} `, 1)
	require.NoError(t, load(&l, users, ann, `{"type":"STATE","value":{"a": 1}}`, later,
		strings.Replace(ann, `"id":1`, `"id":123456789012345678`, 1), `{"type":"STATE","value":{}}`))
	assert.Len(t, l.Rows["users"], 2)
	assert.Equal(t, `{"id":1, "n":1.0e2}`, string(l.Rows["users"]["1/"]))
	assert.Contains(t, l.Rows["users"], "123456789012345678/")
	assert.Equal(t, 3, l.Records["users"])
	assert.Equal(t, 3, l.Total())
	assert.Equal(t, []int{1, 3}, l.Covered)
	assert.Equal(t, `{"a": 1}`, string(l.States[0]))
	assert.Equal(t, `{}`, string(l.LastState()))
}

// What was not loaded, or with other values, is missed.
func TestMissingAndStaleRowsAreFound(t *testing.T) {
	var l loader.Loader
	require.NoError(t, load(&l, users, ann))
	for rows, want := range map[string]struct{ missing, stale []string }{
		`[]`:                                    {},
		`[{"id":1,"name":"Ann"}]`:               {},
		`[{"name":"Ann", "id":1}]`:              {},
		`[{"id":1,"name":"Bea"}]`:               {stale: []string{"1/"}},
		`[{"id":1}]`:                            {stale: []string{"1/"}},
		`[{"id":1,"name":"Ann","n":null}]`:      {stale: []string{"1/"}},
		`[{"id":2},{"id":1,"name":"Ann"}]`:      {missing: []string{"2/"}},
		`[{"id":2},{"id":1,"name":["Ann"]}]`:    {[]string{"2/"}, []string{"1/"}},
		`[{"id":1,"name":"Ann"},{"name":"Bo"}]`: {missing: []string{"<nil>/"}},
	} {
		missing, stale, err := l.Missing("users", []byte(rows))
		require.NoError(t, err, rows)
		assert.Equal(t, want.missing, missing, rows)
		assert.Equal(t, want.stale, stale, rows)
	}
	for _, rows := range []string{``, `{}`, `{"id":1}`, `[{"id":1,"name":"Ann"}`, `[{"id":1,`, `[] []`} {
		_, _, err := l.Missing("users", []byte(rows))
		assert.Error(t, err, rows)
	}
}

// In a column of text, a value of another kind is its JSON.
func TestOtherValuesInColumnsOfTextAreTheirJSON(t *testing.T) {
	var l loader.Loader
	require.NoError(t, load(&l, users, strings.Replace(ann, `"Ann"`, `"[1,2]"`, 1)))
	_, stale, err := l.Missing("users", []byte(`[{"id":1,"name":[1, 2]}]`))
	require.NoError(t, err)
	assert.Empty(t, stale)
	_, stale, err = l.Missing("users", []byte(`[{"id":1,"name":[1, 3]}]`))
	require.NoError(t, err)
	assert.NotEmpty(t, stale)
}
