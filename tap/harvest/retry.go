package harvest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// temporary is a failure that a repeat may mend.
type temporary struct {
	kind    tap.Kind // Network or Server, the default
	reason  string
	after   time.Duration // what the answer asked for; 0 for nothing
	limited bool          // the budget was used up, which the budget itself waits for
	untold  bool          // and the answer did not say until when
	nowhere bool          // the host is unknown, or refuses connections
}

func (t *temporary) Error() string { return t.reason }

// nowherePatience is how long an address that does not exist, or that refuses connections, is tried
// while nothing has ever answered: then it is most likely wrong.
const nowherePatience = 15 * time.Second

// shortestPause is the least that a request which the limit refused is held back, whatever the
// answer asked for.
const shortestPause = time.Second

// retrying calls attempt until it succeeds, fails for good, or has failed for longer than
// MaxRetryTime. Waits grow, with jitter, unless the answer names one; each is logged once.
func (c *Client) retrying(ctx context.Context, op string, attempt func() error) error {
	return c.retry(ctx, op, attempt, false)
}

// retryingList is retrying for a list. It ends with an error of kind Unreachable, which is that of
// the whole run, once no list has answered for MaxRetryTime.
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
				backoff.WithInitialInterval(firstWait), backoff.WithMultiplier(2), backoff.WithMaxInterval(time.Minute),
				backoff.WithMaxElapsedTime(0))
		}
		wait := t.wait(waits.NextBackOff())
		// A long wait is cut to what is left, so that the last attempt is made at the end of the
		// time, unless the answer asked for more.
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
			c.log.Info("the request limit was reached unexpectedly", "while", op, "wait", wait.Round(time.Millisecond).String())
		} else {
			c.log.Warn("trying again", "while", op, "reason", t.reason, "wait", wait.Round(time.Millisecond).String())
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// wait is how long to wait before the next attempt: what the answer asked for, or else the next of
// the growing waits. An answer that refuses and says not to wait is not taken at its word.
func (t *temporary) wait(next time.Duration) time.Duration {
	if t.limited {
		return max(t.after, min(next, shortestPause))
	}
	if t.after > 0 {
		return t.after
	}
	return next
}

func (c *Client) giveUp(op string, t *temporary, tries int, elapsed time.Duration, list bool) error {
	e := &tap.Error{
		Kind: t.kind, Op: op, Err: fmt.Errorf("%s, after %d attempts in %s", t.reason, tries, elapsed.Round(time.Second)),
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
		e.Err = fmt.Errorf("no list has answered for %s; last: %s", c.silence().Round(time.Second), t.reason)
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
