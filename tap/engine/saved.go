package engine

import (
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// What a STATE says: the bookmarks of the streams whose records it covers.

// changed notes that the state must say something new about a stream.
func (w *writer) changed(st *stream) {
	w.dirty = true
	w.count(st, 0)
	if !slices.Contains(w.moved, st) {
		w.moved = append(w.moved, st)
	}
}

// prove notes that a row was seen: from now on, bookmarks may move.
func (w *writer) prove(seen bool) {
	if w.proven || !seen {
		return
	}
	w.proven = true
	for _, st := range w.moved {
		w.changed(st)
	}
}

// count notes that a stream has records, or a new bookmark, since the last state.
func (w *writer) count(st *stream, records int) {
	s := st.query.Stream
	for i := range w.since {
		if w.since[i].Stream == s {
			w.since[i].Records += records
			return
		}
	}
	w.since = append(w.since,
		tap.Written{Stream: s, Records: records, Ended: st.ended.Load() && st.out.err == nil})
}

// writeState publishes the bookmarks of what was written, and writes the state.
func (w *writer) writeState() {
	if w.Sample {
		return
	}
	kept := w.moved[:0]
	for _, st := range w.moved {
		if !w.publish(st) {
			kept = append(kept, st)
		}
	}
	w.moved = kept
	w.say(tap.Saved{State: w.state, Since: w.since})
	w.flush()
	w.since, w.sinceLast, w.dirty, w.stateLast = w.since[:0], 0, false, true
	w.lastState = time.Now()
}

// publish puts a stream's bookmark into the state. Before a row was seen, only what was learnt of
// its columns may be published.
func (w *writer) publish(st *stream) bool {
	b := w.state.Of(st.query.Stream.Name)
	if w.proven {
		*b = w.bookmarkOf(st)
		b.Ledger, b.Verified = "", nil
		if st.ledger != nil {
			b.Ledger, b.Verified = st.ledger.Token().String(), st.out.verified
		}
		st.report.complete(b.Last())
	}
	if st.out.learnt != nil {
		b.Learnt = st.out.learnt
	}
	return w.proven
}

// bookmarkOf is the stream's bookmark as far as it was read.
func (w *writer) bookmarkOf(st *stream) tap.Bookmark {
	b := st.read.Bookmark()
	b.Quiet, b.Refused = 0, time.Time{}
	if w.schedule(st).MaxStaleness > 0 {
		b.Quiet = progress.Quiet(st.bookmark, st.out.records, st.read.Phase() == progress.Complete)
	}
	return b
}
