package tap

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// holds reports whether a row that changed at t belongs to the piece.
func (p *Piece) holds(t time.Time) bool {
	return !t.Before(p.From) && (p.Before.IsZero() || t.Before(p.Before))
}

// Whatever the pages say, the parts of a piece partition it: each moment is in exactly one, and
// cutting ends.
func TestPiecesPartitionTheList(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		ago := func() time.Time { return now.Add(-time.Duration(random.Int64N(int64(12 * 365 * 24 * time.Hour)))) }
		whole := &Piece{Pass: random.IntN(2)}
		if random.IntN(2) == 0 {
			whole.From = ago()
		}
		if random.IntN(3) == 0 {
			whole.Before = later(whole.From, ago()).Add(time.Hour)
		}
		oldest := time.Time{}
		if random.IntN(2) == 0 {
			oldest = ago()
		}
		pieces := []*Piece{whole}
		rest := whole
		for range 40 {
			top := later(rest.From, ago())
			if !rest.Before.IsZero() && !top.Before(rest.Before) {
				top = rest.Before.Add(-time.Millisecond)
			}
			first := head{top: top, bottom: top.Add(-time.Duration(random.Int64N(int64(20 * 24 * time.Hour)))), next: "first"}
			at, ok := first.split(rest, oldest)
			if !ok {
				continue
			}
			older := head{next: "older"}
			newer, behind := rest.cut(at, older.next)
			require.True(t, newer.From.Equal(at) && behind.Before.Equal(at), "seed %d", seed)
			assert.Equal(t, "older", behind.Cursor, "its first page has been read")
			assert.Empty(t, newer.Cursor)
			pieces[slices.Index(pieces, rest)] = newer
			pieces = append(pieces, behind)
			rest = behind
		}
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
				if p.holds(m) {
					n++
				}
			}
			want := 0
			if whole.holds(m) {
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
		piece Piece
		cut   bool
	}{
		"a year at a day a page": {head{now, now.Add(-24 * time.Hour), "next"}, Piece{}, true},
		"a year at a week a page": {
			head{now, now.Add(-7 * 24 * time.Hour), "next"},
			Piece{},
			false,
		},
		"one page":               {head{now, now.Add(-time.Hour), ""}, Piece{}, false},
		"all rows of one moment": {head{now, now, "next"}, Piece{}, false},
		"rows without times":     {head{next: "next"}, Piece{}, false},
		"rows in no order":       {head{now.Add(-time.Hour), now, "next"}, Piece{}, false},
		"the cut before the piece": {
			head{now, now.Add(-24 * time.Hour), "next"},
			Piece{From: now.Add(-48 * time.Hour)},
			false,
		},
		"the cut behind the piece": {
			head{now, now.Add(-24 * time.Hour), "next"},
			Piece{Before: now.Add(-300 * 24 * time.Hour)},
			false,
		},
		"the cut within the bounds": {
			head{now, now.Add(-24 * time.Hour), "next"},
			Piece{From: year, Before: now},
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

// FuzzBookmarkTime checks that a written time reads as the same time.
func FuzzBookmarkTime(f *testing.F) {
	for _, seed := range []string{
		"2026-01-31T08:15:30Z", "2026-01-31", "2026-01-31 08:15:30.123+02:00",
		"2026-01-31T08:15:30.123456", "2026-01-31T08:15:30+0000",
		"", "yesterday", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59.999Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text)
		if err != nil {
			assert.Contains(t, err.Error(), "is not a time")
			return
		}
		if at.Year() < 0 || at.Year() > 9999 {
			return // its offset moved it out of the years that can be written
		}
		again, err := ParseTime(FormatTime(at))
		require.NoError(t, err)
		assert.False(t, again.After(at),
			"a bookmark is never later than the time that it stands for")
		assert.Less(t, at.Sub(again), time.Millisecond)
	})
}

// The age of the account counts once it is old enough to tell, and a bound makes a list shorter.
func TestExpectedPages(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	daily := head{now, now.Add(-24 * time.Hour), "next"}
	days := func(n int) time.Time { return now.Add(-time.Duration(n) * 24 * time.Hour) }
	telling := int(tellingAge / (24 * time.Hour))
	assert.InDelta(t, float64(telling), daily.pages(days(telling)), 1e-9)
	assert.InDelta(t, float64(plausibleAge/(24*time.Hour)), daily.pages(days(telling-1)), 1e-9)
	assert.InDelta(t, float64(plausibleAge/(24*time.Hour)), daily.pages(time.Time{}), 1e-9)
	expected := func(h head, from time.Time) float64 {
		return h.expected(&task{piece: &Piece{From: from}, weight: 7}, days(3000))
	}
	assert.InDelta(t, 3000, expected(daily, time.Time{}), 1e-9)
	assert.InDelta(t, 10, expected(daily, days(10)), 1e-9)
	assert.InDelta(t, 3000, expected(daily, days(4000)), 1e-9)
	assert.InDelta(t, 7, expected(head{next: "next"}, days(10)), 1e-9, "as many as before")
}

func TestSelectedByDefault(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		s    Stream
		want bool
	}{
		{Stream{}, true},
		{Stream{Default: &yes}, true},
		{Stream{Default: &no}, false},
		{Stream{ViewOf: "x"}, false},
		{Stream{ViewOf: "x", Default: &yes}, false},
	} {
		assert.Equal(t, c.want, c.s.SelectedByDefault())
	}
	s := Stream{Key: []string{"id"}, Bookmark: "updated_at"}
	assert.Equal(t, []bool{true, true, false},
		[]bool{s.Automatic("id"), s.Automatic("updated_at"), s.Automatic("name")})
}
