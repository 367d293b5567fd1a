package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// holds reports whether a row that changed at t belongs to the piece.
func holds(p *tap.Piece, t time.Time) bool {
	return !t.Before(p.From) && (p.Before.IsZero() || t.Before(p.Before))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Whatever the pages say, the parts of a piece partition it: each moment is in exactly one, and
// cutting ends.
func TestPiecesPartitionTheList(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		ago := func() time.Time { return now.Add(-time.Duration(random.Int64N(int64(12 * 365 * 24 * time.Hour)))) }
		whole := &tap.Piece{Pass: random.IntN(2)}
		if random.IntN(2) == 0 {
			whole.From = ago()
		}
		if random.IntN(3) == 0 {
			whole.Before = latest(whole.From, ago()).Add(time.Hour)
		}
		oldest := time.Time{}
		if random.IntN(2) == 0 {
			oldest = ago()
		}
		read := progress.Begin(tap.Bookmark{Progress: &tap.Progress{
			Began: now, Query: "q", Pieces: []*tap.Piece{whole},
		}}, progress.Options{Fingerprint: "q", Timed: true, Resumable: true})
		rest := whole
		for range 40 {
			top := latest(rest.From, ago())
			if !rest.Before.IsZero() && !top.Before(rest.Before) {
				top = rest.Before.Add(-time.Millisecond)
			}
			first := head{top: top, bottom: top.Add(-time.Duration(random.Int64N(int64(20 * 24 * time.Hour)))), next: "first"}
			at, ok := first.split(rest, oldest)
			if !ok {
				continue
			}
			newer := read.Wrote(progress.Cut{Piece: *rest, At: at, Next: "older"})
			require.Len(t, newer, 1)
			assert.Empty(t, newer[0].Cursor)
			rest = &tap.Piece{Pass: rest.Pass, From: rest.From, Before: at, Cursor: "older"}
			assert.Contains(t, read.Open(), *rest, "its first page has been read")
		}
		pieces := read.Open()
		moments := []time.Time{{}, now, whole.From, whole.Before, whole.From.Add(-time.Millisecond)}
		for _, p := range pieces {
			assert.Equal(t, whole.Pass, p.Pass)
			assert.True(t, p.Before.IsZero() || p.From.Before(p.Before), "seed %d: an empty piece",
				seed)
			moments = append(moments, p.From, p.Before, p.Before.Add(-time.Millisecond), ago())
		}
		for _, m := range moments {
			n := 0
			for _, p := range pieces {
				if holds(&p, m) {
					n++
				}
			}
			want := 0
			if holds(whole, m) {
				want = 1
			}
			require.Equal(t, want, n, "seed %d: %s lies in %d pieces", seed, m, n)
		}
	}
}

func TestShortListsAreNotCut(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	year := now.Add(-365 * 24 * time.Hour)
	for name, c := range map[string]struct {
		first head
		piece tap.Piece
		cut   bool
	}{
		"a year at a day a page": {head{top: now, bottom: now.Add(-24 * time.Hour), next: "next"}, tap.Piece{}, true},
		"a year at a week a page": {
			head{top: now, bottom: now.Add(-7 * 24 * time.Hour), next: "next"},
			tap.Piece{},
			false,
		},
		"no more ids than pages": {
			head{top: now, bottom: now.Add(-24 * time.Hour), next: "next", most: 12}, tap.Piece{}, false,
		},
		"one page":               {head{top: now, bottom: now.Add(-time.Hour), next: ""}, tap.Piece{}, false},
		"all rows of one moment": {head{top: now, bottom: now, next: "next"}, tap.Piece{}, false},
		"rows without times":     {head{next: "next"}, tap.Piece{}, false},
		"rows in no order":       {head{top: now.Add(-time.Hour), bottom: now, next: "next"}, tap.Piece{}, false},
		"the cut before the piece": {
			head{top: now, bottom: now.Add(-24 * time.Hour), next: "next"},
			tap.Piece{From: now.Add(-48 * time.Hour)},
			false,
		},
		"the cut behind the piece": {
			head{top: now, bottom: now.Add(-24 * time.Hour), next: "next"},
			tap.Piece{Before: now.Add(-300 * 24 * time.Hour)},
			false,
		},
		"the cut within the bounds": {
			head{top: now, bottom: now.Add(-24 * time.Hour), next: "next"},
			tap.Piece{From: year, Before: now},
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			at, ok := c.first.split(&c.piece, year)
			assert.Equal(t, c.cut, ok)
			if ok {
				assert.Equal(t, now.Add(-60*24*time.Hour), at)
			}
		})
	}
}

// The age of the account counts once it is old enough to tell, and a bound makes a list shorter.
func TestExpectedPages(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	daily := head{top: now, bottom: now.Add(-24 * time.Hour), next: "next"}
	days := func(n int) time.Time { return now.Add(-time.Duration(n) * 24 * time.Hour) }
	telling := int(trustedAge / (24 * time.Hour))
	assert.InDelta(t, float64(telling), daily.pages(days(telling)), 1e-9)
	assert.InDelta(t, float64(plausibleAge/(24*time.Hour)), daily.pages(days(telling-1)), 1e-9)
	assert.InDelta(t, float64(plausibleAge/(24*time.Hour)), daily.pages(time.Time{}), 1e-9)
	expected := func(h head, from time.Time) float64 {
		return h.expected(&task{piece: &tap.Piece{From: from}, weight: 7}, days(3000))
	}
	assert.InDelta(t, 3000, expected(daily, time.Time{}), 1e-9)
	assert.InDelta(t, 10, expected(daily, days(10)), 1e-9)
	assert.InDelta(t, 3000, expected(daily, days(4000)), 1e-9)
	assert.InDelta(t, 7, expected(head{next: "next"}, days(10)), 1e-9, "as many as before")
}

// A list has a row for each id up to the highest at most.
func TestListIsNoLongerThanItsIDs(t *testing.T) {
	for highest, want := range map[string]float64{
		"2500": 5, "500": 1, "499": 0, "": 0, `"a"`: 0, "-1": 0, "4000123000": 8000246,
	} {
		assert.InDelta(t, want, mostPages([]byte(highest), 500), 1e-9, highest)
	}
}
