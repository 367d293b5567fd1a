package airbyte_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// lookupUsers knows users only.
func lookupUsers(name string) *tap.Stream {
	if name != "users" {
		return nil
	}
	return users
}

// A discovered catalog, byte for byte: lists that Greenhouse filters by time, those that it does
// not, and what the tap makes itself.
func TestDiscoveredCatalog(t *testing.T) {
	shape, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"}}}`))
	require.NoError(t, err)
	const schema = `"json_schema":{"type":"object","properties":{"id":{"type":"integer"}}}`
	for want, s := range map[string]*tap.Stream{
		`{"name":"users",` + schema + `,"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,` +
			`"default_cursor_field":["updated_at"],"source_defined_primary_key":[["id"]],"is_resumable":true}`: users,
		`{"name":"tags",` + schema + `,"supported_sync_modes":["full_refresh"],"source_defined_cursor":false,` +
			`"source_defined_primary_key":[["a"],["b"]],"is_resumable":true}`: {Name: "tags", Key: []string{"a", "b"}},
		`{"name":"sync_log",` + schema + `,"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,` +
			`"default_cursor_field":["ended_at"],"source_defined_primary_key":[["id"]],"is_resumable":true}`: {Name: "sync_log", Key: []string{"id"}, Local: true},
	} {
		assert.Equal(t, `{"type":"CATALOG","catalog":{"streams":[`+want+`]}}`+"\n",
			string(airbyte.AppendCatalog(nil, []tap.Discovered{{Stream: s, Shape: shape}})))
	}
	assert.Equal(t, `{"type":"CATALOG","catalog":{"streams":[]}}`+"\n", string(airbyte.AppendCatalog(nil, nil)))
}

// The configured schema says which columns are wanted and of which types. Members of columns cannot
// be chosen.
func TestColumnsOfAConfiguredStream(t *testing.T) {
	choice := func(schema string) *tap.Choice {
		choices, err := airbyte.ParseCatalog([]byte(`{"streams":[{"stream":{"name":"users","json_schema":`+schema+`}}]}`),
			lookupUsers)
		require.NoError(t, err, schema)
		require.Len(t, choices, 1)
		return choices[0]
	}
	some := choice(`{"properties":{"name":{"type":"string"},"updated_at":{}}}`)
	assert.True(t, some.Wanted("name"))
	assert.False(t, some.Wanted("id"))
	assert.True(t, some.Wanted("id", "member"), "what is in a column comes with it")
	assert.Equal(t, record.String, some.Types.Column("name").Shape.Kinds)
	assert.Empty(t, some.Notes)
	for _, all := range []string{`{}`, `{"properties":{}}`} {
		assert.True(t, choice(all).Wanted("id"), all)
		assert.Empty(t, choice(all).Notes, all)
	}
	twice := choice(`{"properties":{"name":{"type":"integer"},"name":{"type":"string"}}}`)
	assert.True(t, twice.Wanted("name"), "a member may appear twice")
	assert.False(t, twice.Wanted("id"))

	odd := choice(`{"properties":{"name":{"type":"text"}}}`)
	assert.Nil(t, odd.Types)
	assert.True(t, odd.Wanted("name"))
	require.Len(t, odd.Notes, 1)
	assert.Contains(t, odd.Notes[0], "its types are not followed")
	choices, err := airbyte.ParseCatalog([]byte(`{"streams":[{"stream":{"name":"users"}}]}`), lookupUsers)
	require.NoError(t, err)
	assert.Empty(t, choices[0].Notes, "without a schema, all columns come")
	assert.True(t, choices[0].Wanted("id"))
	for bad, says := range map[string]string{
		`7`: "json_schema", `{"properties":[]}`: "json_schema",
	} {
		_, err := airbyte.ParseCatalog([]byte(`{"streams":[{"stream":{"name":"users","json_schema":`+bad+`}}]}`),
			lookupUsers)
		assert.ErrorContains(t, err, `stream "users": `+says, bad)
	}
}

// A full refresh reads the whole list, in its generation if the platform counts them; an
// incremental read does not.
func TestSyncModes(t *testing.T) {
	for mode, want := range map[string]string{
		``:                           "false ",
		`,"sync_mode":"incremental"`: "false ",
		`,"sync_mode":"incremental","generation_id":3`:   "false ",
		`,"sync_mode":"full_refresh"`:                    "true ",
		`,"sync_mode":"full_refresh","generation_id":0`:  "true 0",
		`,"sync_mode":"full_refresh","generation_id":12`: "true 12",
	} {
		choices, err := airbyte.ParseCatalog([]byte(`{"streams":[{"stream":{"name":"users"}`+mode+`}]}`), lookupUsers)
		require.NoError(t, err, mode)
		assert.Equal(t, want, fmt.Sprint(choices[0].FullTable, " ", choices[0].Generation), mode)
	}
	_, err := airbyte.ParseCatalog([]byte(`{"streams":[{"stream":{"name":"users"},"sync_mode":"sideways"}]}`), lookupUsers)
	assert.ErrorContains(t, err, `stream "users": sync_mode "sideways"`)
	for _, bad := range []string{`[`, `[]`, `{}`, `{"streams":{}}`, `{"streams":null}`} {
		_, err := airbyte.ParseCatalog([]byte(bad), lookupUsers)
		assert.Error(t, err, bad)
	}
	none, err := airbyte.ParseCatalog([]byte(`{"streams":[]}`), lookupUsers)
	require.NoError(t, err)
	assert.Empty(t, none)
}
