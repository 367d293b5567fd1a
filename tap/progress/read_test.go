package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The transitions of a bookmark, as tables: no source, no output.
func TestBookmarkTransitions(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	incremental := Options{
		Fingerprint: "q", Passes: 1, Timed: true, Resumable: true, Lookback: time.Hour,
		ReadAs: "me",
	}
	full := incremental
	full.Fingerprint, full.Full = "full", true
	piece := func(from, before int, cursor string) tap.Piece {
		p := tap.Piece{Cursor: cursor}
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
		pieces          []tap.Piece
	}
	type transition struct {
		r    *Read
		step Step
		want outcome
	}
	made := func(
		opts Options, until time.Time, cut, inherited bool, pieces ...tap.Piece,
	) func(Step, outcome) transition {
		r := &Read{opts: opts, bookmark: tap.Bookmark{Until: until}, loaded: !until.IsZero()}
		r.pieces, r.inParts, r.inherited = pieces, cut, inherited
		if r.began = day(20); len(pieces) == 0 {
			r = Begin(r.bookmark, opts)
			r.pieces[0].From = until
		}
		return func(s Step, want outcome) transition { return transition{r, s, want} }
	}
	for name, c := range map[string]transition{
		"a list of one page is complete at once": made(incremental, day(1), false, false)(
			Page{First: true, Piece: piece(1, 0, ""), Asked: day(10), Pages: 1},
			outcome{until: day(10)}),
		"a longer one is under way": made(incremental, day(1), false, false)(
			Page{First: true, Piece: piece(1, 0, ""), Asked: day(10), Next: "2"},
			outcome{until: day(1), pieces: []tap.Piece{piece(1, 0, "2")}}),
		"a cut makes two": made(incremental, time.Time{}, false, false, piece(0, 0, "2"))(
			Cut{Piece: piece(0, 0, ""), At: day(5), Next: "9"},
			outcome{pieces: []tap.Piece{piece(5, 0, ""), piece(0, 5, "9")}}),
		"a cut whose older part ended with its page makes one": made(incremental, time.Time{},
			false, false, piece(0, 0, "2"))(
			Cut{Piece: piece(0, 0, ""), At: day(5)},
			outcome{pieces: []tap.Piece{piece(5, 0, "")}}),
		"an expired cursor is forgotten": made(incremental, time.Time{}, true, false,
			piece(5, 0, "7"), piece(0, 5, "9"))(
			Restart{Piece: piece(0, 5, "")},
			outcome{pieces: []tap.Piece{piece(5, 0, "7"), piece(0, 5, "")}}),
		"the last piece completes the stream up to when the read began": made(incremental, day(1),
			true, false, piece(5, 0, "7"))(
			Page{Piece: piece(5, 0, "")},
			outcome{until: day(20)}),
		"a full table that was not cut is complete": made(full, time.Time{}, false, false,
			piece(0, 0, "7"))(
			Page{Piece: piece(0, 0, "")},
			outcome{complete: day(20)}),
		"a full table that was cut is followed by what changed": made(full, time.Time{}, true,
			false, piece(5, 0, "7"))(
			Page{Piece: piece(5, 0, "")},
			outcome{pieces: []tap.Piece{{From: day(20).Add(-time.Hour)}}}),
		"so is one that an earlier run began": made(full, time.Time{}, false, true,
			piece(0, 0, "7"))(
			Page{Piece: piece(0, 0, "")},
			outcome{pieces: []tap.Piece{{From: day(20).Add(-time.Hour)}}}),
		"a page of a piece that nobody knows moves nothing": made(incremental, day(1), false, false,
			piece(5, 0, "7"))(
			Page{Piece: piece(2, 4, "")},
			outcome{until: day(1), pieces: []tap.Piece{piece(5, 0, "7")}}),
		"pieces that share a bound are not the same": made(incremental, day(1), true, false,
			piece(2, 5, "7"))(
			Page{Piece: piece(2, 4, "")},
			outcome{until: day(1), pieces: []tap.Piece{piece(2, 5, "7")}}),
		"nor those that share the other": made(incremental, day(1), true, false, piece(3, 5, "7"))(
			Page{Piece: piece(2, 5, "")},
			outcome{until: day(1), pieces: []tap.Piece{piece(3, 5, "7")}}),
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Wrote(c.step)
			b := c.r.Bookmark()
			have := outcome{until: b.Until, complete: b.Complete}
			if b.Progress != nil {
				for _, p := range b.Progress.Pieces {
					have.pieces = append(have.pieces, *p)
				}
			}
			assert.Equal(t, c.want, have)
		})
	}
}
