package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func incremental() Query {
	return Query{
		Fingerprint: "q", Passes: 1, Timed: true, Resumable: true, Lookback: time.Hour,
		ReadAs: "me", Policy: "p",
	}
}

// Where a new read begins follows from the bookmark and the query.
func TestWhereAReadBegins(t *testing.T) {
	loaded := tap.Bookmark{Until: day(10), Start: day(2), Version: 7, Whole: true}
	for name, c := range map[string]struct {
		mark  tap.Bookmark
		query func(q *Query)
		from  time.Time
	}{
		"nothing was read":                      {tap.Bookmark{}, nil, time.Time{}},
		"nothing was read, with a start date":   {tap.Bookmark{}, func(q *Query) { q.StartDate = day(3) }, day(3)},
		"the bookmark, less the lookback":       {loaded, nil, day(10).Add(-time.Hour)},
		"a start date after the bookmark":       {loaded, func(q *Query) { q.StartDate = day(12) }, day(12)},
		"a start date before the bookmark":      {loaded, func(q *Query) { q.StartDate = day(3) }, day(10).Add(-time.Hour)},
		"a list that takes no time":             {loaded, func(q *Query) { q.Timed = false }, time.Time{}},
		"no time, and a start date":             {loaded, func(q *Query) { q.Timed, q.StartDate = false, day(3) }, time.Time{}},
		"the whole table":                       {loaded, func(q *Query) { q.Full = true }, time.Time{}},
		"anew":                                  {loaded, func(q *Query) { q.Anew = true }, time.Time{}},
		"anew, from a start date":               {loaded, func(q *Query) { q.Anew, q.StartDate = true, day(3) }, day(3)},
		"the version was delivered":             {loaded, func(q *Query) { q.Version = 7 }, day(10).Add(-time.Hour)},
		"another version":                       {loaded, func(q *Query) { q.Version = 8 }, time.Time{}},
		"another version, an earlier start":     {loaded, func(q *Query) { q.Version, q.StartDate = 8, day(5) }, day(2)},
		"nobody knows what was delivered":       {loaded, func(q *Query) { q.Version, q.Untrusted, q.StartDate = 7, true, day(5) }, day(2)},
		"a version of a stream never read":      {tap.Bookmark{}, func(q *Query) { q.Version, q.StartDate = 8, day(5) }, day(5)},
		"only a full table was read before":     {tap.Bookmark{Complete: day(9)}, nil, time.Time{}},
		"a full table before, and another mark": {tap.Bookmark{Complete: day(9), Start: day(4)}, func(q *Query) { q.Version, q.StartDate = 8, day(5) }, day(4)},
	} {
		q := incremental()
		if c.query != nil {
			c.query(&q)
		}
		r := Begin(c.mark, q)
		assert.Equal(t, []tap.Piece{{From: c.from}}, r.Open(), name)
		assert.Equal(t, Listing, r.Phase(), name)
		assert.False(t, r.Inherited(), name)
		assert.Nil(t, r.Bookmark().Progress, name)
	}
}

// An unfinished read goes on only under the same query, and where its rows still count.
func TestWhichUnfinishedReadGoesOn(t *testing.T) {
	half := func() tap.Bookmark {
		return tap.Bookmark{Until: day(10), Version: 7, Progress: &tap.Progress{
			Began: day(20), Query: "q", Cut: true, Pieces: []*tap.Piece{{From: day(5), Cursor: "c"}},
		}}
	}
	for name, c := range map[string]struct {
		query func(q *Query)
		mark  func(b *tap.Bookmark)
		goes  bool
	}{
		"the same query":            {nil, nil, true},
		"the same version":          {func(q *Query) { q.Version = 7 }, nil, true},
		"another query":             {func(q *Query) { q.Fingerprint = "other" }, nil, false},
		"a list that takes no time": {func(q *Query) { q.Timed = false }, nil, false},
		"a run that cannot resume":  {func(q *Query) { q.Resumable = false }, nil, false},
		"anew":                      {func(q *Query) { q.Anew = true }, nil, false},
		"another version":           {func(q *Query) { q.Version = 8 }, nil, false},
		"an untrusted version":      {func(q *Query) { q.Version, q.Untrusted = 7, true }, nil, false},
		"a read that is over":       {nil, func(b *tap.Bookmark) { b.Until = day(20) }, false},
		"over, to the millisecond":  {nil, func(b *tap.Bookmark) { b.Progress.Began = day(10).Add(time.Microsecond) }, false},
		"begun a millisecond later": {nil, func(b *tap.Bookmark) { b.Progress.Began = day(10).Add(time.Millisecond) }, true},
		"over in a full table":      {nil, func(b *tap.Bookmark) { b.Until, b.Complete = time.Time{}, day(21) }, false},
	} {
		q, b := incremental(), half()
		if c.query != nil {
			c.query(&q)
		}
		if c.mark != nil {
			c.mark(&b)
		}
		want := *b.Progress
		r := Begin(b, q)
		assert.Equal(t, c.goes, r.Inherited(), name)
		if c.goes {
			assert.Equal(t, &want, r.Bookmark().Progress, name)
			assert.Equal(t, []tap.Piece{{From: day(5), Cursor: "c"}}, r.Open(), name)
		} else {
			assert.Nil(t, r.Bookmark().Progress, name)
		}
	}
}

func TestWhatAStateKnows(t *testing.T) {
	assert.False(t, Loaded(tap.Bookmark{Pages: 3}))
	assert.True(t, Loaded(tap.Bookmark{Until: day(1)}))
	assert.True(t, Loaded(tap.Bookmark{Complete: day(1)}))
	assert.True(t, Loaded(tap.Bookmark{Progress: &tap.Progress{}}))
}

// A list of several passes has a piece for each.
func TestEachPassIsAPiece(t *testing.T) {
	q := incremental()
	q.Passes, q.StartDate = 3, day(3)
	r := Begin(tap.Bookmark{}, q)
	assert.Equal(t, []tap.Piece{{Pass: 0, From: day(3)}, {Pass: 1, From: day(3)}, {Pass: 2, From: day(3)}}, r.Open())
	open := r.Open()
	open[0].Pass = 9
	assert.Equal(t, 0, r.Open()[0].Pass, "the caller has a copy")
}
