package harvest

import "time"

// calendar is what is known of when the server's windows begin. It is pure: no lock, no clock.
//
// X-RateLimit-Reset was observed to slide: it is always a window's length after the answer. Then it
// says how long a window is, and the count begins anew at the multiples of that length on the
// server's clock, as far as anyone has seen. An account whose windows begin at another moment shows
// it by a count that grows at that moment, which wins over the assumption; so the calendar keeps
// the bounds between which the end of the window under way must lie. A Reset that stays the same is
// the honest end of a window, and needs no calendar.
type calendar struct {
	slides bool
	length time.Duration

	// An earlier answer, to compare with: its second and its reset, on the server's clock.
	date, reset int64

	// The window under way ends after lo, and at the latest at hi, by this machine's clock.
	lo, hi time.Time
	latest int64 // the second, on the server's clock, of its latest answer
}

const (
	// late bounds how late the calendar may take a second of the server's clock to begin: Date is
	// rounded down to the second.
	late = time.Second + calendarMargin
	// calendarMargin is how long after the supposed end of a window the next one is begun: the
	// server's clocks differ a little.
	calendarMargin = 150 * time.Millisecond
	// shareMargin is how much of a window a share is ready to lose to be sure that it is over.
	shareMargin = 2500 * time.Millisecond
	// closeEnough is how well the end of a window must be known, so that no request is kept to find
	// out more.
	closeEnough = 2 * time.Second
)

// compare decides from an answer whether resets slide: before a reset is reached, give or take the
// second by which it is rounded, an honest one stays. About the first answer nothing is known; if
// its reset is a window away, it is taken to slide.
func (c *calendar) compare(date, reset int64) {
	elapsed, moved := date-c.date, reset-c.reset
	renew := true
	switch {
	case c.date == 0:
		c.slides = time.Duration(reset-date)*time.Second == windowLength
	case elapsed <= 0:
		return // it was overtaken
	case date < c.reset-1 && moved <= elapsed+1:
		c.slides = 2*moved > elapsed
		renew = false
	}
	if renew {
		c.date, c.reset = date, reset
	}
	if c.slides {
		c.length = time.Duration(max(1, reset-date)) * time.Second
		if d := c.length - windowLength; d.Abs() <= time.Second {
			c.length = windowLength // rounded
		}
		c.length = min(c.length, longestWindow)
	}
}

// forget forgets all bounds.
func (c *calendar) forget() { c.lo, c.hi = time.Time{}, time.Time{} }

// begin sets the bounds of a window that had begun at a time, and has an answer to a request that
// was sent later.
func (c *calendar) begin(began, sent time.Time, date int64) {
	c.lo, c.hi, c.latest = sent, began.Add(c.length), date
}

// passed notes an answer of the window under way: it had not ended when the request was sent.
func (c *calendar) passed(sent time.Time, date int64) {
	if sent.After(c.lo) {
		c.lo = sent
	}
	if c.hi.Before(c.lo) {
		c.hi = c.lo.Add(c.length) // it lasted longer than it could: the bounds were wrong
	}
	c.latest = max(c.latest, date)
}

// turned notes the first answer of the next window, to a request that was sent and answered at
// these times.
func (c *calendar) turned(sent, received time.Time, date int64) {
	if c.hi.IsZero() {
		c.begin(received, sent, date)
		return
	}
	if over := received.Sub(c.hi); over > c.length { // windows went by without a request
		over = over.Truncate(c.length)
		c.lo, c.hi = c.lo.Add(over), c.hi.Add(over)
	}
	if received.Before(c.hi) {
		c.hi = received
	}
	if c.hi.Before(c.lo) {
		c.lo = c.hi
	}
	c.lo, c.hi, c.latest = c.lo.Add(c.length), c.hi.Add(c.length), date
	if sent.After(c.lo) {
		c.lo = sent
	}
}

// refused notes a refusal that says for how long the window lasts.
func (c *calendar) refused(now time.Time, after time.Duration) {
	if hi := now.Add(after + time.Second); after < c.length-time.Second && hi.Before(c.hi) {
		c.hi = hi
	}
}

// end returns when the window under way is taken to end: at a multiple of its length on the
// server's clock, or if that cannot be, as late as possible.
func (c *calendar) end(clock *serverClock, now time.Time) time.Time {
	length := int64(c.length / time.Second)
	for second := (c.latest/length + 1) * length; ; second += length {
		at := clock.local(second, now).Add(calendarMargin)
		switch {
		case at.After(c.hi.Add(late)):
			return c.hi
		case at.After(c.lo):
			return at
		}
	}
}
