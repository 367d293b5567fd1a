package main

import (
	"math/rand/v2"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// outcome is what a run came to.
type outcome struct {
	code     int  // as the exit codes of tap-greenhouse
	complete bool // false where max_run_time ended it, and there is more to read
}

// decision is what follows from an outcome.
type decision struct {
	next  time.Time // when the account is read again
	again bool      // as soon as a worker is free, and this attempt does not count
	stop  bool      // not before a person has looked at it
}

// Bounds on how long an account that fails is left alone.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

// decide is the rule: when an account is read again after a run. failures is how many runs before
// this one failed, one after the other. Without jitter, accounts that were taken on together would
// be due together for ever.
func decide(now time.Time, every time.Duration, failures int, o outcome) decision {
	switch o.code {
	case greenhouse.ExitOK:
		if !o.complete {
			return decision{next: now} // behind all that are due already
		}
		return decision{next: now.Add(jitter(every))}
	case greenhouse.ExitNothingRead:
		return decision{stop: true}
	case greenhouse.ExitIncomplete:
		wait := firstRetry << min(failures, 10)
		return decision{next: now.Add(jitter(min(wait, longestRetry, max(every, firstRetry))))}
	}
	return decision{again: true} // a signal: the worker is being stopped
}

// jitter is d, up to a tenth more or less.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)/5*float64(d))
}
