package engine

import (
	"errors"
	"io/fs"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/errno"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
)

// A STATE is due after this many records, or this long after the last one, if anything was written.
const (
	stateRecords  = 2500
	stateInterval = 3 * time.Second
)

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
	if errno.BrokenPipe(err) {
		e.Hint = "the loader went away: look at its log"
	}
	return e
}
