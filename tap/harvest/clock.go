package harvest

import (
	"net/http"
	"time"
)

// serverClock tells what this machine's clock shows when the server's reaches a second. The header
// Date is cut to whole seconds, so each answer only says that the server is at least so far; the
// best word of the last two windows counts.
type serverClock struct {
	known     bool
	lead      time.Duration // of the server's clock before this machine's, at least
	last, now *time.Duration
}

func (c *serverClock) saw(date string, received time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	lead := at.Sub(received)
	if c.now == nil || lead > *c.now {
		c.now = &lead
	}
	c.known = true
	c.lead = *c.now
	if c.last != nil && *c.last > c.lead {
		c.lead = *c.last
	}
}

// turn lets what was known before the last window go, since clocks are put right now and then.
func (c *serverClock) turn() {
	if c.now != nil {
		c.last, c.now = c.now, nil
	}
}

// local returns the time by this machine's clock at which the server's has surely reached the
// second.
func (c *serverClock) local(second int64, now time.Time) time.Time {
	at := time.Unix(second, 0)
	if !c.known {
		return at
	}
	// Adding to now keeps its monotonic reading, so that a step of this machine's clock changes
	// nothing.
	return now.Add(at.Add(-c.lead).Sub(now))
}
