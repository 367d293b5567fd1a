package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
)

// A month of runs on an account of a thousand people: few requests, and no list staler than it
// says.
func TestMonthOfRunsIsCheapAndFresh(t *testing.T) {
	for _, every := range long.Or([]time.Duration{15 * time.Minute},
		[]time.Duration{5 * time.Minute, 15 * time.Minute}) {
		for _, stale := range []time.Duration{6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
			r := simulate(every, stale)
			t.Logf("every %s, stale %s: median %d, oldest %s, late %s, busy lists %s", every, stale,
				r.median(), r.oldest, mean(r.late), mean(r.busy))
			assert.LessOrEqual(t, r.oldest, stale)
			assert.LessOrEqual(t, r.median(), 15)
			assert.Less(t, mean(r.busy), 6*time.Minute, "busy lists are nearly as fresh as without")
		}
		without := simulate(every, 0)
		assert.Equal(t, full+lists, without.median())
		assert.Zero(t, mean(without.late))
	}
}

// mean is the mean of some times.
func mean(times []time.Duration) time.Duration {
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return sum / time.Duration(max(1, len(times)))
}
