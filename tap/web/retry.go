package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// The waits before a retry: the first one, which doubles with each, and the longest.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = time.Minute
)

// ShortestPause is the least time to wait after a 429, whatever the answer says.
const ShortestPause = time.Second

// Retry says how long one request is retried, and who hears of it.
type Retry struct {
	// Patience is how long to retry after a failure.
	Patience func(t *TemporaryError) time.Duration
	// Wait is called before each wait. It returns false to give up.
	Wait func(t *TemporaryError, wait time.Duration) bool
	// GiveUp returns the error of a request that failed for too long.
	GiveUp func(e *GaveUpError) error
}

// GaveUpError is the error of a request that was retried for too long.
type GaveUpError struct {
	Last    *TemporaryError
	Tries   int
	Elapsed time.Duration
}

func (e *GaveUpError) Error() string {
	return fmt.Sprintf("%s, after %d attempts in %s", e.Last.Reason, e.Tries,
		e.Elapsed.Round(time.Second))
}

// Do calls attempt until it succeeds or fails for good, or has failed for too long. Waits grow,
// with jitter, unless the answer gives one.
func (r Retry) Do(ctx context.Context, attempt func() error) error {
	var waits *backoff.ExponentialBackOff
	for tries := 1; ; tries++ {
		err := attempt()
		var t *TemporaryError
		if err == nil || ctx.Err() != nil || !errors.As(err, &t) {
			if err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		if waits == nil {
			waits = backoff.NewExponentialBackOff(backoff.WithInitialInterval(firstWait),
				backoff.WithMultiplier(2), backoff.WithMaxInterval(longestWait),
				backoff.WithMaxElapsedTime(0))
		}
		wait := t.wait(waits.NextBackOff())
		// A long wait is shortened to what is left, so that the last attempt is made at the end of
		// the time, unless the answer asked for more.
		left := r.Patience(t) - waits.GetElapsedTime()
		if t.After == 0 && left > 0 {
			wait = min(wait, left)
		}
		if wait > left || !r.Wait(t, wait) {
			return r.GiveUp(&GaveUpError{t, tries, waits.GetElapsedTime()})
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// wait returns how long to wait before the next attempt: what the answer asked for, or the next
// back-off. A 429 that asks for no wait is not believed: its headers tell the budget when to go on.
// If they tell nothing, only waits that grow find the end of the window with few requests.
func (t *TemporaryError) wait(next time.Duration) time.Duration {
	if t.Limited && !t.OpenEnded {
		return max(t.After, min(next, ShortestPause))
	}
	if t.After > 0 {
		return t.After
	}
	return next
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// RetryAfter reads the Retry-After header, in seconds or as a date by the server's clock, and
// reports whether there is one. Without a Date header, now counts.
func RetryAfter(answer *http.Response, now time.Time) (time.Duration, bool) {
	v := answer.Header.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 24*3600 {
		return time.Duration(s * float64(time.Second)), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)), true
}
