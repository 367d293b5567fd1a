package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func incremental() Options {
	return Options{
		Fingerprint: "q", Passes: 1, Timed: true, Resumable: true, Lookback: time.Hour,
		ReadAs: "me", Policy: "p",
	}
}

// Where a new read begins follows from the bookmark and the query.
func TestWhereAReadBegins(t *testing.T) {
	loaded := tap.Bookmark{Until: day(10), Start: day(2), Version: 7, Whole: true}
	for name, c := range map[string]struct {
		mark  tap.Bookmark
		query func(opts *Options)
		from  time.Time
	}{
		"nothing was read":                      {tap.Bookmark{}, nil, time.Time{}},
		"nothing was read, with a start date":   {tap.Bookmark{}, func(opts *Options) { opts.StartDate = day(3) }, day(3)},
		"the bookmark, less the lookback":       {loaded, nil, day(10).Add(-time.Hour)},
		"a start date after the bookmark":       {loaded, func(opts *Options) { opts.StartDate = day(12) }, day(12)},
		"a start date before the bookmark":      {loaded, func(opts *Options) { opts.StartDate = day(3) }, day(10).Add(-time.Hour)},
		"a list that takes no time":             {loaded, func(opts *Options) { opts.Timed = false }, time.Time{}},
		"no time, and a start date":             {loaded, func(opts *Options) { opts.Timed, opts.StartDate = false, day(3) }, time.Time{}},
		"the whole table":                       {loaded, func(opts *Options) { opts.Full = true }, time.Time{}},
		"anew":                                  {loaded, func(opts *Options) { opts.Anew = true }, time.Time{}},
		"anew, from a start date":               {loaded, func(opts *Options) { opts.Anew, opts.StartDate = true, day(3) }, day(3)},
		"the version was delivered":             {loaded, func(opts *Options) { opts.Version = 7 }, day(10).Add(-time.Hour)},
		"another version":                       {loaded, func(opts *Options) { opts.Version = 8 }, time.Time{}},
		"another version, an earlier start":     {loaded, func(opts *Options) { opts.Version, opts.StartDate = 8, day(5) }, day(2)},
		"nobody knows what was delivered":       {loaded, func(opts *Options) { opts.Version, opts.Untrusted, opts.StartDate = 7, true, day(5) }, day(2)},
		"a version of a stream never read":      {tap.Bookmark{}, func(opts *Options) { opts.Version, opts.StartDate = 8, day(5) }, day(5)},
		"only a full table was read before":     {tap.Bookmark{Complete: day(9)}, nil, time.Time{}},
		"a full table before, and another mark": {tap.Bookmark{Complete: day(9), Start: day(4)}, func(opts *Options) { opts.Version, opts.StartDate = 8, day(5) }, day(4)},
	} {
		opts := incremental()
		if c.query != nil {
			c.query(&opts)
		}
		r := Begin(c.mark, opts)
		assert.Equal(t, []tap.Piece{{From: c.from}}, r.Open(), name)
		assert.Equal(t, Reading, r.Phase(), name)
		assert.False(t, r.Inherited(), name)
		assert.Nil(t, r.Bookmark().Progress, name)
	}
}

// An unfinished read goes on only under the same query, and where its rows still count.
func TestWhichUnfinishedReadGoesOn(t *testing.T) {
	half := func() tap.Bookmark {
		return tap.Bookmark{Until: day(10), Version: 7, Progress: &tap.Progress{
			Began: day(20), Query: "q", InParts: true, Pieces: []*tap.Piece{{From: day(5), Cursor: "c"}},
		}}
	}
	for name, c := range map[string]struct {
		query func(opts *Options)
		mark  func(b *tap.Bookmark)
		goes  bool
	}{
		"the same query":            {nil, nil, true},
		"the same version":          {func(opts *Options) { opts.Version = 7 }, nil, true},
		"another query":             {func(opts *Options) { opts.Fingerprint = "other" }, nil, false},
		"a list that takes no time": {func(opts *Options) { opts.Timed = false }, nil, false},
		"a run that cannot resume":  {func(opts *Options) { opts.Resumable = false }, nil, false},
		"anew":                      {func(opts *Options) { opts.Anew = true }, nil, false},
		"another version":           {func(opts *Options) { opts.Version = 8 }, nil, false},
		"an untrusted version":      {func(opts *Options) { opts.Version, opts.Untrusted = 7, true }, nil, false},
		"a read that is over":       {nil, func(b *tap.Bookmark) { b.Until = day(20) }, false},
		"over, to the millisecond":  {nil, func(b *tap.Bookmark) { b.Progress.Began = day(10).Add(time.Microsecond) }, false},
		"begun a millisecond later": {nil, func(b *tap.Bookmark) { b.Progress.Began = day(10).Add(time.Millisecond) }, true},
		"over in a full table":      {nil, func(b *tap.Bookmark) { b.Until, b.Complete = time.Time{}, day(21) }, false},
	} {
		opts, b := incremental(), half()
		if c.query != nil {
			c.query(&opts)
		}
		if c.mark != nil {
			c.mark(&b)
		}
		want := *b.Progress
		r := Begin(b, opts)
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
	opts := incremental()
	opts.Passes, opts.StartDate = 3, day(3)
	r := Begin(tap.Bookmark{}, opts)
	assert.Equal(t, []tap.Piece{{Pass: 0, From: day(3)}, {Pass: 1, From: day(3)}, {Pass: 2, From: day(3)}}, r.Open())
	open := r.Open()
	open[0].Pass = 9
	assert.Equal(t, 0, r.Open()[0].Pass, "the caller has a copy")
}
