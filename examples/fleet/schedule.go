package main

import (
	"math/rand/v2"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// outcome is the result of a run.
type outcome struct {
	code     int  // an exit code of tap-greenhouse
	complete bool // false if max_run_time ended it, and there is more to read
}

// decision is what follows an outcome.
type decision struct {
	next  time.Time // when the account is read again
	again bool      // as soon as a worker is free; this attempt does not count
	stop  bool      // until a person has looked at it
}

// Bounds on the delay of an account that fails.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

// decide is the rule for the next run of an account. failures is the number of consecutive failed
// runs before this one. Without jitter, accounts that were added together would always be due
// together.
func decide(now time.Time, every time.Duration, failures int, o outcome) decision {
	switch o.code {
	case greenhouse.ExitOK:
		if !o.complete {
			return decision{next: now} // after all that are already due
		}
		return decision{next: now.Add(jitter(every))}
	case greenhouse.ExitNothingRead:
		return decision{stop: true}
	case greenhouse.ExitIncomplete:
		wait := firstRetry << min(failures, 10)
		return decision{next: now.Add(jitter(min(wait, longestRetry, max(every, firstRetry))))}
	}
	return decision{again: true} // a signal: the worker is stopping
}

// jitter returns d, plus or minus up to a tenth.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)/5*float64(d))
}
