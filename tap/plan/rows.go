package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Head is what the first page of a list tells. The list comes newest first.
type Head struct {
	// Times are when the rows of the page were made, the newest first.
	Times []time.Time
	// Changed are when they last changed, in the order of the page; empty if they do not tell.
	Changed []time.Time
	// Rows is the number of rows of the page, and More whether the list has more pages.
	Rows int
	More bool
}

// Guess is the number of rows of a list.
type Guess struct {
	Rows int `json:"rows"`
	// Basis says where the number comes from.
	Basis Basis `json:"basis"`
}

// Basis is where a number of rows comes from.
type Basis string

// The bases, the surest first.
const (
	Counted  Basis = "counted"  // the list fits on a page, or a sweep has counted it
	Profile  Basis = "profile"  // from how rows of all lists are spread over the account's life
	Rate     Basis = "rate"     // rows come as fast as on the first page
	AtLeast  Basis = "at least" // the rows of the page came at once, which says nothing of the rest
	NotAsked Basis = "not asked"
)

const (
	// enough is the number of rows of another list, in the time of a page, that tell how rows are
	// spread.
	enough = 30
	// uneven is how much longer or shorter other lists are, compared with a constant rate, if the
	// account was busier at one time than at another. Less is chance, and what the newest rows of
	// some lists still lack.
	uneven = 1.5
	// witnesses is how many lists must say so.
	witnesses = 2
	// nearest is how many of the witnesses with the shortest pages must say so by themselves.
	nearest = 5
	// late is how many times the gap between its newest rows a list must be without a row to be one
	// whose rows come after those of other lists, as jobs are made before their applications are. Its
	// rows are then compared with those of other lists as much earlier. newestRows is how many rows
	// tell that gap.
	late       = 4
	newestRows = 10
	// fresh is the share of the account's life in which a list must have a row to tell that.
	fresh = 0.1
	// gaps is the share of a page's time between two rows that separates two bursts.
	gaps = 1.0 / 50
	// longest is how much longer than its first page a list may be: beyond, the page was a burst.
	longest = 20000
)

// reference is a list of which it is known how many rows it has, and which ones are the newest.
type reference struct {
	times []time.Time // the newest first
	all   bool        // times are those of all rows
	rows  float64
}

// Rows estimates the rows of each list. Lists that fit on a page are counted. The others are as
// long as the time from the account's oldest row says, at the rate of their first page, unless
// other lists that reach further back tell that rows are spread over time in another way: then by
// the median of how much longer these are than what they have of the time of the first page.
func Rows(heads map[string]Head) map[string]Guess {
	guesses := map[string]Guess{}
	var oldest, newest time.Time
	for _, h := range heads {
		if n := len(h.Times); n > 0 {
			newest = later(newest, h.Times[0])
			if at := h.Times[n-1]; oldest.IsZero() || at.Before(oldest) {
				oldest = at
			}
		}
	}
	life := newest.Sub(oldest)
	var pool []reference
	var long []string
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		h := heads[name]
		if h.More {
			long = append(long, name)
			continue
		}
		guesses[name] = Guess{h.Rows, Counted}
		if len(h.Times) > 0 && float64(newest.Sub(h.Times[0])) < fresh*float64(life) {
			pool = append(pool, reference{h.Times, true, float64(h.Rows)})
		}
	}
	slices.SortStableFunc(long, func(a, b string) int {
		return cmp.Compare(heads[b].span(), heads[a].span())
	})
	for _, name := range long {
		h := heads[name]
		g := h.guess(oldest, pool)
		guesses[name] = g
		if g.Basis != AtLeast {
			pool = append(pool, reference{h.Times, false, float64(g.Rows)})
		}
	}
	return guesses
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// span is the time in which the rows of the page came.
func (h Head) span() time.Duration {
	if len(h.Times) == 0 {
		return 0
	}
	return h.Times[0].Sub(h.Times[len(h.Times)-1])
}

// whole is the number of rows that came in the page's time, without those of its oldest burst, of
// which the page may have a part only. A burst is shorter than the time before it in which none
// came.
func (h Head) whole() int {
	bottom := h.Times[len(h.Times)-1]
	for i := len(h.Times) - 1; i > 0; i-- {
		gap := h.Times[i-1].Sub(h.Times[i])
		if float64(gap) > gaps*float64(h.span()) {
			if h.Times[i].Sub(bottom) < gap {
				return i
			}
			break
		}
	}
	return h.Rows
}

// guess estimates the length of a list of which h is the first page.
func (h Head) guess(oldest time.Time, pool []reference) Guess {
	span := h.span()
	if span <= 0 {
		return Guess{h.Rows, AtLeast}
	}
	rows := float64(h.whole())
	reach := h.Times[0].Sub(oldest)
	if float64(reach)/float64(span) > longest {
		return Guess{h.Rows, AtLeast}
	}
	steady := float64(reach) / float64(span)
	var longer []float64
	for _, k := range pool {
		if times, ok := k.longer(h.Times[0], h.Times[len(h.Times)-1]); ok {
			longer = append(longer, times)
		}
	}
	if len(longer) >= witnesses {
		// The last ones reach least far back, and are most like this list.
		all, near := median(longer), median(longer[max(0, len(longer)-nearest):])
		switch {
		case all > steady*uneven && near > steady*uneven:
			return Guess{max(h.Rows, int(rows*min(all, near))), Profile}
		case all < steady/uneven && near < steady/uneven:
			return Guess{max(h.Rows, int(rows*max(all, near))), Profile}
		}
	}
	return Guess{max(h.Rows, int(rows*steady)), Rate}
}

// Since estimates how many of a list's rows changed at or after a time: as many as on the page, if
// that reaches back to it, and else as many as come in that time at the rate of the page. Older
// rows that changed since are not among them, as far as the page does not show them.
func (h Head) Since(start time.Time, rows int) int {
	some := 0
	for _, t := range h.Changed {
		if !t.Before(start) {
			some++
		}
	}
	span := h.span()
	switch {
	case len(h.Changed) == 0:
		return rows
	case !h.More || !h.Times[len(h.Times)-1].After(start):
		return some
	case span <= 0:
		return rows
	}
	reach := float64(h.Times[0].Sub(start)) / float64(span)
	return max(some, min(rows, int(float64(h.whole())*reach)))
}

// median returns the median of some numbers.
func median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// gap is the mean time between the list's newest rows.
func (k reference) gap() time.Duration {
	n := min(newestRows, len(k.times)-1)
	return k.times[0].Sub(k.times[n]) / time.Duration(max(1, n))
}

// longer returns how many times as many rows the list has as came in a range of time; false if it
// does not tell.
func (k reference) longer(top, bottom time.Time) (times float64, ok bool) {
	if lag := top.Sub(k.times[0]); lag > late*k.gap() {
		top, bottom = top.Add(-lag), bottom.Add(-lag)
	}
	if !k.all && k.times[len(k.times)-1].After(bottom) {
		return 0, false
	}
	rows, some := k.rows, 0
	for _, t := range k.times {
		switch {
		case t.After(top):
			rows-- // it came after the other list's newest row
		case !t.Before(bottom):
			some++
		}
	}
	return rows / float64(some), some >= enough
}
