package record_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// A value out of the known ones is loaded like any other, and told once; so are the columns that no
// row of a page has.
func TestUnlistedValuesAndAbsentColumnsAreTold(t *testing.T) {
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},
"status":{"type":["string","null"],"enum":["open","\"shut\"",null]},"note":{"type":["string","null"]}}}`))
	require.NoError(t, err)
	s.Column("id").Key = true
	splitter := record.NewSplitter(s, record.Options{})
	split := func(page string) record.Result {
		res, err := splitter.Split([]byte(page))
		require.NoError(t, err)
		return res
	}
	res := split(`[{"id":1,"status":"open"},{"id":2,"status":"\"shut\""},{"id":3,"status":null}]`)
	assert.Empty(t, res.Unlisted)
	assert.Equal(t, []string{"note"}, res.Absent)
	res = split(`[{"id":1,"status":"draft","note":"any"},{"id":2,"status":"draft"},{"id":3}]`)
	assert.Equal(t, []record.Unlisted{{Column: "status", Value: "draft"}}, res.Unlisted)
	assert.Empty(t, res.Absent)
	assert.Len(t, res.Records, 3)
	res = split(`[{"id":1,"status":"draft"}]`)
	assert.Empty(t, res.Unlisted)
	assert.Equal(t, []string{"note"}, res.Absent)
	assert.Empty(t, split(`[]`).Absent, "there is no row that could have it")

	_, err = splitter.Split([]byte(`[{"id":1,"status":"odd","extra":1}]`))
	require.ErrorIs(t, err, record.ErrDrift)
	wider, _, err := record.Learn(s, splitter.Page(), record.Options{})
	require.NoError(t, err)
	splitter.Use(wider)
	res = split(`[{"id":1,"status":"odd","extra":1}]`)
	assert.Contains(t, res.Unlisted, record.Unlisted{Column: "status", Value: "odd"})
}

// A column that holds anything at all in the end is told in a few values, not in all.
func TestFewUnlistedValuesAreTold(t *testing.T) {
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{"status":{"type":"string","enum":["open"]}}}`))
	require.NoError(t, err)
	page := []byte("[")
	for i := range 100 {
		page = append(page, `{"status":"`+strconv.Itoa(i)+`"},`...)
	}
	page[len(page)-1] = ']'
	for _, treatment := range []record.Treatment{record.Keep, record.Hash, record.Mask, record.Drop} {
		s.Columns[0].Treatment = treatment
		res, err := record.NewSplitter(s, record.Options{Key: []byte("0123456789abcdef")}).Split(page)
		require.NoError(t, err)
		if treatment == record.Keep {
			assert.Len(t, res.Unlisted, 20)
		} else {
			assert.Empty(t, res.Unlisted, "a value that is treated comes out nowhere")
		}
	}
}

func TestDescriptionsListKnownValues(t *testing.T) {
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{
"a":{"type":"string","description":"What. Known values: x, y."},
"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":["string","null"],"description":"Known values: z."}}}}}}`))
	require.NoError(t, err)
	s = s.Documented()
	assert.Equal(t, []string{"x", "y"}, s.Column("a").Shape.Values)
	assert.Equal(t, []string{"z"}, s.Column("b").Members().Column("c").Shape.Values)
	assert.NotContains(t, string(s.AppendSchema(nil)), "enum", "a record with another value comes out")
	assert.Contains(t, string(s.AppendAgreed(nil)), `"enum":["x","y"]`)
	assert.Contains(t, string(s.AppendAgreed(nil)), `"enum":["z",null]`)
}
