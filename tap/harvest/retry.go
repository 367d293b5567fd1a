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
}

func (t *temporary) Error() string { return t.reason }

// retrying calls attempt until it succeeds, fails for good, or has failed for longer than MaxRetryTime. Waits grow, with jitter, unless the
// answer names one; each is logged once.
func (c *Client) retrying(ctx context.Context, op string, attempt func() error) error {
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
				backoff.WithMaxElapsedTime(c.opts.MaxRetryTime))
		}
		wait := waits.NextBackOff()
		if wait != backoff.Stop && t.after > 0 {
			wait = t.after
			if waits.GetElapsedTime()+wait > c.opts.MaxRetryTime {
				wait = backoff.Stop
			}
		}
		if wait == backoff.Stop {
			kind := t.kind
			if kind == tap.Fault {
				kind = tap.Server
			}
			return &tap.Error{
				Kind: kind, Op: op, Err: fmt.Errorf("%s, at the last of %d attempts in %s", t.reason, tries, waits.GetElapsedTime().Round(time.Second)),
				Hint: "what was read is safe; the next run goes on from there",
			}
		}
		if t.limited {
			if t.untold {
				c.budget.pause(wait)
			}
			c.log.Info("the limit of requests is reached all the same", "while", op)
			continue
		}
		c.log.Warn("trying again", "while", op, "reason", t.reason, "wait", wait.Round(time.Millisecond).String())
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
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
