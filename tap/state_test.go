package tap

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// Each part of a bookmark comes back from a state, and makes it one that knows something.
func TestBookmarksComeBackFromAState(t *testing.T) {
	passes := &Stream{Passes: []map[string]string{{"a": "1"}, {"a": "2"}}}
	for name, b := range map[string]Bookmark{
		"progress": {Progress: &Progress{
			Began: day(1), Query: "q", InParts: true,
			Pieces: []*Piece{{Pass: 1, From: day(2), Before: day(3), Cursor: "c"}},
		}},
		"learnt":    {Learnt: map[string]jsontext.Value{"new": jsontext.Value(`{"type":"string"}`)}},
		"pages":     {Pages: 3},
		"complete":  {Complete: day(4)},
		"read as":   {ReadAs: "r"},
		"policy":    {Policy: "p"},
		"version":   {Version: 7},
		"whole":     {Whole: true},
		"start":     {Start: day(5)},
		"ledger":    {Ledger: "l"},
		"verified":  {Verified: &Verified{Until: day(6), Rows: 2, Sum: "3", Repaired: 1}},
		"quiet":     {Quiet: 2},
		"refused":   {Refused: day(7)},
		"all other": {Pages: 1, Policy: "p", Version: 1, Whole: true, Quiet: 9},
	} {
		assert.False(t, b.Empty(), name)
		data, err := json.Marshal(b.Extra())
		require.NoError(t, err)
		again, err := ParseBookmark(data, passes)
		require.NoError(t, err, name)
		assert.Equal(t, b, *again, name)
	}
	assert.True(t, (&Bookmark{}).Empty())
	assert.False(t, (&Bookmark{Until: day(1)}).Empty())
	over, err := json.Marshal((&Bookmark{}).Extra())
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(over, &members))
	assert.Contains(t, members, "progress")
	assert.Contains(t, members, "learnt")
	for name, value := range members {
		assert.Nil(t, value, "%s: what is over is null, since platforms merge states", name)
	}
}

func TestBookmarksThatCannotBeUsed(t *testing.T) {
	s := &Stream{}
	for text, says := range map[string]string{
		`{"pages":-1}`: "pages is negative",
		`{"progress":{"pieces":[{"from":null}]}}`:                              "no time or no pieces",
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[]}}`:            "no time or no pieces",
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[null]}}`:        "unknown pass",
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":1}]}}`:  "unknown pass",
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":-1}]}}`: "unknown pass",
		`{"pages":"many"}`: "",
	} {
		_, err := ParseBookmark(jsontext.Value(text), s)
		assert.ErrorContains(t, err, says, text)
	}
	b, err := ParseBookmark(jsontext.Value(`{"pages":0,"pages":2,"quiet":-3}`), s)
	require.NoError(t, err, "the last one counts")
	assert.Equal(t, Bookmark{Pages: 2}, *b)
	_, err = ParseBookmark(jsontext.Value(`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{}]}}`), s)
	require.NoError(t, err)
}

// A stream is complete up to the time of its slowest part, and was last read at the later of its
// two kinds of complete reads.
func TestTimesOfBookmarks(t *testing.T) {
	assert.Equal(t, day(2), Slowest([]time.Time{day(3), day(2), day(4)}))
	assert.Zero(t, Slowest([]time.Time{day(3), {}}))
	assert.Zero(t, Slowest(nil))
	assert.Equal(t, day(3), (&Bookmark{Until: day(3), Complete: day(2)}).Last())
	assert.Equal(t, day(4), (&Bookmark{Until: day(3), Complete: day(4)}).Last())
	assert.Zero(t, (&Bookmark{}).Last())
	p := Piece{Pass: 1, From: day(1), Before: day(2), Cursor: "a"}
	assert.True(t, p.Same(Piece{Pass: 1, From: day(1), Before: day(2), Cursor: "b"}))
	for _, other := range []Piece{
		{From: day(1), Before: day(2)}, {Pass: 1, Before: day(2)}, {Pass: 1, From: day(1)},
	} {
		assert.False(t, p.Same(other))
	}
	st := NewState()
	st.Of("users").Pages = 1
	st.Of("jobs").Pages = 2
	assert.Equal(t, 1, st.Of("users").Pages)
	assert.Equal(t, []string{"jobs", "users"}, st.Streams())
}

// An entry of a state is of a known form if it has a member of this program, or nothing but those
// that are named.
func TestFormsOfEntries(t *testing.T) {
	for entry, want := range map[string]bool{
		`{}`: true, `{"version":1}`: true, `{"x":1,"version":1}`: true, `{"x":1}`: false,
		`{"named":1}`: true, `{"named":1,"x":1}`: false, `{"x":null,"y":"","z":[],"w":{}}`: true,
		`{"version":null,"x":1}`: false, `[1]`: false, `{"x":1,"x":null}`: true,
	} {
		assert.Equal(t, want, Understood(jsontext.Value(entry), "named"), entry)
	}
	st := NewState()
	st.NoteUnknown(nil)
	assert.Empty(t, st.Notes)
	st.NoteUnknown([]string{"users", "jobs"})
	require.Len(t, st.Notes, 1)
	assert.Contains(t, st.Notes[0], "read from the start: jobs, users")
}

// Cursors that lead in a circle are an error, however long the circle and the way to it.
func TestCirclesAreNoticed(t *testing.T) {
	for _, length := range []int{1, 2, 3, 7} {
		for _, way := range []int{0, 1, 5, 20} {
			var c Circle
			pages, err := 0, error(nil)
			for ; err == nil && pages < 200; pages++ {
				n := pages
				if n >= way {
					n = way + (pages-way)%length
				}
				err = c.Next("users", string(rune('a'+n)))
			}
			require.ErrorContains(t, err, "leads back to an earlier one", "%d after %d", length, way)
			assert.Equal(t, Server, KindOf(err))
			assert.LessOrEqual(t, pages, 3*(length+way)+1, "%d after %d", length, way)
		}
	}
	var c Circle
	for n := range 100 {
		require.NoError(t, c.Next("users", string(rune('a'+n))))
	}
	require.NoError(t, c.Next("users", ""))
	require.NoError(t, c.Next("users", ""), "the end is no circle")
}
