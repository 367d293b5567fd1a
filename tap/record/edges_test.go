package record_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// What is not at the edge is held by the other tests; these are the edges.
func TestEdgesOfNumbers(t *testing.T) {
	for number, want := range map[string]string{
		"9223372036854775807": "integer", "9223372036854775808": "number", "-9223372036854775808": "integer", "-9223372036854775809": "number",
		"999999999999999999": "integer", "0": "integer", "-0": "integer", "1e2": "number", "0.5": "number", "10": "integer",
	} {
		_, s, err := read(t, shape(t), `[{"id":1,"new":`+number+`}]`, record.Options{})
		require.NoError(t, err, number)
		assert.Contains(t, string(s.AppendSchema(nil)), `"new":{"type":["`+want+`","null"]}`, number)
	}
}

// The watched column of the first and the last record tells how fast rows came; the ids are those of all records, also of such as are left out.
func TestWhatAPageTells(t *testing.T) {
	page := []byte(`[{"id":3,"at":"2026-01-03T00:00:00.000Z"},{"id":2,"at":"2026-01-02T00:00:00.000Z"},{"id":1,"at":"2026-01-01T00:00:00.000Z"}]`)
	splitter := record.NewSplitter(shape(t), record.Options{Watch: "at", Mark: "at", IDs: true})
	res, err := splitter.Split(page)
	require.NoError(t, err)
	assert.Equal(t, `"2026-01-03T00:00:00.000Z"`, string(res.First))
	assert.Equal(t, `"2026-01-01T00:00:00.000Z"`, string(res.Last))
	assert.Equal(t, []int64{3, 2, 1}, res.IDs)
	assert.Len(t, res.Records, 3)
	splitter.Since("2026-01-02T00:00:00.000Z")
	res, err = splitter.Split(page)
	require.NoError(t, err)
	assert.Len(t, res.Records, 2, "what is of that very moment stays")
	assert.Equal(t, 3, res.Rows)
	assert.Equal(t, []int64{3, 2, 1}, res.IDs)
	splitter.Since("")
	res, err = splitter.Split(page)
	require.NoError(t, err)
	assert.Len(t, res.Records, 3)
}

// The first and the last letter of the alphabet are letters, and whatever is no letter stays.
func TestHashesFoldCase(t *testing.T) {
	of := func(text string) string {
		splitter := record.NewSplitter(treatShape(t), record.Options{DropUnknown: true, Key: treatKey})
		res, err := splitter.Split([]byte(`[{"id":1,"text":"` + text + `"}]`))
		require.NoError(t, err)
		return string(res.Records[0])
	}
	assert.Equal(t, of("az@[`{"), of("AZ@[`{"))
	assert.NotEqual(t, of("@"), of("`"))
	assert.Equal(t, of("äö"), of("ÄÖ"))
	assert.Equal(t, of("x"), of(`\n x\t`))
	assert.Contains(t, of(" a "), reference("a"))
}

func TestLearntShapes(t *testing.T) {
	learnt := func(column, schema string) string {
		s, err := shape(t).Learnt(map[string]jsontext.Value{column: jsontext.Value(schema)}, record.Keep)
		require.NoError(t, err)
		return string(s.AppendSchema(nil))
	}
	assert.Contains(t, learnt("at", `{"type":["string","null"],"format":"date-time"}`), `"at":{"type":["string","null"],"format":"date-time"}`)
	assert.Contains(t, learnt("at", `{"type":["string","null"]}`), `"at":{"type":["string","null"]}`, "a format that was lost stays lost")
	assert.Contains(t, learnt("at", `{"type":["integer","null"]}`), `"at":{"type":["integer","string","null"]}`)
	assert.Contains(t, learnt("tags", `{}`), `"tags":{}`, "anything goes, and below it, too")
	assert.Contains(t, learnt("new", `{"type":"boolean","x-name":"new_1"}`), `"new_1":{"type":"boolean"}`, "a name of its own is kept")
	_, err := shape(t).Learnt(map[string]jsontext.Value{"odd": jsontext.Value(`[]`)}, record.Keep)
	assert.ErrorContains(t, err, `"odd"`)
	_, err = shape(t).Learnt(map[string]jsontext.Value{"odd": jsontext.Value(`{"type":"thing"}`)}, record.Keep)
	assert.ErrorContains(t, err, "thing")
}
