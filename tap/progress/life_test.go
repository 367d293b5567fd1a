package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The first page says when the read began, and who reads.
func TestFirstPageBeginsTheBookmark(t *testing.T) {
	opts := incremental()
	opts.Version, opts.StartDate = 8, day(3)
	r := Begin(tap.Bookmark{}, opts)
	piece := r.Open()[0]
	assert.Nil(t, r.Wrote(Page{Piece: piece, First: true, Asked: day(20), Next: "2", Pages: 1}))
	assert.Equal(t, tap.Bookmark{
		Start: day(3), ReadAs: "me", Policy: "p", Version: 8,
		Progress: &tap.Progress{
			Began: day(20), Query: "q", Pieces: []*tap.Piece{{From: day(3), Cursor: "2"}},
		},
	}, r.Bookmark())
	assert.Nil(t, r.Wrote(Page{Piece: piece, Next: "3", Pages: 2}))
	assert.Equal(t, "3", r.Bookmark().Progress.Pieces[0].Cursor)
	assert.Empty(t, r.Wrote(Page{Piece: piece, Pages: 3}))
	assert.Equal(t, tap.Bookmark{
		Until: day(20), Start: day(3), ReadAs: "me", Policy: "p", Version: 8, Whole: true, Pages: 3,
	}, r.Bookmark())
	assert.Equal(t, Complete, r.Phase())
	assert.Empty(t, r.Wrote(Page{Piece: piece, First: true, Asked: day(25), Pages: 1}), "it is over")
	assert.Equal(t, day(20), r.Bookmark().Until)
}

// The start of what was delivered moves back only where all rows from there are read.
func TestStartOfWhatWasDelivered(t *testing.T) {
	bookmark := tap.Bookmark{Until: day(10), Start: day(4), Version: 7, Whole: true}
	for name, c := range map[string]struct {
		mark  tap.Bookmark
		query func(opts *Options)
		start time.Time
	}{
		"never read":           {tap.Bookmark{}, func(opts *Options) { opts.StartDate = day(6) }, day(6)},
		"only what changed":    {bookmark, func(opts *Options) { opts.StartDate = day(2) }, day(4)},
		"anew, from earlier":   {bookmark, func(opts *Options) { opts.Anew, opts.StartDate = true, day(2) }, day(2)},
		"anew, from later":     {bookmark, func(opts *Options) { opts.Anew, opts.StartDate = true, day(6) }, day(4)},
		"another version":      {bookmark, func(opts *Options) { opts.Version, opts.StartDate = 8, day(2) }, day(2)},
		"after a full table":   {tap.Bookmark{Complete: day(9), Start: day(4)}, func(opts *Options) { opts.StartDate = day(2) }, day(2)},
		"a full table, timed":  {bookmark, func(opts *Options) { opts.Full, opts.StartDate = true, day(2) }, day(4)},
		"a version as it was":  {bookmark, func(opts *Options) { opts.Version, opts.StartDate = 7, day(2) }, day(4)},
		"after the start date": {tap.Bookmark{Complete: day(9), Start: day(4)}, func(opts *Options) { opts.StartDate = day(6) }, day(4)},
	} {
		opts := incremental()
		c.query(&opts)
		r := Begin(c.mark, opts)
		r.Wrote(Page{Piece: r.Open()[0], First: true, Asked: day(20)})
		assert.Equal(t, c.start, r.Bookmark().Start, name)
	}
}

// Of several passes, the one that was asked for first says when the read began, and a pass that
// goes on makes it a read in parts.
func TestPassesBeginTogether(t *testing.T) {
	opts := incremental()
	opts.Passes = 2
	r := Begin(tap.Bookmark{}, opts)
	open := r.Open()
	r.Wrote(Page{Piece: open[0], First: true, Asked: day(21)})
	assert.False(t, r.Bookmark().Progress.InParts)
	assert.Equal(t, Reading, r.Phase())
	r.Wrote(Page{Piece: open[1], First: true, Asked: day(20), Next: "2"})
	assert.True(t, r.Bookmark().Progress.InParts)
	assert.Equal(t, day(20), r.Bookmark().Progress.Began)
	r.Wrote(Page{Piece: open[1]})
	assert.Equal(t, day(20), r.Bookmark().Until)
	single := Begin(tap.Bookmark{}, incremental())
	single.Wrote(Page{Piece: single.Open()[0], First: true, Asked: day(20), Next: "2"})
	assert.False(t, single.Bookmark().Progress.InParts, "a list of one pass is cut only by time")
}

// Rows of a full table that was read in parts may have moved between the parts, so what changed
// since it began is read, and then the table is complete as of its beginning.
func TestFullTableInPartsIsFollowed(t *testing.T) {
	opts := incremental()
	opts.Full, opts.StartDate = true, day(1)
	r := Begin(tap.Bookmark{}, opts)
	piece := r.Open()[0]
	r.Wrote(Page{Piece: piece, First: true, Asked: day(20), Next: "2", Pages: 1})
	newer := r.Wrote(Cut{Piece: piece, At: day(5), Next: "9"})
	assert.Equal(t, []tap.Piece{{From: day(5)}}, newer)
	assert.True(t, r.Bookmark().Progress.InParts)
	assert.Empty(t, r.Wrote(Page{Piece: newer[0], Pages: 2}))
	follows := r.Wrote(Page{Piece: tap.Piece{From: day(1), Before: day(5)}, Pages: 3})
	assert.Equal(t, []tap.Piece{{From: day(20).Add(-time.Hour)}}, follows)
	assert.Equal(t, Following, r.Phase())
	assert.False(t, r.Bookmark().Progress.InParts)
	assert.Equal(t, day(20), r.Bookmark().Progress.Began)
	assert.Empty(t, r.Wrote(Page{Piece: follows[0], First: true, Asked: day(19), Pages: 4}))
	assert.Equal(t, Complete, r.Phase())
	assert.Equal(t, day(20), r.Bookmark().Complete)
	assert.Zero(t, r.Bookmark().Until)
	assert.Equal(t, 4, r.Bookmark().Pages)
}

// A full table that cannot be asked for changes is complete, however it was read.
func TestFullTableWithoutTimesIsNotFollowed(t *testing.T) {
	opts := incremental()
	opts.Full, opts.Timed, opts.Passes = true, false, 2
	r := Begin(tap.Bookmark{}, opts)
	for _, piece := range r.Open() {
		r.Wrote(Page{Piece: piece, First: true, Asked: day(20), Next: "2"})
		r.Wrote(Page{Piece: piece})
	}
	assert.Equal(t, Complete, r.Phase())
	assert.Equal(t, day(20), r.Bookmark().Complete)
}

// What an earlier run began is complete as of then; what has changed since is read next.
func TestInheritedReadIsFollowed(t *testing.T) {
	opts := incremental()
	opts.Version = 7
	b := tap.Bookmark{Version: 7, Progress: &tap.Progress{
		Began: day(20), Query: "q", Pieces: []*tap.Piece{{From: day(5), Cursor: "c"}},
	}}
	r := Begin(b, opts)
	follows := r.Wrote(Page{Piece: r.Open()[0], Pages: 2})
	assert.Equal(t, []tap.Piece{{From: day(20).Add(-time.Hour)}}, follows)
	assert.Equal(t, Reading, r.Phase())
	assert.False(t, r.Inherited())
	assert.Equal(t, tap.Bookmark{Until: day(20), Version: 7, Whole: true, Pages: 2}, r.Bookmark())
	r.Wrote(Page{Piece: follows[0], First: true, Asked: day(25), Pages: 3})
	assert.Equal(t, day(25), r.Bookmark().Until)
	assert.Equal(t, Complete, r.Phase())
}

// Rows of an earlier version stay out of a version until all have been read again.
func TestVersionIsWholeOnceAllRowsHaveIt(t *testing.T) {
	whole := func(bookmark tap.Bookmark, change func(opts *Options)) bool {
		opts := incremental()
		opts.Version = 7
		change(&opts)
		r := Begin(bookmark, opts)
		piece := r.Open()[0]
		r.Wrote(Page{Piece: piece, First: true, Asked: day(20), Next: "2"})
		if r.Bookmark().Whole != (bookmark.Whole && opts.Version == bookmark.Version && !opts.Untrusted) {
			t.Errorf("whole is %v while the read is under way", r.Bookmark().Whole)
		}
		r.Wrote(Page{Piece: piece})
		return r.Bookmark().Whole
	}
	same := func(*Options) {}
	assert.True(t, whole(tap.Bookmark{}, same))
	assert.True(t, whole(tap.Bookmark{Until: day(10), Version: 7, Whole: true}, same))
	assert.True(t, whole(tap.Bookmark{Until: day(10), Version: 6, Whole: true}, same))
	assert.True(t, whole(tap.Bookmark{Until: day(10), Version: 7, Whole: true},
		func(opts *Options) { opts.Untrusted = true }))
	assert.False(t, whole(tap.Bookmark{}, func(opts *Options) { opts.Version = 0 }))
}

// A run that no later one may continue keeps its pieces to itself.
func TestReadThatCannotResumeLeavesNoProgress(t *testing.T) {
	opts := incremental()
	opts.Resumable = false
	r := Begin(tap.Bookmark{}, opts)
	r.Wrote(Page{Piece: r.Open()[0], First: true, Asked: day(20), Next: "2"})
	assert.Nil(t, r.Bookmark().Progress)
	assert.Equal(t, "2", r.Open()[0].Cursor)
}

// What follows is not read from before the start date.
func TestWhatFollowsKeepsToTheStartDate(t *testing.T) {
	opts := incremental()
	opts.StartDate = day(22)
	b := tap.Bookmark{Progress: &tap.Progress{Began: day(20), Query: "q", Pieces: []*tap.Piece{{From: day(22)}}}}
	r := Begin(b, opts)
	assert.Equal(t, []tap.Piece{{From: day(22)}}, r.Wrote(Page{Piece: r.Open()[0]}))
}

// Steps of pieces that are not open change nothing.
func TestStepsOfUnknownPiecesChangeNothing(t *testing.T) {
	r := Begin(tap.Bookmark{Until: day(10)}, incremental())
	open := r.Open()
	r.Wrote(Page{Piece: open[0], First: true, Asked: day(20), Next: "2"})
	before := r.Bookmark()
	other := tap.Piece{From: day(1), Before: day(2)}
	for _, s := range []Step{Cut{Piece: other, At: day(1)}, Restart{Piece: other}, Page{Piece: other, Next: "x"}} {
		assert.Nil(t, r.Wrote(s))
		assert.Equal(t, before, r.Bookmark())
	}
	assert.Nil(t, r.Wrote(Restart{Piece: open[0]}))
	assert.Empty(t, r.Open()[0].Cursor)
}
