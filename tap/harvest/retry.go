package harvest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// temporary is a failure that a retry may fix.
type temporary struct {
	kind    tap.Kind // Network or Server, the default
	reason  string
	after   time.Duration // given by the answer; 0 for nothing
	limited bool          // the budget was used up; the budget waits for that itself
	untold  bool          // and the answer did not say until when
	nowhere bool          // the host is unknown, or refuses connections
}

func (t *temporary) Error() string { return t.reason }

// nowherePatience is how long to try an address that does not exist, or refuses connections, if
// nothing has ever answered: it is most likely wrong.
const nowherePatience = 15 * time.Second

// shortestPause is the least time that a request is held back after a 429, whatever the answer
// says.
const shortestPause = time.Second

// retrying calls attempt until it succeeds, fails for good, or has failed for longer than
// MaxRetryTime. Waits grow, with jitter, unless the answer gives one; each is logged once.
func (c *Client) retrying(ctx context.Context, op string, attempt func() error) error {
	return c.retry(ctx, op, attempt, false)
}

// retryingList is retrying for a list. Once no list has answered for MaxRetryTime, it returns an
// error of kind Unreachable, which ends the run.
func (c *Client) retryingList(ctx context.Context, op string, attempt func() error) error {
	return c.retry(ctx, op, attempt, true)
}

func (c *Client) retry(ctx context.Context, op string, attempt func() error, list bool) error {
	var waits *backoff.ExponentialBackOff
	for tries := 1; ; tries++ {
		err := attempt()
		var t *temporary
		if err == nil || ctx.Err() != nil || !errors.As(err, &t) {
			if err != nil && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		if waits == nil {
			waits = backoff.NewExponentialBackOff(
				backoff.WithInitialInterval(firstWait), backoff.WithMultiplier(2),
				backoff.WithMaxInterval(time.Minute),
				backoff.WithMaxElapsedTime(0))
		}
		wait := t.wait(waits.NextBackOff())
		// A long wait is shortened to what is left, so that the last attempt is made at the end of
		// the time, unless the answer asked for more.
		longest := c.opts.MaxRetryTime
		if t.nowhere && !c.reached.Load() {
			longest = min(longest, nowherePatience)
		}
		left := longest - waits.GetElapsedTime()
		if t.after == 0 && left > 0 {
			wait = min(wait, left)
		}
		if wait > left || list && c.dead() {
			return c.giveUp(op, t, tries, waits.GetElapsedTime(), list)
		}
		c.repeat(op, t.limited)
		if t.limited {
			if t.untold {
				c.budget.pause(wait)
			}
			c.log.Info("the request limit was reached unexpectedly", "while", op, "wait",
				wait.Round(time.Millisecond).String())
		} else {
			c.log.Warn("trying again", "while", op, "reason", t.reason, "wait",
				wait.Round(time.Millisecond).String())
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// wait returns how long to wait before the next attempt: what the answer asked for, or the next
// back-off. A 429 that asks for no wait is not believed.
func (t *temporary) wait(next time.Duration) time.Duration {
	if t.limited {
		return max(t.after, min(next, shortestPause))
	}
	if t.after > 0 {
		return t.after
	}
	return next
}

func (c *Client) giveUp(op string, t *temporary, tries int, elapsed time.Duration,
	list bool,
) error {
	e := &tap.Error{
		Kind: t.kind, Op: op, Err: fmt.Errorf("%s, after %d attempts in %s", t.reason, tries,
			elapsed.Round(time.Second)),
		Hint: "what was read is safe; the next run continues from there",
	}
	if t.kind == tap.Fault {
		e.Kind = tap.Server
	}
	if t.nowhere && !c.reached.Load() {
		e.Hint = "check the network, the proxy, api_url and auth_url"
	}
	if list && (c.dead() || t.nowhere && !c.reached.Load()) {
		e.Kind = tap.Unreachable
		e.Err = fmt.Errorf("no list has answered for %s; last: %s", c.silence().Round(time.Second),
			t.reason)
	}
	return e
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

// retryAfter reads the Retry-After header, in seconds or as a date by the server's clock.
func retryAfter(answer *http.Response, now time.Time) (time.Duration, bool) {
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
