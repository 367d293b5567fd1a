package tap

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"
)

// A STATE is due after this many records, or this long after the last one, if anything was written.
const (
	stateRecords  = 2500
	stateInterval = 3 * time.Second
)

// item is an event on its way to stdout.
type item struct {
	run     *streamRun
	records [][]byte
	frame   [2][]byte // the text before and after each record
	known   known     // the shape that the records fit; none if nothing was read
	step    *step     // the transition of the bookmark; nil for none
	proven  bool      // a row was seen in this run
	whole   bool      // the records are all rows of the stream
	guess   int       // estimated number of records of the stream; 0 for no new estimate
	ended   bool
	err     error     // why the stream ended
	cause   error     // why the run ended before the stream did
	waiting time.Time // not about a stream: the budget is used up until then
	gone    []int64   // ids of rows that Greenhouse no longer has
	at      time.Time // when that was found out, by the server's clock
	written func()    // called when the records are no longer needed
}

// writeBytes is the size of a write. Signals are handled between two writes, even if the loader
// reads slowly.
const writeBytes = 32 << 10

// held is a step that waits for proof that the user may see anything.
type held struct {
	run  *streamRun
	step *step
}

// output owns stdout. It writes items in the order in which it receives them, and makes a STATE
// only from what it has written.
type output struct {
	w     io.Writer
	voice Voice
	state *State
	items chan item
	stop  <-chan struct{} // closed when the run is over: writing stops between two records
	fail  func(error)
	quiet bool // no state is written

	held      []held
	proven    bool
	written   []Written // since the last state
	sinceLast int
	dirty     bool
	stateLast bool // the last message is a state
	closing   bool // the run was interrupted: it must end with a state
	lastState time.Time
	buf       []byte
	under     []*Stream // streams that have started but not ended
	err       error
}

// run writes items until their channel is closed, and then the last state. After a failed write it
// writes nothing more.
func (o *output) run() {
	o.lastState = time.Now()
	timer := time.NewTimer(stateInterval)
	defer timer.Stop()
	for {
		select {
		case it, ok := <-o.items:
			if !ok {
				if o.dirty || o.closing && !o.stateLast {
					o.writeState()
				}
				return
			}
			o.take(it)
		case <-timer.C:
		}
		if wait := stateInterval - time.Since(o.lastState); wait <= 0 ||
			o.sinceLast >= stateRecords {
			if o.dirty {
				o.writeState()
			}
			o.lastState = time.Now()
			timer.Reset(stateInterval)
		} else {
			timer.Reset(wait)
		}
	}
}

func (o *output) take(it item) {
	if it.written != nil {
		defer it.written()
	}
	if it.run != nil {
		defer func() {
			it.run.mu.Lock()
			defer it.run.mu.Unlock()
			it.run.shown = it.run.out
		}()
	}
	if o.err != nil {
		return
	}
	dst := o.buf[:0]
	if !it.waiting.IsZero() {
		if time.Now().Before(it.waiting) {
			o.write(o.voice.Waiting(dst, o.under, it.waiting))
		}
		return
	}
	r := it.run
	s := r.sel.Stream
	if it.cause != nil {
		o.closing = KindOf(it.cause) == Interrupted
		if r.out.ended {
			return
		}
		it.err = it.cause
	}
	if !r.out.started {
		r.out.started = it.cause == nil // otherwise it was not reached
		o.under = append(o.under, s)
		dst = o.voice.Started(dst, s)
	}
	if it.known.shape != nil && (!r.out.announced || it.known.version > r.out.version) {
		r.out.announced, r.out.version = true, it.known.version
		dst = o.voice.Schema(dst, r.sel, it.known.shape)
	}
	if it.whole {
		dst = o.voice.Estimate(dst, s, int64(len(it.records)))
	}
	if it.guess > 0 {
		dst = o.voice.Estimate(dst, s, int64(it.guess))
	}
	if len(it.records) > 0 && r.out.records == 0 {
		dst = o.voice.Running(dst, s)
	}
	done := 0
	for _, record := range it.records {
		if len(dst) > 0 && len(dst)+len(record) > writeBytes {
			o.write(dst)
			dst = dst[:0]
			if o.stopped() {
				break
			}
		}
		dst = append(append(append(dst, it.frame[0]...), record...), it.frame[1]...)
		done++
	}
	o.buf = dst
	o.write(dst)
	if o.err != nil {
		return
	}
	if len(it.gone) > 0 {
		done += o.tell(r, it)
	}
	r.out.records += done
	o.sinceLast += done
	if done < len(it.records) && len(it.gone) == 0 {
		it.step = nil // the page is not whole: the next run reads it again
	}
	if done > 0 || it.step != nil {
		o.count(r, done)
	}
	o.prove(it.proven || done > 0)
	if it.step != nil {
		o.move(r, it)
	}
	if it.ended {
		o.end(r, it)
	}
}

// tell reports deleted rows, after the state has said that all rows were written under the stream's
// version: loaders delete rows without one.
func (o *output) tell(r *streamRun, it item) int {
	untold := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.untold = true
		return 0
	}
	b := o.state.Of(r.sel.Stream.Name)
	if !b.Whole || b.Version != r.sel.Version {
		return untold()
	}
	if o.dirty {
		o.writeState()
	}
	dst := o.buf[:0]
	if r.out.records == 0 {
		dst = o.voice.Running(dst, r.sel.Stream)
	}
	dst = o.voice.Gone(dst, r.sel, it.gone, it.at)
	o.buf = dst
	o.write(dst)
	if o.err != nil {
		return untold()
	}
	o.dirty = true
	return len(it.gone)
}

// stopped reports whether the run is over.
func (o *output) stopped() bool {
	select {
	case <-o.stop:
		return true
	default:
		return false
	}
}

// move makes the step of an item. If no row was seen in this run yet, the step is held back: the
// user may have lost the permission to see rows, and the bookmark must not pass over rows that are
// hidden.
func (o *output) move(r *streamRun, it item) {
	if it.known.learnt != nil && it.known.version >= r.out.learnt {
		r.out.learnt = it.known.version
		o.state.Of(r.sel.Stream.Name).Learnt = it.known.learnt
	}
	o.dirty = true
	if !o.proven {
		o.held = append(o.held, held{r, it.step})
		return
	}
	it.step.apply(o.state.Of(r.sel.Stream.Name), &r.reading)
}

// prove notes that a row was seen, and makes the steps that were held back.
func (o *output) prove(seen bool) {
	if o.proven || !seen {
		return
	}
	o.proven = true
	for _, h := range o.held {
		o.count(h.run, 0)
		h.step.apply(o.state.Of(h.run.sel.Stream.Name), &h.run.reading)
		o.dirty = true
	}
	o.held = nil
}

func (o *output) end(r *streamRun, it item) {
	// Records of a page that was broken off count too: nothing may follow the end of their stream.
	uncounted := slices.ContainsFunc(o.written,
		func(w Written) bool { return w.Stream == r.sel.Stream && w.Records > 0 })
	if o.dirty || uncounted {
		o.writeState()
	}
	o.under = slices.DeleteFunc(o.under, func(u *Stream) bool { return u == r.sel.Stream })
	o.write(o.voice.Ended(o.buf[:0], r.sel.Stream, it.err))
	if o.err == nil && it.cause == nil {
		r.out.ended = true
	}
}

func (o *output) count(r *streamRun, records int) {
	s := r.sel.Stream
	for i := range o.written {
		if o.written[i].Stream == s {
			o.written[i].Records += records
			return
		}
	}
	o.written = append(o.written, Written{Stream: s, Records: records, Ended: r.out.ended})
}

func (o *output) writeState() {
	if o.quiet {
		return
	}
	o.write(o.voice.State(o.buf[:0], o.state, o.written))
	o.written, o.sinceLast, o.dirty, o.stateLast = o.written[:0], 0, false, true
	o.lastState = time.Now()
}

func (o *output) write(lines []byte) {
	if o.err != nil || len(lines) == 0 {
		return
	}
	o.stateLast = false
	if _, err := o.w.Write(lines); err != nil {
		o.err = WriteError(err)
		o.fail(o.err)
	}
}

// WriteError returns the error of a write to stdout. An error of a kind says itself what happened.
func WriteError(err error) error {
	if KindOf(err) != Fault {
		return err
	}
	e := &Error{
		Kind: LoaderGone, Op: "writing to stdout", Err: err,
		Hint: "check where standard output goes: the disk may be full, or the stream closed",
	}
	if errors.Is(err, syscall.EPIPE) {
		e.Hint = "the loader went away: look at its log"
	}
	return e
}
