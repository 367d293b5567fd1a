package singer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// people has columns of every kind.
func people(t *testing.T) *tap.Stream {
	t.Helper()
	s := &tap.Stream{Name: "people", Key: []string{"id"}, Bookmark: "updated_at", Schema: []byte(`{"type":"object","properties":{
		"id":{"type":"integer"},"name":{"type":["string","null"]},"updated_at":{"type":["string","null"],"format":"date-time"},
		"age":{"type":["integer","null"]},"emails":{"type":["array","null"],"items":{"type":["object","null"],"properties":{
			"value":{"type":["string","null"]},"type":{"type":["string","null"]}}}},
		"eeoc":{"type":["object","null"],"properties":{"id":{"type":["integer","null"]},"text":{"type":["string","null"]}}}}}`)}
	s.Prepare()
	return s
}

// chosen returns what a catalog's entry for people selects, with everything deselected by treat.
func chosen(t *testing.T, entry string, treat ...string) *tap.Query {
	t.Helper()
	s := people(t)
	choices, err := singer.ParseCatalog([]byte(`{"streams":[{"tap_stream_id":"people",`+entry+`}]}`),
		func(string) *tap.Stream { return s })
	require.NoError(t, err)
	require.Len(t, choices, 1)
	shape, err := s.Shape()
	require.NoError(t, err)
	shape = shape.Treat(func(path []string, c *record.Column) (own, unknown record.Treatment) {
		for _, name := range treat {
			if name == fmt.Sprint(path) {
				return record.Drop, record.Keep
			}
		}
		return c.Treatment, record.Keep
	})
	return choices[0].Select(shape, nil)
}

func metadataOf(selected map[string]bool) string {
	out := `"metadata":[{"breadcrumb":[],"metadata":{"selected":true}}`
	for crumb, is := range selected {
		out += fmt.Sprintf(`,{"breadcrumb":[%s],"metadata":{"selected":%t}}`, crumb, is)
	}
	return out + "]"
}

// A selected column is no wish for empty objects: if none of its members is selected, because the
// platform cannot select them, it comes whole, but for what the policy drops.
func TestSelectedColumnsAreNeverEmptied(t *testing.T) {
	const items = `"properties","emails","items","properties",`
	q := chosen(t, metadataOf(map[string]bool{
		items + `"value"`: false, items + `"type"`: false,
		`"properties","eeoc","properties","id"`: false, `"properties","eeoc","properties","text"`: false,
	}))
	schema := string(q.Shape.AppendSchema(nil))
	assert.Contains(t, schema, `"properties":{"value":{"type":["string","null"]},"type":{"type":["string","null"]}}`)
	assert.Contains(t, schema, `"properties":{"id":{"type":["integer","null"]},"text":{"type":["string","null"]}}`)
	assert.Empty(t, q.Notes)

	q = chosen(t, metadataOf(map[string]bool{
		items + `"value"`: false, items + `"type"`: true,
		`"properties","eeoc","properties","id"`: false, `"properties","eeoc","properties","text"`: true,
	}), "[emails value]")
	schema = string(q.Shape.AppendSchema(nil))
	assert.Contains(t, schema, `"items":{"type":["object","null"],"properties":{"type":`)
	assert.Contains(t, schema, `"eeoc":{"type":["object","null"],"properties":{"text":`, "members of objects can be selected")
	require.Len(t, q.Notes, 1, "a member of a list was left out by hand")
	assert.Contains(t, q.Notes[0], "emails come whole")

	q = chosen(t, metadataOf(map[string]bool{
		`"properties","emails"`: false, items + `"value"`: false, items + `"type"`: true,
	}))
	assert.NotContains(t, q.Fields, "emails")
	assert.Empty(t, q.Notes, "a column that is left out takes its members along")

	q = chosen(t, metadataOf(map[string]bool{`"properties","eeoc","properties","id"`: false}), "[eeoc text]")
	assert.Contains(t, string(q.Shape.AppendSchema(nil)), `"eeoc":{"type":["object","null"],"properties":{"id":`,
		"what the policy drops is no member that could be selected")
}

// Before there was metadata, schemas said what is selected, column by column.
func TestSelectionInSchemas(t *testing.T) {
	q := chosen(t, `"schema":{"selected":true,"properties":{"id":{"selected":true},"eeoc":{"selected":true,
"properties":{"id":{"selected":false}}},"name":{"type":"string","selected":false},"emails":{"type":"array"}}}`)
	assert.Equal(t, []string{"id", "updated_at", "eeoc"}, q.Fields)
	assert.Contains(t, string(q.Shape.AppendSchema(nil)), `"eeoc":{"type":["object","null"],"properties":{"text":`)

	q = chosen(t, `"selected":true,"schema":{"properties":{"age":{"selected":true}}}`)
	assert.Equal(t, []string{"id", "updated_at", "age"}, q.Fields)

	q = chosen(t, `"selected":true,"schema":{"properties":{"age":{"selected":true},"age":{"selected":false,"selected":true}}}`)
	assert.Equal(t, []string{"id", "updated_at", "age"}, q.Fields, "a member may appear twice")

	q = chosen(t, `"schema":{"properties":{"age":{"selected":false}}},`+metadataOf(nil))
	assert.NotContains(t, q.Fields, "age", "beside metadata, too")
	assert.Contains(t, q.Fields, "name")

	s := people(t)
	choices, err := singer.ParseCatalog([]byte(`{"streams":[{"stream":"people","schema":{"selected":true}},
{"stream":"others","schema":{"properties":{"id":{}}}},{"stream":"more","schema":{"selected":false}}]}`),
		func(string) *tap.Stream { return s })
	require.NoError(t, err)
	require.Len(t, choices, 1, "a stream that is not selected by name is not read")
	for _, odd := range []string{`{"selected":"false"}`, `{"properties":{"name":{"selected":0}}}`} {
		_, err = singer.ParseCatalog([]byte(`{"streams":[{"stream":"people","selected":true,"schema":`+odd+`}]}`),
			func(string) *tap.Stream { return s })
		assert.ErrorContains(t, err, `stream "people": schema: selected`, "it may leave something out")
	}
	chosen(t, `"selected":true,"schema":{"properties":{"name":true,"age":{"properties":[]},"more":null}}`)
}

// A column that the catalog gives as text comes as text; other types are not followed, and said.
func TestTypesOfTheCatalog(t *testing.T) {
	all := metadataOf(nil)
	types := func(properties string, treat ...string) *tap.Query {
		return chosen(t, `"schema":{"type":"object","properties":{`+properties+`}},`+all, treat...)
	}
	q := types(`"id":{"type":"integer"},"updated_at":{"type":["string","null"]},"name":{"type":"string"},
"age":{"type":["null","string"]},"emails":{"type":"string"},"eeoc":{}`)
	assert.Empty(t, q.Notes)
	for _, name := range []string{"updated_at", "name", "age", "emails"} {
		assert.True(t, q.Shape.Column(name).Shape.Text, name)
		assert.Contains(t, string(q.Shape.AppendSchema(nil)), `"`+name+`":{"type":["string","null"]}`)
	}
	assert.False(t, q.Shape.Column("eeoc").Shape.Text)

	q = types(`"id":{"type":"string"},"name":{"type":"integer"},"updated_at":{"type":"string","format":"date"},
"emails":{"type":"array","items":{"type":"string"}},"eeoc":{"type":"string"},"more":{"type":"string"}`, "[eeoc id]")
	require.Len(t, q.Notes, 5)
	for i, says := range []string{
		"column id the type string", "name the type integer", "updated_at the type string (date)",
		"emails the type array", "eeoc the type string, which is not followed: some of its members",
	} {
		assert.Contains(t, q.Notes[i], says)
	}
	assert.Contains(t, string(q.Shape.AppendSchema(nil)), `"id":{"type":"integer"}`)

	q = types(`"name":{"type":"text"}`)
	require.Len(t, q.Notes, 1)
	assert.Contains(t, q.Notes[0], "cannot be read")

	discovered, err := singer.Catalog([]tap.Discovered{{Stream: people(t), Shape: q.Shape}})
	require.NoError(t, err)
	s := people(t)
	choices, err := singer.ParseCatalog(discovered, func(string) *tap.Stream { return s })
	require.NoError(t, err)
	assert.Empty(t, choices[0].Select(q.Shape, nil).Notes, "of a catalog as discovered")
}

// What a catalog asks for and cannot be had is said.
func TestNotesOfCatalogs(t *testing.T) {
	q := chosen(t, metadataOf(map[string]bool{`"properties","shoe_size"`: true}))
	require.Len(t, q.Notes, 1)
	assert.Contains(t, q.Notes[0], "no schema has: shoe_size")
	s := people(t)
	s.Bookmark = ""
	choices, err := singer.ParseCatalog([]byte(`{"streams":[{"stream":"people","selected":true,"replication_method":"INCREMENTAL"},
{"stream":"gone","selected":true}]}`), func(name string) *tap.Stream {
		if name == "people" {
			return s
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, choices, 2)
	assert.Contains(t, choices[0].Notes[0], "read whole")
	assert.Equal(t, tap.Gone, tap.KindOf(choices[1].Err), "its own failure")
}
