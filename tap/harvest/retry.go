package harvest

import (
	"context"
	"fmt"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// nowherePatience is how long to try an address that does not exist, or refuses connections, if
// nothing has ever answered: it is most likely wrong.
const nowherePatience = 15 * time.Second

// shortestPause is the least time that a request is held back after a 429.
const shortestPause = web.ShortestPause

// retrying calls attempt until it succeeds, fails for good, or has failed for longer than
// MaxRetryTime. Each wait is logged once.
func (c *Client) retrying(ctx context.Context, op string, attempt func() error) error {
	return c.retry(ctx, op, attempt, false)
}

// retryingList is retrying for a list. Once no list has answered for MaxRetryTime, it returns an
// error of kind Unreachable, which ends the run.
func (c *Client) retryingList(ctx context.Context, op string, attempt func() error) error {
	return c.retry(ctx, op, attempt, true)
}

func (c *Client) retry(ctx context.Context, op string, attempt func() error, list bool) error {
	retry := web.Retry{
		Patience: func(t *web.TemporaryError) time.Duration {
			if t.Nowhere && !c.health.reached() {
				return min(c.opts.MaxRetryTime, nowherePatience)
			}
			return c.opts.MaxRetryTime
		},
		Wait: func(t *web.TemporaryError, wait time.Duration) bool {
			if list && c.health.dead() {
				return false
			}
			c.used.repeat(op, t.Limited)
			c.health.failed(op)
			if t.Limited {
				if t.OpenEnded {
					c.budget.pause(wait)
				}
				c.log.Info("the request limit was reached unexpectedly", "while", op, "wait",
					wait.Round(time.Millisecond).String())
				return true
			}
			c.log.Warn("trying again", "while", op, "reason", t.Reason, "wait",
				wait.Round(time.Millisecond).String())
			return true
		},
		GiveUp: func(e *web.GaveUpError) error { return c.gaveUp(op, e, list) },
	}
	return retry.Do(ctx, attempt)
}

// gaveUp says what a request that was retried for too long means for the run.
func (c *Client) gaveUp(op string, g *web.GaveUpError, list bool) error {
	e := &tap.Error{
		Kind: g.Last.Kind, Op: op, Err: g,
		Hint: "what was read is safe; the next run continues from there",
	}
	wrong := g.Last.Nowhere && !c.health.reached()
	if wrong {
		e.Hint = "check the network, the proxy, api_url and auth_url"
	}
	if list && (wrong || c.health.dead()) {
		e.Kind = tap.Unreachable
		e.Err = fmt.Errorf("no list has answered for %s; last: %s",
			c.health.silence().Round(time.Second), g.Last.Reason)
	}
	return e
}
