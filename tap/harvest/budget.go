package harvest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
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
	share  float64 // the part of the limit that this process may use, 0 to 1
	onWait func(until time.Time)

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, whenever something was learnt
	window  window
	flying  []*flight
	clock   serverClock
	paused  time.Time     // no request goes before
	told    int64         // the reset of the window for which onWait was called
	slack   time.Duration // how much later than it says the server starts a window

	past   []tap.Window // the windows that have ended
	waited time.Duration
	idle   time.Time // when waiting for the budget began; zero if not waiting
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

// flight is a request in flight, and the window in which it was sent.
type flight struct {
	sent   time.Time
	window int
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

// NewBudget returns a budget of which the given share (0 to 1) may be used. onWait, which may be
// nil, is called once for each window that is waited for.
func NewBudget(share float64, onWait func(until time.Time)) *Budget {
	if onWait == nil {
		onWait = func(time.Time) {}
	}
	return &Budget{share: share, onWait: onWait, changed: make(chan struct{})}
}

// acquire waits until a request may be sent. Each flight that it returns must be released.
func (b *Budget) acquire(ctx context.Context) (*flight, error) {
	for {
		b.mu.Lock()
		now := time.Now()
		wait := b.wait(now)
		if wait == 0 {
			f := b.take(now)
			b.mu.Unlock()
			return f, nil
		}
		changed := b.changed
		if b.idle.IsZero() && wait < forever && !b.window.ends.IsZero() {
			b.idle = now
		}
		tell := wait >= time.Second && wait < forever && b.told != b.window.reset
		if tell {
			b.told = b.window.reset
		}
		b.mu.Unlock()
		if tell {
			b.onWait(now.Add(wait))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// forever is a wait that only an answer can end.
const forever = time.Duration(1<<63 - 1)

// wait is the rule: how long a request must wait from now on; 0 for not at all.
func (b *Budget) wait(now time.Time) time.Duration {
	if d := b.paused.Sub(now); d > 0 {
		return d
	}
	w := &b.window
	switch {
	case w.unlimited:
		return 0
	case w.known && now.Before(w.ends):
		if w.sent < b.own() && b.enough(now) {
			return 0
		}
		return w.ends.Sub(now)
	case w.known || w.scouts == 0:
		return 0
	}
	if w.limit > 0 && w.sent >= b.own() {
		return forever
	}
	// A scout is in flight. A lost one must not block all others.
	if patience := scoutPatience - now.Sub(w.lastScout); patience > 0 {
		return patience
	}
	if w.limit > 0 && w.scouts < w.limit/2 {
		return 0
	}
	return forever
}

// take sends a request.
func (b *Budget) take(now time.Time) *flight {
	w := &b.window
	if w.known && !now.Before(w.ends) {
		b.past = append(b.past, w.account())
		*w = window{number: w.number + 1, limit: w.limit, reset: w.reset}
		b.clock.turn()
	}
	if w.sent++; w.first.IsZero() {
		w.first = now
	}
	if !b.idle.IsZero() {
		b.waited += now.Sub(b.idle)
		b.idle = time.Time{}
	}
	if !w.known {
		w.scouts++
		w.lastScout = now
	}
	f := &flight{sent: now, window: w.number}
	b.flying = append(b.flying, f)
	return f
}

// own is the number of requests of a window that this process may send: its share of the limit, at
// least one.
func (b *Budget) own() int { return max(1, int(float64(b.window.limit)*b.share+1e-9)) }

// enough reports whether a request is left that will not be taken by this process's requests in
// flight nor, as far as can be foreseen, by other programs. If they sent more in this window than
// this process, they are expected to have as many in flight for each of ours as so far. If none of
// ours is in flight, the last request may always be tried.
func (b *Budget) enough(now time.Time) bool {
	w := &b.window
	flying := b.uncounted(now)
	if w.left-flying <= 0 {
		return false
	}
	others := w.limit - w.left - w.answered
	if flying == 0 || others <= w.answered {
		return true
	}
	return float64(w.left) >= float64(flying+1)*(1+float64(others)/float64(w.answered))
}

// uncounted is the number of requests in flight that the server's count may not include yet.
func (b *Budget) uncounted(now time.Time) int {
	n := 0
	for _, f := range b.flying {
		if f.window == b.window.number || now.Sub(f.sent) < flightTime {
			n++
		}
	}
	return n
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

// learn reads the headers of the answer to a flight.
func (b *Budget) learn(f *flight, answer *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	limited := answer.StatusCode == http.StatusTooManyRequests
	after, told := retryAfter(answer, now)
	if limited && told {
		// All requests wait for the window that is used up, never longer: if one list asks for
		// more, that concerns only that list.
		b.paused = now.Add(min(max(after, shortestPause), windowLength))
	}
	b.clock.saw(answer.Header.Get("Date"), now)
	limit, err1 := strconv.Atoi(answer.Header.Get("X-RateLimit-Limit"))
	left, err2 := strconv.Atoi(answer.Header.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64)
	w := &b.window
	if err1 != nil || err2 != nil || err3 != nil {
		// Answers of a proxy report no limit; they say nothing if one is known.
		w.unlimited = !w.known && w.limit == 0
		return
	}
	if limited {
		left = 0
		if f.window == w.number && !w.known && reset <= w.reset {
			b.slack = time.Second // it rounds the time of the reset down
		}
	}
	began := w.began
	if !w.known || reset > w.reset+1 {
		began = now
	}
	ends := b.ends(reset, began, now)
	if limited && !told && !ends.After(now) {
		// it refuses, and says that the window is over: asking at once would loop
		b.paused = now.Add(time.Second)
	}
	if ends.After(now.Add(longestWindow)) {
		ends = now.Add(longestWindow)
	}
	first := !w.known && w.number == f.window
	switch {
	case first || reset > w.reset+1 || w.unlimited:
		sent := w.sent
		if !first {
			sent = len(b.flying) // a window began before anyone here saw the end of the last one
		}
		since := w.first
		if !first && w.sent > 0 {
			b.past = append(b.past, w.account())
			since = now
		}
		*w = window{
			number: w.number, known: true, limit: limit, left: left, reset: reset,
			began: began, ends: ends, sent: sent, answered: 1, first: since,
		}
	case w.known && reset >= w.reset-1:
		w.left = min(w.left, left)
		w.answered++
		if reset == w.reset {
			w.ends = ends // every answer improves what is known of the clock
		}
	}
}

// ends returns when a window ends whose reset the server gives in whole seconds. It may have
// rounded up or down, and its clock is not known well at first. If the end can be a window's length
// after the first answer, that is the time: a window that had begun by then has ended by then.
func (b *Budget) ends(reset int64, began, now time.Time) time.Time {
	told := b.clock.local(reset, now).Add(b.slack)
	counted := began.Add(windowLength)
	if late := told.Sub(counted); late > -time.Second && late < 2*time.Second+flightTime/10 {
		return counted
	}
	return told
}

// account describes a window.
func (w *window) account() tap.Window {
	return tap.Window{
		Began: w.first.UTC(), Limit: w.limit, Sent: w.sent, Left: w.left,
		Ends: w.ends,
	}
}

// account describes all windows, and how long the budget was waited for.
func (b *Budget) account() (windows []tap.Window, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	windows = slices.Clone(b.past)
	if b.window.sent > 0 {
		windows = append(windows, b.window.account())
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
