package harvest

import (
	"net/http"
	"time"
)

// serverClock estimates what this machine's clock shows when the server's reaches a second. The
// Date header is truncated to seconds, so each answer is only a lower bound; the best bound of the
// last two windows counts.
type serverClock struct {
	known     bool
	lead      time.Duration // of the server's clock over this machine's, at least
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

// turn forgets bounds from before the last window, because clocks are adjusted now and then.
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
	// Adding to now keeps its monotonic reading, so a step of this machine's clock changes nothing.
	return now.Add(at.Add(-c.lead).Sub(now))
}
