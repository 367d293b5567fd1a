package tap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// The transitions of a bookmark, as tables: no source, no output.
func TestBookmarkTransitions(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	incremental := &reading{query: "q", passes: 1, timed: true, lookback: time.Hour, readAs: "me"}
	full := &reading{query: "full", passes: 1, full: true, timed: true, lookback: time.Hour}
	piece := func(from, before int, cursor string) *Piece {
		p := &Piece{Cursor: cursor}
		if from > 0 {
			p.From = day(from)
		}
		if before > 0 {
			p.Before = day(before)
		}
		return p
	}
	type outcome struct {
		until, complete time.Time
		pieces          []*Piece
	}
	type transition struct {
		b    *Bookmark
		r    *reading
		step step
		want outcome
	}
	made := func(
		r *reading, until time.Time, cut, resumed bool, pieces ...*Piece,
	) func(step, outcome) transition {
		b := &Bookmark{Until: until}
		if len(pieces) > 0 {
			b.Progress = &Progress{
				Began: day(20), Query: r.query, Cut: cut, resumed: resumed,
				Pieces: pieces,
			}
		}
		return func(s step, want outcome) transition { return transition{b, r, s, want} }
	}
	for name, c := range map[string]transition{
		"a list of one page is complete at once": made(incremental, day(1), false, false)(
			step{begin: true, piece: *piece(1, 0, ""), asked: day(10), pages: 1},
			outcome{until: day(10)}),
		"a longer one is under way": made(incremental, day(1), false, false)(
			step{begin: true, piece: *piece(1, 0, ""), asked: day(10), next: "2"},
			outcome{until: day(1), pieces: []*Piece{piece(1, 0, "2")}}),
		"a cut makes two": made(incremental, time.Time{}, false, false, piece(0, 0, "2"))(
			step{piece: *piece(0, 0, ""), cut: day(5), next: "9"},
			outcome{pieces: []*Piece{piece(5, 0, ""), piece(0, 5, "9")}}),
		"a cut whose older part ended with its page makes one": made(incremental, time.Time{},
			false, false, piece(0, 0, "2"))(
			step{piece: *piece(0, 0, ""), cut: day(5)},
			outcome{pieces: []*Piece{piece(5, 0, "")}}),
		"an expired cursor is forgotten": made(incremental, time.Time{}, true, false,
			piece(5, 0, "7"), piece(0, 5, "9"))(
			step{piece: *piece(0, 5, ""), restart: true},
			outcome{pieces: []*Piece{piece(5, 0, "7"), piece(0, 5, "")}}),
		"the last piece completes the stream up to when the read began": made(incremental, day(1),
			true, false, piece(5, 0, "7"))(
			step{piece: *piece(5, 0, "")},
			outcome{until: day(20)}),
		"a full table that was not cut is complete": made(full, time.Time{}, false, false,
			piece(0, 0, "7"))(
			step{piece: *piece(0, 0, "")},
			outcome{complete: day(20)}),
		"a full table that was cut is followed by what changed": made(full, time.Time{}, true,
			false, piece(5, 0, "7"))(
			step{piece: *piece(5, 0, "")},
			outcome{pieces: []*Piece{{From: day(20).Add(-time.Hour)}}}),
		"so is one that an earlier run began": made(full, time.Time{}, false, true,
			piece(0, 0, "7"))(
			step{piece: *piece(0, 0, "")},
			outcome{pieces: []*Piece{{From: day(20).Add(-time.Hour)}}}),
		"a page of a piece that nobody knows moves nothing": made(incremental, day(1), false, false,
			piece(5, 0, "7"))(
			step{piece: *piece(2, 4, "")},
			outcome{until: day(1), pieces: []*Piece{piece(5, 0, "7")}}),
		"pieces that share a bound are not the same": made(incremental, day(1), true, false,
			piece(2, 5, "7"))(
			step{piece: *piece(2, 4, "")},
			outcome{until: day(1), pieces: []*Piece{piece(2, 5, "7")}}),
		"nor those that share the other": made(incremental, day(1), true, false, piece(3, 5, "7"))(
			step{piece: *piece(2, 5, "")},
			outcome{until: day(1), pieces: []*Piece{piece(3, 5, "7")}}),
	} {
		t.Run(name, func(t *testing.T) {
			c.step.apply(c.b, c.r)
			have := outcome{until: c.b.Until, complete: c.b.Complete}
			if c.b.Progress != nil {
				have.pieces = c.b.Progress.Pieces
			}
			assert.Equal(t, c.want, have)
		})
	}
}

func TestIDs(t *testing.T) {
	a, b := IDsOf([]int64{5, 1, 9, 5, 1 << 40, -3}), IDsOf([]int64{9, 2, 1 << 40})
	list := func(s IDs) (ids []int64) {
		for id := range s.All() {
			ids = append(ids, id)
		}
		assert.Len(t, ids, s.Len())
		return ids
	}
	assert.Equal(t, []int64{1 << 40, 9, 5, 1, -3}, list(a))
	assert.Equal(t, []int64{1 << 40, 9, 5, 2, 1, -3}, list(a.Union(&b)))
	assert.Equal(t, []int64{5, 1, -3}, list(a.Without(&b)))
	assert.Empty(t, list(IDs{}))
	c, d := IDsOf([]int64{9, 8}), IDsOf([]int64{7, 3})
	assert.Equal(t, []int64{9, 8, 7, 3}, list(c.Add(&d)))
	e, f := IDsOf([]int64{9, 3}), IDsOf([]int64{5, 3})
	assert.Equal(t, []int64{9, 5, 3}, list(e.Add(&f)))
	again, ok := ParseIDs(a.Bytes())
	assert.True(t, ok)
	assert.Equal(t, list(a), list(again))
}

// FuzzIDs reads arbitrary bytes: they are a set in order, or refused.
func FuzzIDs(f *testing.F) {
	some := IDsOf([]int64{1, 2, 300, 1 << 50})
	f.Add(some.Bytes())
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := ParseIDs(data)
		if !ok {
			return
		}
		last, n := int64(0), 0
		for id := range s.All() {
			assert.True(t, n == 0 || id < last)
			last = id
			n++
		}
		assert.Equal(t, s.Len(), n)
	})
}
