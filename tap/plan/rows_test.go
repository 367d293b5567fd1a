package plan_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap/plan"
)

const day = 24 * time.Hour

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// list is rows by their age, as a share of the account's life.
func list(n int, life time.Duration, age func(i int) float64) []time.Time {
	times := make([]time.Time, n)
	for i := range times {
		times[i] = now.Add(-time.Duration(age(i) * float64(life)))
	}
	slices.SortFunc(times, func(a, b time.Time) int { return cmp.Compare(b.UnixNano(), a.UnixNano()) })
	return times
}

func head(times []time.Time) plan.Head {
	n := min(500, len(times))
	return plan.Head{Times: times[:n], Rows: n, More: len(times) > n}
}

// The requests in all are right within a factor of 1.5, however rows are spread. So is each list if
// rows come steadily or in bursts; if the account grows, shrinks or has seasons, each is within 2 to
// 2.5.
func TestRowsAreNearlyRight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const life = 3 * 365 * day
	steady := func(int) float64 { return r.Float64() }
	growing := func(int) float64 { // twice as many each year
		return math.Min(1, -math.Log2(1-r.Float64()*7/8)/3)
	}
	shrinking := func(i int) float64 { return 1 - growing(i) }
	seasons := func(int) float64 { // most of them in every second quarter
		for {
			a := r.Float64()
			if int(a*12)%2 == 0 || r.Float64() < 0.2 {
				return a
			}
		}
	}
	bursts := func(every time.Duration) func(int) float64 {
		n := int(life / every)
		return func(int) float64 {
			return (float64(r.IntN(n)) + 0.5 + r.Float64()/1000) / float64(n)
		}
	}
	cases := map[string]struct {
		age    func(int) float64
		within float64
	}{
		"steady": {steady, 1.5}, "in bursts each week": {bursts(7 * day), 1.5},
		"in bursts each day": {bursts(day), 1.5},
		"growing":            {growing, 2.5}, "shrinking": {shrinking, 2}, "in seasons": {seasons, 2},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		age := c.age
		for _, scale := range []int{1, 10, 100} {
			lists := map[string][]time.Time{
				"settings": list(40, life, func(int) float64 { return 1 - r.Float64()/50 }),
			}
			for i, rows := range []int{20, 60, 200, 700, 1500} {
				lists[fmt.Sprint("list ", i)] = list(rows*scale, life, age)
			}
			lists["jobs"], lists["offers"] = list(300, life, age), list(450, life, age)
			heads := map[string]plan.Head{}
			for name, times := range lists {
				heads[name] = head(times)
			}
			requests, needed, told := 0, 0, true
			for list, g := range plan.Rows(heads) {
				requests += plan.Pages(g.Rows, 1)
				needed += plan.Pages(len(lists[list]), 1)
				told = told && g.Basis != plan.AtLeast
				off := float64(g.Rows) / float64(len(lists[list]))
				if g.Basis == plan.AtLeast {
					assert.LessOrEqual(t, off, 1.0)
					continue
				}
				assert.Less(t, math.Abs(math.Log(off)), math.Log(c.within), "%s, scale %d, %s: %d rows of %d (%s)",
					name, scale, list, g.Rows, len(lists[list]), g.Basis)
			}
			if told {
				assert.Less(t, math.Abs(math.Log(float64(requests)/float64(needed))), math.Log(1.5),
					"%s, scale %d: %d requests, %d are needed", name, scale, requests, needed)
			}
		}
	}
}

// A first page that came at once says nothing of the rest, and the estimate says so.
func TestPageThatCameAtOnceSaysNothingOfTheRest(t *testing.T) {
	times := list(500, day, func(i int) float64 { return float64(i) / 1e9 })
	g := plan.Rows(map[string]plan.Head{
		"a": {Times: times, Rows: 500, More: true},
		"b": head(list(300, 1000*day, func(i int) float64 { return float64(i) / 300 })),
		"c": {Times: []time.Time{now, now}, Rows: 2, More: true}, "d": {},
	})
	assert.Equal(t, plan.Guess{Rows: 500, Basis: plan.AtLeast}, g["a"])
	assert.Equal(t, plan.Guess{Rows: 300, Basis: plan.Counted}, g["b"])
	assert.Equal(t, plan.Guess{Rows: 2, Basis: plan.AtLeast}, g["c"])
	assert.Equal(t, plan.Guess{Basis: plan.Counted}, g["d"])
}

// Rows of some lists come after those of others: jobs are made before their applications are. That
// their newest rows are older says nothing about the account.
func TestListsThatLagTellNoChange(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const life = 3 * 365 * day
	lag := func(days float64) func(int) float64 {
		first := days * float64(day) / float64(life)
		return func(int) float64 { return first + r.Float64()*(1-first) }
	}
	heads := map[string]plan.Head{
		"settings": head(list(40, life, func(int) float64 { return 1 - r.Float64()/50 })),
	}
	sizes := map[string]int{"settings": 40}
	for i, n := range []int{800, 1000, 1200, 1500, 2000, 2500, 4500, 6000, 8000, 20000, 60000} {
		behind := 70.0
		if n > 3000 {
			behind = 0
		}
		name := fmt.Sprintf("list %02d", i)
		heads[name], sizes[name] = head(list(n, life, lag(behind))), n
	}
	for name, guess := range plan.Rows(heads) {
		assert.Less(t, math.Abs(math.Log(float64(guess.Rows)/float64(sizes[name]))), math.Log(1.5),
			"%s: %d rows of %d (%s)", name, guess.Rows, sizes[name], guess.Basis)
	}
}

// Rows that changed since a time are counted on a page that reaches back to it, and guessed from
// the page's rate otherwise.
func TestRowsSinceATime(t *testing.T) {
	const life = 1000 * day
	h := head(list(2000, life, func(i int) float64 { return float64(i) / 2000 }))
	h.Changed = slices.Clone(h.Times)
	h.Changed[400] = now                                             // made 200 days ago
	assert.Equal(t, 201, h.Since(now.Add(-100*day+time.Hour), 2000)) // and what was changed since
	assert.InDelta(t, 1000, h.Since(now.Add(-500*day), 2000), 10)
	assert.Equal(t, 2000, h.Since(now.Add(-3*life), 2000), "no more than there are")
	h.More = false
	assert.Equal(t, 500, h.Since(now.Add(-500*day), 500))
	assert.Equal(t, 7, plan.Head{Rows: 7}.Since(now, 7), "rows that do not tell are all read")
	burst := plan.Head{Rows: 2, More: true, Times: []time.Time{now, now}, Changed: []time.Time{now, now}}
	assert.Equal(t, 9, burst.Since(now.Add(-day), 9))
}
