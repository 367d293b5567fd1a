package harvest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Budget is the number of requests that the API accepts per window. All requests of a process pass
// through it: it learns the limit from the answers, lets requests through while some are left and
// its own share is not used up, and otherwise waits for the next window.
//
// Nothing is known of a window until its first answer, so one request goes ahead as a scout. Its
// answer accounts for what other programs have used. Requests in flight count as used.
type Budget struct {
	budget float64 // the part of the limit that this process may use, 0 to 1
	onWait func(until time.Time)

	mu        sync.Mutex
	changed   chan struct{} // closed, and replaced, whenever something was learnt
	window    window
	flying    []*flight
	waiting   int         // callers of acquire
	landed    []time.Time // when the latest answers came
	clock     serverClock
	when      calendar
	paused    time.Time     // no request goes before
	announced time.Time     // the end of the window for which onWait was called
	slack     time.Duration // how much later than it says the server starts a window

	past         []tap.Window // the windows that have ended
	waited       time.Duration
	waitingSince time.Time // when waiting for the budget began; zero if not waiting
}

// window is what is known of the current window.
type window struct {
	number    int       // counts up with each window that is begun
	known     bool      // an answer reported it
	unlimited bool      // an answer reported no limit
	limit     int       // requests in a window
	left      int       // requests left, according to the latest answer
	reset     int64     // the server's value, in seconds of its own clock
	began     time.Time // the first answer: the window had begun by then
	ends      time.Time // by this machine's clock
	first     time.Time // this process's first request in the window
	sent      int       // requests that this process sent in it
	answered  int       // those that the server's count is known to include
	scouts    int       // requests sent while nothing was known
	lastScout time.Time // the latest of them
}

// flight is a request in flight, the window in which it was sent, and how many requests of how many
// were known to be left in it then; limit is 0 if that was unknown.
type flight struct {
	sent        time.Time
	window      int
	left, limit int
}

// flightTime is how long a request of an earlier window may still be on its way to the server, and
// so count in the next window.
const flightTime = 5 * time.Second

// scoutPatience is how long to wait for the answer of a scout before sending another.
const scoutPatience = time.Second

// windowLength is the length of the API's windows.
const windowLength = 30 * time.Second

// longestWindow bounds how long an answer can make us wait; the API's own window is 30 s.
const longestWindow = 2 * time.Minute

// NewBudget returns a budget for a share of the limit, 0 to 1. onWait, which may be nil, is called
// once for each window that is waited for.
func NewBudget(budget float64, onWait func(until time.Time)) *Budget {
	if onWait == nil {
		onWait = func(time.Time) {}
	}
	return &Budget{budget: budget, onWait: onWait, changed: make(chan struct{})}
}

// acquire waits until a request may be sent. Each flight that it returns must be released.
func (b *Budget) acquire(ctx context.Context) (*flight, error) {
	b.mu.Lock()
	b.waiting++
	b.mu.Unlock()
	for {
		b.mu.Lock()
		now := time.Now()
		wait := b.wait(now)
		if wait == 0 {
			f := b.take(now)
			b.waiting--
			b.mu.Unlock()
			return f, nil
		}
		changed := b.changed
		if b.waitingSince.IsZero() && wait < forever && !b.window.ends.IsZero() {
			b.waitingSince = now
		}
		tell := wait >= time.Second && wait < forever &&
			b.window.ends.After(b.announced.Add(time.Second))
		if tell {
			b.announced = b.window.ends
		}
		b.mu.Unlock()
		if tell {
			b.onWait(now.Add(wait))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			b.mu.Lock()
			defer b.mu.Unlock()
			b.waiting--
			return nil, context.Cause(ctx)
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take sends a request.
func (b *Budget) take(now time.Time) *flight {
	w := &b.window
	if w.known && !now.Before(w.ends) && !b.unsure(now) {
		b.past = append(b.past, w.report())
		*w = window{number: w.number + 1, limit: w.limit, reset: w.reset}
		b.clock.turn()
	}
	if w.sent++; w.first.IsZero() {
		w.first = now
	}
	if !b.waitingSince.IsZero() {
		b.waited += now.Sub(b.waitingSince)
		b.waitingSince = time.Time{}
	}
	if !w.known {
		w.scouts++
		w.lastScout = now
	}
	f := &flight{sent: now, window: w.number}
	if w.known {
		f.left, f.limit = w.left, w.limit
	}
	b.flying = append(b.flying, f)
	return f
}

// release ends a flight. If nothing was learnt from it, it may have been the scout, and another one
// may go.
func (b *Budget) release(f *flight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying = slices.DeleteFunc(b.flying, func(o *flight) bool { return o == f })
	if w := &b.window; !w.known && w.number == f.window && w.scouts > 0 {
		w.scouts--
	}
	b.wake()
}

// wake makes every waiter check the budget again.
func (b *Budget) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// report describes a window.
func (w *window) report() tap.Window {
	return tap.Window{
		Began: w.first.UTC(), Limit: w.limit, Sent: w.sent, Left: w.left, Ends: w.ends,
	}
}

// windows describes all windows, and how long the budget was waited for.
func (b *Budget) windows() (windows []tap.Window, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	windows = slices.Clone(b.past)
	if b.window.sent > 0 {
		windows = append(windows, b.window.report())
	}
	return windows, b.waited
}

// now returns the time by the server's clock.
func (b *Budget) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.clock.lead)
}

// spend notes a request that was sent without acquire.
func (b *Budget) spend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.left--
}

// pause holds all requests back for that long: an answer said that the limit is reached, but not
// until when.
func (b *Budget) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(d); until.After(b.paused) {
		b.paused = until
	}
}
