package tap

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

func people(t *testing.T) (*Stream, *record.Shape) {
	t.Helper()
	s := &Stream{
		Name: "people", Key: []string{"id"}, Bookmark: "updated_at",
		Params: map[string]string{"b": "2", "a": "1"},
		Schema: jsontext.Value(`{"type":"object","properties":{"id":{"type":"integer"},"updated_at":{"type":"string"},"name":{"type":["string","null"]},"any":{},"address":{"type":["object","null"],"properties":{"city":{"type":"string"},"street":{"type":"string"}}},"made":{"type":["string","null"]}}}`),
	}
	s.Prepare()
	shape, err := s.Shape()
	require.NoError(t, err)
	shape = shape.With(record.Column{Name: "made", Added: true, Shape: &record.Shape{Kinds: record.String}})
	return s, shape
}

// without wants all columns but some, by their paths.
func without(paths ...string) func(path ...string) bool {
	return func(path ...string) bool {
		name := ""
		for i, p := range path {
			if i > 0 {
				name += "."
			}
			name += p
			for _, dropped := range paths {
				if name == dropped {
					return false
				}
			}
		}
		return true
	}
}

func TestShapeOfAStream(t *testing.T) {
	_, shape := people(t)
	assert.True(t, shape.Column("any").Shape.Text, "values of any kind come as text")
	assert.False(t, shape.Column("address").Shape.Text)
	assert.True(t, shape.Column("id").Key)
	assert.False(t, shape.Column("name").Key)
	bad := &Stream{Name: "bad", Schema: jsontext.Value(`[]`)}
	bad.Prepare()
	_, err := bad.Shape()
	assert.ErrorContains(t, err, "stream bad")

	assert.True(t, (&Stream{Filters: map[string]Filter{"candidate_ids": {Type: "ids"}}}).OfCandidates())
	assert.False(t, (&Stream{}).OfCandidates())
	assert.Equal(t, []map[string]string{{"a": "1"}}, (&Stream{Params: map[string]string{"a": "1"}}).ReadParams())
	assert.Equal(t, []map[string]string{{"a": "1", "x": "1"}, {"a": "1", "x": "2"}}, (&Stream{
		Params: map[string]string{"a": "1"}, Passes: []map[string]string{{"x": "1"}, {"x": "2"}},
	}).ReadParams())
}

// What is wanted is asked for; the key and the bookmark always are, and columns that the API does
// not have never are.
func TestQueryAsksForWhatIsWanted(t *testing.T) {
	s, shape := people(t)
	all := (&Choice{Stream: s}).Select(shape, nil)
	assert.Nil(t, all.Fields)
	assert.Equal(t, record.Keep, all.Shape.Unknown)
	assert.Nil(t, (&Choice{Stream: s, Wanted: without("made")}).Select(shape, nil).Fields)

	q := (&Choice{Stream: s, Wanted: without("id", "updated_at", "name")}).Select(shape, nil)
	assert.Equal(t, []string{"id", "updated_at", "any", "address"}, q.Fields)
	assert.Equal(t, record.Drop, q.Shape.Unknown, "only known columns are asked for")
	assert.False(t, q.Shape.Unclassified, "nobody needs to classify what is not asked for")
	assert.Equal(t, record.Drop, q.Shape.Column("name").Treatment)
	assert.True(t, q.LeavesOut("name"))
	assert.False(t, q.LeavesOut("any"))
	assert.False(t, q.LeavesOut("unknown"))

	q = (&Choice{Stream: s, Wanted: without("address.city")}).Select(shape, nil)
	assert.Nil(t, q.Fields)
	assert.Equal(t, record.Drop, q.Shape.Column("address").Members().Column("city").Treatment)
	assert.Equal(t, record.Keep, q.Shape.Column("address").Members().Unknown, "its own stays")
	q = (&Choice{Stream: s, Wanted: without("address.city", "address.street")}).Select(shape, nil)
	assert.Equal(t, record.Keep, q.Shape.Column("address").Members().Column("city").Treatment,
		"who selects no member cannot select members")

	q = (&Choice{Stream: s, Unwanted: []string{"new", "name"}, Wanted: without("new")}).Select(shape, nil)
	assert.True(t, q.LeavesOut("new"))
	assert.NotContains(t, q.Fields, "new")
	assert.Contains(t, q.Fields, "name", "it is in a schema, so Wanted decides")

	q = (&Choice{Stream: s, Err: assert.AnError}).Select(nil, nil)
	assert.Equal(t, assert.AnError, q.Err)
	assert.False(t, q.LeavesOut("name"))
}

type doubling struct{}

func (doubling) Make(s *Stream, shape *record.Shape, fields []string) (
	func(dst, page []byte) ([]byte, error), []string,
) {
	return func(dst, page []byte) ([]byte, error) { return append(append(dst, page...), page...), nil },
		append(fields, s.Name, shape.Columns[0].Name)
}

func TestQueryOfMadeColumns(t *testing.T) {
	s, shape := people(t)
	q := (&Choice{Stream: s}).Select(shape, doubling{})
	assert.Equal(t, []string{"people", "id"}, q.Fields)
	assert.Equal(t, record.Drop, q.Shape.Unknown)
	page, err := q.Transform(nil, []byte("a"))
	require.NoError(t, err)
	assert.Equal(t, "aa", string(page))
}

// A cursor in a state belongs to one query, which its fingerprint tells from others.
func TestFingerprintsOfQueries(t *testing.T) {
	s, shape := people(t)
	some := func(c Choice) *Query {
		c.Stream = s
		return c.Select(shape, nil)
	}
	q := some(Choice{})
	assert.Equal(t, "&a=1&b=2", q.Fingerprint())
	assert.Equal(t, "id,updated_at,any,address&a=1&b=2", some(Choice{Wanted: without("name")}).Fingerprint())
	assert.True(t, q.Incremental())
	assert.True(t, q.Resumable())
	full := some(Choice{FullTable: true})
	assert.Equal(t, "full :&a=1&b=2", full.Fingerprint())
	assert.False(t, full.Incremental())
	assert.False(t, full.Resumable(), "a full table belongs to one run")
	counted := some(Choice{FullTable: true, Generation: "3"})
	assert.Equal(t, "full 3:&a=1&b=2", counted.Fingerprint())
	assert.True(t, counted.Resumable())
	timeless := &Query{Stream: &Stream{}}
	assert.False(t, timeless.Incremental())
	assert.False(t, timeless.Resumable())
}

// A catalog can ask for text, and for nothing else; what is not followed is said.
func TestTypesOfACatalog(t *testing.T) {
	s, shape := people(t)
	given, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"string"},"name":{"type":"integer"},"address":{"type":"string"},"any":{"type":"string"},"gone":{"type":"string"}}}`))
	require.NoError(t, err)
	q := (&Choice{
		Stream: s, Types: given, Named: []string{"name", "shoe_size"}, Wanted: without("address.city"),
	}).Select(shape, nil)
	require.Len(t, q.Notes, 4)
	assert.Contains(t, q.Notes[0], "no schema has: shoe_size")
	assert.Contains(t, q.Notes[1], "column id the type string, which is not followed: the key keeps")
	assert.Contains(t, q.Notes[2], "column name the type integer, which is not followed: only text")
	assert.Contains(t, q.Notes[3], "column address the type string, which is not followed: some of its members")

	q = (&Choice{Stream: s, Types: given}).Select(shape, nil)
	assert.True(t, q.Shape.Column("address").Shape.Text)
	assert.False(t, shape.Column("address").Shape.Text, "the stream's own shape stays")
	same, err := record.ParseShape([]byte(`{"type":"object","properties":{"name":{"type":["string","null"]},"id":{"type":"integer"}}}`))
	require.NoError(t, err)
	q = (&Choice{Stream: s, Types: same}).Select(shape, nil)
	assert.Empty(t, q.Notes)
	assert.True(t, q.Shape.Column("name").Shape.Text, "what the catalog calls text stays text")
	q = (&Choice{Stream: s, Types: given, Wanted: without("name")}).Select(shape, nil)
	for _, note := range q.Notes {
		assert.NotContains(t, note, "column name", "it is left out")
	}
}

func TestRecordsOfAReport(t *testing.T) {
	r := Report{Streams: []StreamReport{{Records: 2}, {Records: 3}}}
	assert.Equal(t, 5, r.Records())
	page, err := AppendLog([]byte("x"), []LogRow{{ID: "1"}, {ID: "\xff"}})
	require.NoError(t, err)
	assert.Contains(t, string(page), `x[{"id":"1",`)
	assert.Contains(t, string(page), `"new_columns":null`)
	for role, want := range map[string][2]bool{
		"": {false, false}, "site_admin": {true, true}, "Site Admin": {true, true}, "basic": {false, true},
		"job_admin": {false, true},
	} {
		admin, known := Identity{Role: role}.SiteAdmin()
		assert.Equal(t, want, [2]bool{admin, known}, role)
	}
}
