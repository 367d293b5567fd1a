package harvest

import "time"

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
		return b.within(now)
	case w.known && b.unsure(now):
		return b.across(now)
	case w.known || w.scouts == 0:
		return 0
	}
	if w.limit > 0 && w.sent >= b.share() {
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

// within is the rule for a window that is known. The last requests may be kept a while, to find out
// when windows begin, if more requests wait than are left: the run takes no longer for that.
func (b *Budget) within(now time.Time) time.Duration {
	w := &b.window
	until := w.ends.Sub(now)
	if w.sent >= b.share() || !b.enough(now) {
		return until
	}
	spare := min(b.share()-w.sent, w.left-b.uncounted(now))
	scout, probe := b.kept()
	switch {
	case spare > scout+probe || spare >= b.waiting+len(b.flying):
		return 0
	case spare <= scout || len(b.flying) > 0:
		return until
	}
	half := b.when.lo.Add(w.ends.Sub(b.when.lo) / 2)
	return max(0, half.Sub(now))
}

// kept is how many requests of a window are kept to find out whether it has ended: one to ask at
// its supposed end, so that a share stays a share if it has not, and one to ask in the middle of
// the time in which it may end.
func (b *Budget) kept() (scout, probe int) {
	w := &b.window
	if !b.when.slides {
		return 0, 0
	}
	shared := b.share() < w.limit
	if shared && b.when.hi.Sub(w.ends) > late {
		scout = 1
	}
	quiet := w.limit-w.left <= 2*w.answered // others would take what is kept
	if w.ends.Sub(b.when.lo) > closeEnough && (shared || quiet) {
		probe = 1
	}
	return scout, probe
}

// unsure reports whether a window that is supposed to have ended may last.
func (b *Budget) unsure(now time.Time) bool {
	return b.when.slides && now.Before(b.when.hi) && b.when.hi.Sub(b.window.ends) > late
}

// across is the rule while it is unsure whether the window has ended: one request finds out.
func (b *Budget) across(now time.Time) time.Duration {
	for _, f := range b.flying {
		if patience := scoutPatience - now.Sub(f.sent); patience > 0 {
			return patience
		}
	}
	if w := &b.window; b.share() < w.limit && w.sent >= b.share() {
		return b.when.hi.Sub(now)
	}
	return 0
}

// share is the number of requests of a window that this process may send: its part of the limit, at
// least one.
func (b *Budget) share() int { return max(1, int(float64(b.window.limit)*b.budget+1e-9)) }

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
