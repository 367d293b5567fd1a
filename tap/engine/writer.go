package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// A STATE is due after this many records, or this long after the last one, if anything was written.
const (
	stateRecords  = 2500
	stateInterval = 3 * time.Second
)

// writeBytes is the size of a write. Signals are handled between two writes, even if the loader
// reads slowly.
const writeBytes = 32 << 10

// output is what standard output has of a stream.
type output struct {
	started, announced bool
	revision, records  int
	learnt             map[string]jsontext.Value // of the latest shape that was written
	learntRevision     int
	verified           *tap.Verified // the last proof
	proof              *gone.Found   // that of this run; nil for none
	err                error         // why the stream failed
	listRead           bool          // nothing is left but its sweep
	leftAlone          bool          // it was left alone
}

// writer owns standard output and the progress of all streams. It handles messages in the order in
// which it receives them, and makes a STATE only from what it has written.
type writer struct {
	*run
	voice tap.Voice
	state *tap.State
	inbox chan message
	err   error // of standard output: nothing more is written

	buf       []byte
	since     []tap.Written // since the last state
	sinceLast int           // records
	dirty     bool
	due       bool // a state is due at once
	stateLast bool // the last message is a state
	closing   bool // the run was interrupted: it must end with a state
	lastState time.Time

	// proven means that a row was seen. Until then, the user may have lost the permission to see
	// rows, and no bookmark may pass over rows that are hidden.
	proven bool
	moved  []*stream     // streams whose bookmark in the state is not up to date
	active []*tap.Stream // streams that have started but not ended

	unread    int       // streams with something left to read
	unended   int       // streams whose end was not reported
	undecided []*stream // streams that are read, of which nobody knows yet whether a sweep is due
}

func newWriter(r *run, state *tap.State) *writer {
	return &writer{
		run: r, voice: r.Voice, state: state, inbox: make(chan message, 1),
		unread: len(r.streams), unended: len(r.streams),
	}
}

// loop handles messages until the inbox is closed. After a failed write it writes nothing more.
func (w *writer) loop() {
	w.lastState = time.Now()
	timer := time.NewTimer(stateInterval)
	defer timer.Stop()
	for {
		select {
		case m, ok := <-w.inbox:
			if !ok {
				return
			}
			m.write(w)
			w.flush()
		case <-timer.C:
		}
		if wait := stateInterval - time.Since(w.lastState); wait <= 0 || w.due ||
			w.sinceLast >= stateRecords {
			if w.dirty {
				w.writeState()
			}
			w.lastState, w.due = time.Now(), false
			timer.Reset(stateInterval)
		} else {
			timer.Reset(wait)
		}
	}
}

// close ends the streams that have not ended, if the run is over for a cause, and writes the log of
// the run and the last state.
func (w *writer) close(cause error) {
	w.closing = tap.KindOf(cause) == tap.Interrupted && cause != nil
	if cause != nil {
		for _, st := range w.streams {
			if st.ended.Load() {
				continue
			}
			if !st.out.started {
				w.say(tap.Started{Stream: st.query.Stream})
			}
			w.beforeEnd(st)
			w.say(tap.Ended{Stream: st.query.Stream, Err: cause})
			w.flush()
		}
	}
	if w.syncLog != nil {
		w.writeLog(cause)
	}
	if w.dirty || w.closing && !w.stateLast {
		w.writeState()
	}
}

func (w *writer) allEnded() bool { return w.unended == 0 }

func (m batch) write(w *writer) {
	defer close(m.done)
	st := m.task.stream
	if w.err != nil || st.ended.Load() {
		return
	}
	w.announce(st, m.schema)
	if m.allRows {
		w.say(tap.Estimate{Stream: st.query.Stream, Records: int64(len(m.records))})
	}
	if len(m.records) > 0 && st.out.records == 0 {
		w.say(tap.Running{Stream: st.query.Stream})
	}
	done := w.writeRecords(m)
	if w.err != nil {
		return
	}
	w.wrote(st, done)
	w.prove(w.signals.row.Load() || done > 0)
	if done < len(m.records) {
		return // the page is not whole: the next run reads it again
	}
	if m.entry > 0 {
		st.ledger.Wrote(m.entry)
		w.due = w.due || st.ledger.Slow()
		w.changed(st)
	}
	if m.schema.learnt != nil && m.schema.revision >= st.out.learntRevision {
		st.out.learnt, st.out.learntRevision = m.schema.learnt, m.schema.revision
	}
	if m.step != nil {
		w.advance(m)
	}
}

// announce says the shape of the records that follow, if it is new.
func (w *writer) announce(st *stream, k schema) {
	if k.shape != nil && (!st.out.announced || k.revision > st.out.revision) {
		st.out.announced, st.out.revision = true, k.revision
		w.say(tap.Schema{Query: st.query, Shape: k.shape})
	}
}

// writeRecords writes the records of a page, and returns how many it wrote before the run was over.
func (w *writer) writeRecords(m batch) (done int) {
	for _, record := range m.records {
		if len(w.buf) > 0 && len(w.buf)+len(record) > writeBytes {
			w.flush()
			if err := context.Cause(w.ctx); err != nil && !errors.Is(err, errOvertime) {
				break // a run that ends by itself has time to write its pages
			}
		}
		w.buf = append(append(append(w.buf, m.frame[0]...), record...), m.frame[1]...)
		done++
	}
	w.flush()
	return done
}

// wrote counts records.
func (w *writer) wrote(st *stream, records int) {
	st.out.records += records
	st.report.records(records)
	w.sinceLast += records
	if records > 0 {
		w.count(st, records)
	}
}

// advance makes the step of a page, and queues what may be read next.
func (w *writer) advance(m batch) {
	st := m.task.stream
	w.changed(st)
	_, cut := m.step.(progress.Cut)
	for _, piece := range st.read.Wrote(m.step) {
		t := &task{stream: st, piece: &piece, stage: firstPage, waits: m.task.waits}
		if cut {
			t.stage, t.weight = longLists, m.task.weight
		}
		t.following = st.read.Phase() == progress.Following
		w.queue.push(t)
	}
	w.checkRead(st)
}

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

func (m vanished) write(w *writer) {
	w.prove(w.signals.row.Load())
	st := m.stream
	if w.err != nil || !w.proven || !st.read.Bookmark().Whole {
		m.reported <- false // loaders delete rows that were not written under the version
		return
	}
	deleted := w.voice.Append(nil,
		tap.Deleted{Query: st.query, Version: st.version(), IDs: m.ids, At: m.at})
	if len(deleted) == 0 {
		w.Log.Warn("rows are gone, and the catalog lacks the column that says so: refresh the schema of the source in the connection",
			"stream", st.query.Stream.Name, "rows", len(m.ids))
		m.reported <- false
		return
	}
	if w.dirty {
		w.writeState() // it says that all rows were
	}
	if st.out.records == 0 {
		w.say(tap.Running{Stream: st.query.Stream})
	}
	w.buf = append(w.buf, deleted...)
	w.flush()
	if w.err != nil {
		m.reported <- false
		return
	}
	st.ledger.Wrote(m.entry)
	w.wrote(st, len(m.ids))
	w.due = w.due || st.ledger.Slow()
	w.changed(st)
	m.reported <- true
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

// say adds an event to what is written next.
func (w *writer) say(e tap.Event) { w.buf = w.voice.Append(w.buf, e) }

// flush writes the events and records that were added.
func (w *writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		w.stateLast = false
		if _, err := w.Out.Write(w.buf); err != nil {
			w.err = WriteError(err)
			w.cancel(w.err)
		}
	}
	w.buf = w.buf[:0]
}

// WriteError returns the error of a write to stdout.
func WriteError(err error) error {
	var typed *tap.Error
	if errors.As(err, &typed) {
		return err
	}
	var about *fs.PathError
	if errors.As(err, &about) {
		err = about.Err // the words before it say what was written
	}
	e := &tap.Error{
		Kind: tap.LoaderGone, Op: "writing to stdout", Err: err,
		Hint: "check where standard output goes: the disk may be full, or the stream closed",
	}
	if errors.Is(err, syscall.EPIPE) {
		e.Hint = "the loader went away: look at its log"
	}
	return e
}
