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

// Budget is the number of requests that the API takes in a window of time. All requests of a
// process pass it: it learns the limit from the answers, lets requests through while some are left
// and its own share is not used up, and waits for the next window otherwise.
//
// Nothing is known of a window until its first answer, so one request goes ahead as a scout; what
// other programs have used is left out of what it then says. Requests on their way count as used.
type Budget struct {
	share  float64 // the part of the limit that this process may use, 0 to 1
	onWait func(until time.Time)

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, whenever something was learnt
	window  window
	flying  []*flight
	clock   serverClock
	paused  time.Time     // nothing is asked before
	told    int64         // the reset of the window for which onWait was called
	slack   time.Duration // how much later than it says the server begins a window

	past   []tap.Window // the windows that have ended
	waited time.Duration
	idle   time.Time // since when the budget is waited for; zero for not
}

// window is what is known of the current window.
type window struct {
	number    int       // counts up with each window that is begun
	known     bool      // an answer told
	unlimited bool      // an answer came that knows no limit
	limit     int       // requests in a window
	left      int       // requests left, by the latest word of the server
	reset     int64     // as the server says, in seconds of its own clock
	began     time.Time // the first answer: by then the window had begun
	ends      time.Time // by this machine's clock
	first     time.Time // when this process sent its first request in it
	sent      int       // requests that this process sent in it
	answered  int       // those of them that the server's count is known to hold
	scouts    int       // requests sent while it was unknown
	lastScout time.Time // when the latest of them was sent
}

// flight is a request on its way, and the window in which it was sent.
type flight struct {
	sent   time.Time
	window int
}

// flightTime is how long a request from an earlier window is thought to be still on its way to the
// server, and so to count in the next.
const flightTime = 5 * time.Second

// scoutPatience is how long the answer of a scout is waited for before another is sent.
const scoutPatience = time.Second

// windowLength is how long the API's windows are.
const windowLength = 30 * time.Second

// longestWindow bounds what an answer can make us wait for; the API's own window is 30 s.
const longestWindow = 2 * time.Minute

// NewBudget returns a budget of which the given share (0 to 1) may be used. onWait, which may be
// nil, is called once for each window whose end is waited for.
func NewBudget(share float64, onWait func(until time.Time)) *Budget {
	if onWait == nil {
		onWait = func(time.Time) {}
	}
	return &Budget{share: share, onWait: onWait, changed: make(chan struct{})}
}

// acquire waits until a request may be sent. Each call that returns a flight is followed by one of
// release.
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

// forever is a wait that only an answer ends.
const forever = time.Duration(1<<63 - 1)

// wait is the rule: how long a request has to wait from now on, 0 for not at all.
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
	// A scout is on its way. One that is lost must not hold up all others.
	if patience := scoutPatience - now.Sub(w.lastScout); patience > 0 {
		return patience
	}
	if w.limit > 0 && w.scouts < w.limit/2 {
		return 0
	}
	return forever
}

// take sends a request on its way.
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

// own is how many requests of a window this process may send: its share of the limit, one at least.
func (b *Budget) own() int { return max(1, int(float64(b.window.limit)*b.share+1e-9)) }

// enough tells whether a request is left that neither this process's own requests on their way will
// take nor, as far as can be foreseen, those of other programs. Where they sent more in this window
// than we did, they are expected to have as many on their way for each of ours as they had so far.
// While none of ours is on its way the last request may always be tried for.
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

// uncounted is how many requests on their way may not be in the server's count yet.
func (b *Budget) uncounted(now time.Time) int {
	n := 0
	for _, f := range b.flying {
		if f.window == b.window.number || now.Sub(f.sent) < flightTime {
			n++
		}
	}
	return n
}

// release ends a flight. One of which nothing was learnt may have been the scout: then another one
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

// learn takes in the headers of the answer to a flight.
func (b *Budget) learn(f *flight, answer *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	limited := answer.StatusCode == http.StatusTooManyRequests
	after, told := retryAfter(answer, now)
	if limited && told {
		// All wait for the window that is used up, never longer: what one list asks for beyond that
		// is its own matter.
		b.paused = now.Add(min(max(after, shortestPause), windowLength))
	}
	b.clock.saw(answer.Header.Get("Date"), now)
	limit, err1 := strconv.Atoi(answer.Header.Get("X-RateLimit-Limit"))
	left, err2 := strconv.Atoi(answer.Header.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64)
	w := &b.window
	if err1 != nil || err2 != nil || err3 != nil {
		// Answers that a proxy makes know no limit; they tell nothing where one is known.
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
		b.paused = now.Add(time.Second) // it refuses, and says that it does not: asking at once would go round in a circle
	}
	if ends.After(now.Add(longestWindow)) {
		ends = now.Add(longestWindow)
	}
	first := !w.known && w.number == f.window
	switch {
	case first || reset > w.reset+1 || w.unlimited:
		sent := w.sent
		if !first {
			sent = len(b.flying) // a window began before anybody here had seen the end of the last one
		}
		since := w.first
		if !first && w.sent > 0 {
			b.past = append(b.past, w.account())
			since = now
		}
		*w = window{number: w.number, known: true, limit: limit, left: left, reset: reset, began: began, ends: ends, sent: sent, answered: 1, first: since}
	case w.known && reset >= w.reset-1:
		w.left = min(w.left, left)
		w.answered++
		if reset == w.reset {
			w.ends = ends // the clock is known better with every answer
		}
	}
}

// ends is when a window ends whose reset the server tells in whole seconds: it may have rounded up
// or down, and its clock is known no better at first. Where that can be a window's length after its
// first answer, that is the time: a window that had begun by then has ended by then.
func (b *Budget) ends(reset int64, began, now time.Time) time.Time {
	told := b.clock.local(reset, now).Add(b.slack)
	counted := began.Add(windowLength)
	if late := told.Sub(counted); late > -time.Second && late < 2*time.Second+flightTime/10 {
		return counted
	}
	return told
}

// account tells of a window.
func (w *window) account() tap.Window {
	return tap.Window{Began: w.first.UTC(), Limit: w.limit, Sent: w.sent, Left: w.left, Ends: w.ends}
}

// account tells of all windows, and how long the budget was waited for.
func (b *Budget) account() (windows []tap.Window, waited time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	windows = slices.Clone(b.past)
	if b.window.sent > 0 {
		windows = append(windows, b.window.account())
	}
	return windows, b.waited
}

// now is the time by the server's clock.
func (b *Budget) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Now().Add(b.clock.lead)
}

// spend notes a request that was sent without being asked for here.
func (b *Budget) spend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window.left--
}

// pause lets no request go for that long: an answer said that the limit is reached, but not until
// when.
func (b *Budget) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until := time.Now().Add(d); until.After(b.paused) {
		b.paused = until
	}
}

// retryAfter reads the header Retry-After, in seconds or as a date by the server's clock.
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
