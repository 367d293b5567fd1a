package harvest

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// headers are what the headers of an answer say.
type headers struct {
	limit, left int
	date, reset int64 // in seconds of the server's clock; date is 0 if unknown
	limited     bool  // the request was refused
	after       time.Duration
	afterGiven  bool // the refusal says after what time to ask again
}

// learn reads the headers of the answer to a flight.
func (b *Budget) learn(f *flight, answer *http.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	r, ok := readHeaders(answer, now)
	if r.limited && r.afterGiven {
		// All requests wait for the window that is used up, never longer: if one list asks for
		// more, that concerns only that list.
		b.paused = now.Add(min(max(r.after, shortestPause), windowLength))
	}
	b.clock.saw(answer.Header.Get("Date"), now)
	defer b.land(now)
	if !ok {
		// Answers of a proxy report no limit; they say nothing if one is known.
		b.window.unlimited = !b.window.known && b.window.limit == 0
		return
	}
	slid := b.when.slides
	if r.date != 0 {
		b.when.compare(r.date, r.reset)
	}
	switch w := &b.window; {
	case b.when.slides:
		if !slid {
			b.when.forget()
			if w.known {
				b.when.begin(w.began, f.sent, r.date)
			}
		}
		b.learnSliding(f, &r, now)
	case slid && w.known:
		w.reset = r.reset
		fallthrough
	default:
		b.learnHonest(f, &r, now)
	}
}

// land notes that an answer came.
func (b *Budget) land(now time.Time) {
	b.landed = slices.DeleteFunc(b.landed,
		func(at time.Time) bool { return now.Sub(at) > flightTime })
	b.landed = append(b.landed, now)
}

// readHeaders reads the headers of an answer; false if they do not tell the limit.
func readHeaders(answer *http.Response, now time.Time) (r headers, ok bool) {
	r.limited = answer.StatusCode == http.StatusTooManyRequests
	r.after, r.afterGiven = web.RetryAfter(answer, now)
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		r.date = date.Unix()
	}
	var err1, err2, err3 error
	r.limit, err1 = strconv.Atoi(answer.Header.Get("X-RateLimit-Limit"))
	r.left, err2 = strconv.Atoi(answer.Header.Get("X-RateLimit-Remaining"))
	r.reset, err3 = strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64)
	if r.limited {
		r.left = 0
	}
	return r, err1 == nil && err2 == nil && err3 == nil
}

// learnSliding learns from an answer whose reset slides. A request that was sent when so many were
// left, and leaves more, was counted in a later window.
func (b *Budget) learnSliding(f *flight, r *headers, now time.Time) {
	w := &b.window
	grown := f.limit == r.limit && r.left > f.left
	switch {
	case f.window == w.number && (!w.known || w.unlimited):
		b.when.turned(f.sent, now, r.date)
		*w = window{
			number: w.number, known: true, limit: r.limit, left: r.left, reset: r.reset,
			began: now, sent: w.sent, answered: 1, first: w.first,
		}
	case !w.known:
		return // of an earlier window
	case f.window == w.number && grown:
		b.past = append(b.past, w.report())
		b.when.turned(f.sent, now, r.date)
		b.clock.turn()
		*w = window{
			number: w.number + 1, known: true, limit: r.limit, left: r.left, reset: r.reset,
			began: now, sent: b.straddling(f), answered: 1, first: now,
		}
	case f.window == w.number || grown:
		w.left = min(w.left, r.left)
		w.answered++
		b.when.passed(f.sent, r.date)
	}
	if r.limited && r.afterGiven {
		b.when.refused(now, r.after)
	}
	w.ends = b.when.end(&b.clock, now)
	if b.share() < w.limit && b.when.hi.Sub(w.ends) < shareMargin {
		w.ends = b.when.hi // to be sure costs less than to ask
	}
}

// straddling is how many of this process's requests the new window may have counted, when the
// answer to a flight shows that it has begun: those in flight, and for a share, which is never
// exceeded, those that were answered while this one was in flight.
func (b *Budget) straddling(f *flight) int {
	n := len(b.flying)
	if b.share() < b.window.limit {
		for _, at := range b.landed {
			if at.After(f.sent) {
				n++
			}
		}
	}
	return n
}

// learnHonest learns from an answer whose reset is the end of the window.
func (b *Budget) learnHonest(f *flight, r *headers, now time.Time) {
	w := &b.window
	if r.limited && f.window == w.number && !w.known && r.reset <= w.reset {
		b.slack = time.Second // it rounds the time of the reset down
	}
	began := w.began
	if !w.known || r.reset > w.reset+1 {
		began = now
	}
	ends := b.ends(r.reset, began, now)
	if r.limited && !r.afterGiven && !ends.After(now) {
		// it refuses, and says that the window is over: asking at once would loop
		b.paused = now.Add(time.Second)
	}
	if ends.After(now.Add(longestWindow)) {
		ends = now.Add(longestWindow)
	}
	first := !w.known && w.number == f.window
	switch {
	case first || r.reset > w.reset+1 || w.unlimited:
		sent := w.sent
		if !first {
			sent = len(b.flying) // a window began before anyone here saw the end of the last one
		}
		since := w.first
		if !first && w.sent > 0 {
			b.past = append(b.past, w.report())
			since = now
		}
		*w = window{
			number: w.number, known: true, limit: r.limit, left: r.left, reset: r.reset,
			began: began, ends: ends, sent: sent, answered: 1, first: since,
		}
	case w.known && r.reset >= w.reset-1:
		w.left = min(w.left, r.left)
		w.answered++
		if r.reset == w.reset {
			w.ends = ends // every answer improves what is known of the clock
		}
	}
}

// ends returns when a window ends whose reset the server gives in whole seconds. It may have
// rounded up or down, and its clock is not known well at first. If the end can be a window's length
// after the first answer, that is the time: a window that had begun by then has ended by then.
func (b *Budget) ends(reset int64, began, now time.Time) time.Time {
	reported := b.clock.local(reset, now).Add(b.slack)
	counted := began.Add(windowLength)
	if late := reported.Sub(counted); late > -time.Second && late < 2*time.Second+flightTime/10 {
		return counted
	}
	return reported
}
