package singer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

var at = time.Date(2026, 11, 25, 8, 15, 30, 123_000_000, time.UTC)

func query(t *testing.T) (*tap.Query, *record.Shape) {
	t.Helper()
	s := &tap.Stream{Name: "users", Key: []string{"id"}, Bookmark: "updated_at", Schema: []byte(`{"type":"object","properties":{
		"id":{"type":"integer"},"name":{"type":["string","null"],"description":"Name."},"updated_at":{"type":["string","null"],"format":"date-time"},
		"tags":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"v":{"type":["string","null"]}}}}}}`)}
	s.Prepare()
	shape, err := s.Shape()
	require.NoError(t, err)
	return (&tap.Choice{Stream: s}).Select(shape, nil), shape
}

// Every message, byte for byte.
func TestMessages(t *testing.T) {
	q, shape := query(t)
	v := &singer.Voice{}
	assert.Equal(t, `{"type":"SCHEMA","stream":"users","schema":{"type":"object","properties":{"id":{"type":"integer"},`+
		`"name":{"description":"Name.","type":["string","null"]},"updated_at":{"type":["string","null"],"format":"date-time"},`+
		`"tags":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"v":{"type":["string","null"]}}}}}},`+
		`"key_properties":["id"],"bookmark_properties":["updated_at"]}`+"\n",
		string(v.Append(nil, tap.Schema{Query: q, Shape: shape})))
	before, behind := v.Frame(q, 0, at)
	assert.Equal(t, `{"type":"RECORD","stream":"users","record":{},"time_extracted":"2026-11-25T08:15:30.123Z"}`+"\n", string(before)+"{}"+string(behind))
	before, behind = v.Frame(q, 7, at)
	assert.Equal(t, `{"type":"RECORD","stream":"users","record":{},"time_extracted":"2026-11-25T08:15:30.123Z","version":7}`+"\n", string(before)+"{}"+string(behind))
	assert.Equal(t, `{"type":"RECORD","stream":"users","record":{"id":3,"_sdc_deleted_at":"2026-11-25T08:15:30.123Z"},"time_extracted":"2026-11-25T08:15:30.123Z","version":6}`+"\n"+
		`{"type":"ACTIVATE_VERSION","stream":"users","version":7}`+"\n",
		string(v.Append(nil, tap.Deleted{Query: q, Version: 7, IDs: []int64{3}, At: at})))
	choice := &tap.Choice{
		Stream: q.Stream, Unwanted: []string{singer.DeletedAt},
		Wanted: func(path ...string) bool { return path[0] != singer.DeletedAt },
	}
	gone := tap.Deleted{Query: choice.Select(shape, nil), Version: 7, IDs: []int64{3}}
	assert.NotContains(t, string(v.Append(nil, gone)), singer.DeletedAt)
	for _, nothing := range []tap.Event{
		tap.Started{}, tap.Running{}, tap.Ended{}, tap.Waiting{}, tap.Estimate{Records: 1},
	} {
		assert.Empty(t, v.Append(nil, nothing))
	}
	q.Stream.Bookmark = ""
	assert.NotContains(t, string(v.Append(nil, tap.Schema{Query: q, Shape: shape})), "bookmark_properties")
}

// A state is written with the keys of the Singer SDK, preserves unknown parts, and reflects what
// was written.
func TestStateMessages(t *testing.T) {
	q, _ := query(t)
	st, err := singer.ParseState([]byte(`{"bookmarks":{"users":{"replication_key":"updated_at","replication_key_value":"2026-01-01T00:00:00Z"},"others":{"x":1}},"more":[1]}`),
		func(name string) *tap.Stream {
			if name == "users" {
				return q.Stream
			}
			return nil
		})
	require.NoError(t, err)
	v := &singer.Voice{}
	assert.Equal(t, `{"type":"STATE","value":{"bookmarks":{"users":{"replication_key":"updated_at","replication_key_value":"2026-01-01T00:00:00.000Z",`+
		`"progress":null,"learnt":null,"complete":null,"policy":null,"version":null,"whole":null,"start_date":null,"ledger":null,"verified":null,"quiet":null,"refused":null},"others":{"x":1}},"more":[1]}}`+"\n",
		string(v.Append(nil, tap.Saved{State: st})))
	st.Of("users").Until = at
	assert.Contains(t, string(v.Append(nil, tap.Saved{State: st})), "2026-01-01", "it was not told of a change")
	assert.Contains(t, string(v.Append(nil, tap.Saved{State: st, Since: []tap.Written{{Stream: q.Stream}}})),
		"2026-11-25T08:15:30.123Z")
}

// A discovered catalog selects what it says, and a user's changes are respected.
func TestCatalogRoundTrip(t *testing.T) {
	q, shape := query(t)
	text, err := singer.Catalog([]tap.Discovered{
		{Stream: q.Stream, Shape: shape},
		{Stream: &tap.Stream{Name: "views", Key: []string{"id"}, ViewOf: "users"}, Shape: shape},
	})
	require.NoError(t, err)
	for column, want := range map[string]string{
		`"properties","id"`:         "automatic",
		`"properties","updated_at"`: "automatic", `"properties","name"`: "available",
	} {
		assert.Regexp(t, `"breadcrumb":\[`+column+`\],"metadata":\{"inclusion":"`+want+`"`,
			strings.Join(strings.Fields(string(text)), ""), column)
	}
	assert.NotContains(t, string(text), `"items",`, "members of items cannot be selected")
	lookup := func(name string) *tap.Stream {
		if name != "users" {
			return nil
		}
		return q.Stream
	}
	parse := func(change func(meta map[string]map[string]any)) ([]*tap.Query, error) {
		var c map[string]any
		require.NoError(t, json.Unmarshal(text, &c))
		meta := map[string]map[string]any{}
		for _, m := range c["streams"].([]any)[0].(map[string]any)["metadata"].([]any) {
			entry := m.(map[string]any)
			crumb, err := json.Marshal(entry["breadcrumb"])
			require.NoError(t, err)
			meta[string(crumb)] = entry["metadata"].(map[string]any)
		}
		change(meta)
		changed, err := json.Marshal(c)
		require.NoError(t, err)
		choices, err := singer.ParseCatalog(changed, lookup)
		var queries []*tap.Query
		for _, c := range choices {
			queries = append(queries, c.Select(shape, nil))
		}
		return queries, err
	}
	queries, err := parse(func(map[string]map[string]any) {})
	require.NoError(t, err)
	require.Len(t, queries, 1, "a view is not selected by default")
	assert.Nil(t, queries[0].Fields)
	queries, err = parse(func(meta map[string]map[string]any) {
		meta[`["properties","name"]`]["selected"] = false
		meta[`["properties","id"]`]["selected"] = false
		meta[`[]`]["replication-method"] = "FULL_TABLE"
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"id", "updated_at", "tags"}, queries[0].Fields,
		"the key is always read")
	assert.True(t, queries[0].FullTable)
	queries, err = parse(func(meta map[string]map[string]any) { meta[`[]`]["replication-key"] = "created_at" })
	require.NoError(t, err)
	assert.False(t, queries[0].FullTable)
	assert.Contains(t, strings.Join(queries[0].Notes, "\n"), `"created_at" cannot be used`)
	queries, err = parse(func(meta map[string]map[string]any) { meta[`[]`]["selected"] = false })
	require.NoError(t, err)
	assert.Empty(t, queries)
}

// A discovered catalog lists the columns that can come: neither dropped ones, nor members of
// objects whose names are not known beforehand.
func TestDiscoveredColumnsAreThoseThatCome(t *testing.T) {
	q, shape := query(t)
	shape = shape.With(record.Column{Name: "custom", Shape: &record.Shape{
		Kinds: record.Object, Open: true,
		Columns: []record.Column{{Name: "member", Shape: &record.Shape{Kinds: record.String}}},
	}}).Treat(func(path []string, c *record.Column) (own, unknown record.Treatment) {
		if path[0] == "name" {
			return record.Drop, record.Keep
		}
		return c.Treatment, record.Keep
	})
	text, err := singer.Catalog([]tap.Discovered{{Stream: q.Stream, Shape: shape}})
	require.NoError(t, err)
	listed := strings.Join(strings.Fields(string(text)), "")
	assert.Contains(t, listed, `"breadcrumb":["properties","custom"]`)
	assert.NotContains(t, listed, `"properties","name"`)
	assert.NotContains(t, listed, `"properties","custom","properties"`)
}

// Catalogs of other programs: with only one name, with the old selection, and with nonsensical
// breadcrumbs.
func TestForeignCatalogs(t *testing.T) {
	q, shape := query(t)
	lookup := func(name string) *tap.Stream {
		if name != "users" {
			return nil
		}
		return q.Stream
	}
	fields := func(catalog string) []string {
		t.Helper()
		choices, err := singer.ParseCatalog([]byte(catalog), lookup)
		require.NoError(t, err)
		require.Len(t, choices, 1, catalog)
		return choices[0].Select(shape, nil).Fields
	}
	meta := func(entries string) string {
		return `{"streams":[{"stream":"users","selected":true,"metadata":[` + entries + `]}]}`
	}
	off := func(breadcrumb string) string {
		return `{"breadcrumb":` + breadcrumb + `,"metadata":{"selected":false}}`
	}
	assert.Nil(t, fields(meta("")), "all columns, by the stream's name alone")
	assert.Equal(t, []string{"id", "updated_at", "tags"},
		fields(meta(off(`["properties","name"]`))))
	for _, odd := range []string{
		`["properties"]`, `["name"]`, `["items","name"]`,
		`["properties","name","extra"]`, `["properties","name","properties"]`,
		`["properties","x","properties","name"]`,
	} {
		assert.Nil(t, fields(meta(off(odd))), odd)
	}
	assert.Equal(t, []string{"id", "updated_at", "tags"},
		fields(meta(`{"breadcrumb":["properties","name"],"metadata":{"selected-by-default":false}}`)))
	assert.Equal(t, []string{"id", "updated_at", "tags"},
		fields(meta(`{"breadcrumb":["properties","name"],"metadata":{"inclusion":"unsupported","selected":true}}`)))
	assert.Nil(t, fields(meta(`{"breadcrumb":["properties","name"],"metadata":{"inclusion":"automatic","selected":false}}`)))
	choices, err := singer.ParseCatalog([]byte(meta(off(`["properties","unknown"]`))), lookup)
	require.NoError(t, err)
	assert.Equal(t, []string{"unknown"}, choices[0].Unwanted)
	assert.Contains(t, fields(meta(off(`["properties","unknown"]`))), "name",
		"all that is known is asked for by name")
	for _, bad := range []string{
		`{}`, `[`, `{"streams":[{"selected":true}]}`,
		`{"streams":[{"stream":"users","selected":true},{"stream":"users","selected":true}]}`,
		`{"streams":[{"stream":"users","selected":true,"replication_method":"LOG_BASED"}]}`,
	} {
		_, err := singer.ParseCatalog([]byte(bad), lookup)
		assert.Error(t, err, bad)
	}
	choices, err = singer.ParseCatalog([]byte(`{"streams":[{"stream":"users","selected":true,"replication_key":"created_at","replication_method":"FULL_TABLE"},{"tap_stream_id":"gone","selected":false}]}`), lookup)
	require.NoError(t, err)
	assert.True(t, choices[0].FullTable, "a full table needs no key")
}
