// Command staleness simulates a month of runs with the setting max_staleness on a made-up account
// of a thousand people, and draws docs/staleness.svg on standard output.
package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

const (
	month   = 30 * 24 * time.Hour
	stale   = 24 * time.Hour
	full    = 2  // lists that have no filter by time, and are read whole in every run
	lists   = 68 // that have one
	busiest = 300.0
)

// result is what a month of runs was like.
type result struct {
	requests []int           // of each run
	oldest   time.Duration   // the age of the stalest list at the start of a run
	late     []time.Duration // how long after the run that could have brought it each row came
	busy     []time.Duration // of lists that bring more than a row each quarter of an hour
}

func (r *result) median() int {
	sorted := slices.Sorted(slices.Values(r.requests))
	return sorted[len(sorted)/2]
}

// changes are the times at which a list changes: on weekdays, from 8 to 18 o'clock.
func changes(random *rand.Rand, start time.Time, perDay float64) (times []time.Time) {
	for day := start; day.Before(start.Add(month)); day = day.Add(24 * time.Hour) {
		if d := day.Weekday(); d == time.Saturday || d == time.Sunday {
			continue
		}
		for at := random.ExpFloat64() / perDay; at < 1; at += random.ExpFloat64() / perDay {
			times = append(times, day.Add(8*time.Hour+time.Duration(at*float64(10*time.Hour))))
		}
	}
	return times
}

// rates are the changes a day of each list: a few have hundreds, most have one in some weeks.
func rates() []float64 {
	all := make([]float64, lists)
	for i := range all {
		all[i] = busiest * math.Pow(0.87, float64(i))
	}
	return all
}

// simulate runs each list every so often for a month.
func simulate(every, stale time.Duration) *result {
	random := rand.New(rand.NewPCG(7, 7))
	start := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	schedule := progress.Schedule{MaxStaleness: stale}
	marks := make([]tap.Bookmark, lists)
	rows := make([][]time.Time, lists)
	for i, perDay := range rates() {
		rows[i] = changes(random, start, perDay)
	}
	r := &result{}
	before := time.Time{}
	for now := start; now.Before(start.Add(month)); now = now.Add(every) {
		requests := full
		for i := range marks {
			b := &marks[i]
			if !b.Last().IsZero() {
				r.oldest = max(r.oldest, now.Sub(b.Last()))
			}
			if schedule.Leaves(*b, now, before) {
				continue
			}
			requests++
			n := 0
			for n < len(rows[i]) && rows[i][n].Before(now) {
				late := now.Sub(rows[i][n]).Truncate(every)
				r.late = append(r.late, late)
				if rates()[i] > 40 {
					r.busy = append(r.busy, late)
				}
				n++
			}
			rows[i] = rows[i][n:]
			after := tap.Bookmark{Until: now}
			after.Quiet = progress.Quiet(*b, n, true)
			*b = after
		}
		before = now
		r.requests = append(r.requests, requests)
	}
	return r
}

func main() {
	var b strings.Builder
	const width, height, left = 860, 150, 60
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#444">`+"\n", width, 2*height+80)
	for n, every := range []time.Duration{5 * time.Minute, 15 * time.Minute} {
		r := simulate(every, stale)
		top := n*(height+40) + 24
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="bold">Requests of each run, every %s: %d in the median run, 70 without max_staleness</text>`+"\n",
			left, top-8, strings.TrimSuffix(every.String(), "0s"), r.median())
		scale := float64(height-30) / 70
		for _, tick := range []int{0, 35, 70} {
			y := float64(top+height-30) - float64(tick)*scale
			fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n",
				left, width-10, y, y, left-6, y+4, tick)
		}
		week := r.requests[len(r.requests)/4 : len(r.requests)/2]
		step := float64(width-10-left) / float64(len(week))
		fmt.Fprint(&b, `<path fill="none" stroke="#1b7f5c" d="`)
		for i, n := range week {
			fmt.Fprintf(&b, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0],
				left+float64(i)*step, float64(top+height-30)-float64(n)*scale)
		}
		fmt.Fprint(&b, `"/>`+"\n")
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">one week of the month</text></svg>`+"\n", left, 2*height+60)
	fmt.Fprint(os.Stdout, b.String())
}
