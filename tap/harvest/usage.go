package harvest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Usage counts what a client has used so far.
type Usage struct {
	Requests int64 // to lists
	Tokens   int64 // requests to the token address
	Bytes    int64 // of pages, as received
}

// used counts what a client uses.
type used struct {
	requests, bytes, tokens atomic.Int64

	mu      sync.Mutex     // guards what follows
	lists   map[string]int // requests by stream
	repeats map[string]int // by operation
	limited int            // answers with 429
}

func (u *used) list(stream string) {
	u.requests.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lists == nil {
		u.lists = map[string]int{}
	}
	u.lists[stream]++
}

func (u *used) repeat(op string, limited bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.repeats == nil {
		u.repeats = map[string]int{}
	}
	u.repeats[op]++
	if limited {
		u.limited++
	}
}

// Usage returns what the client has used so far.
func (c *Client) Usage() Usage {
	return Usage{
		Requests: c.used.requests.Load(), Tokens: c.used.tokens.Load(),
		Bytes: c.used.bytes.Load(),
	}
}

// Windows returns the windows of the limit, how long the client waited for them, and the number of
// 429s.
func (c *Client) Windows() (windows []tap.Window, waited time.Duration, limited int) {
	windows, waited = c.budget.windows()
	c.used.mu.Lock()
	defer c.used.mu.Unlock()
	return windows, waited, c.used.limited
}

// UsedBy returns how often a list was requested, and how many of these requests were repetitions.
func (c *Client) UsedBy(stream string) (requests, retries int) {
	c.used.mu.Lock()
	defer c.used.mu.Unlock()
	return c.used.lists[stream], c.used.repeats[opOf(stream)]
}
