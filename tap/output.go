package tap

import (
	"io"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// When a STATE is due: after so many records, or so long after the last one, if anything was written.
const (
	stateRecords  = 2500
	stateInterval = 3 * time.Second
)

// item is something that happened, on its way to stdout.
type item struct {
	run     *run
	records [][]byte
	frame   [2][]byte     // what stands before and behind each record
	written func()        // called once the records are not needed any more
	shape   *record.Shape // the one that the records were held against
	version int           // counts up with each wider shape of the stream
	commit  func(b *Bookmark)
	whole   bool // the records are all that the stream has
	ended   bool
	err     error
	waiting time.Time // not about a stream: the budget is used up until then
}

// writeBytes is how much is gathered before it is written.
const writeBytes = 256 << 10

// output owns stdout. What it writes is in the order in which items were handed to it, and a STATE
// is made of nothing but what has been written before it.
type output struct {
	w     io.Writer
	voice Voice
	state *State
	items chan item

	written   []Written // since the last state
	sinceLast int
	dirty     bool
	stateLast bool // the last message is a state
	closing   bool // the run was interrupted: it ends with a state, whatever came of it
	lastState time.Time
	buf       []byte
	under     []*Stream // streams started and not ended
	err       error
	onError   func(error)
}

// run writes items until their channel is closed, and then the last state. After a failed write nothing more is written.
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
		if wait := stateInterval - time.Since(o.lastState); wait <= 0 || o.sinceLast >= stateRecords {
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
	if !r.out.started {
		r.out.started = true
		o.under = append(o.under, s)
		dst = o.voice.Started(dst, s)
	}
	if it.shape != nil && (!r.out.announced || it.version > r.out.version) {
		r.out.announced, r.out.version = true, it.version
		dst = o.voice.Schema(dst, r.sel, it.shape)
	}
	if it.whole {
		dst = o.voice.Estimate(dst, s, int64(len(it.records)))
	}
	if len(it.records) > 0 && r.out.records == 0 {
		dst = o.voice.Running(dst, s)
	}
	for _, record := range it.records {
		if len(dst)+len(record) > writeBytes {
			o.write(dst)
			dst = dst[:0]
		}
		dst = append(append(append(dst, it.frame[0]...), record...), it.frame[1]...)
	}
	o.buf = dst
	o.write(dst)
	if o.err != nil {
		return
	}
	r.out.records += len(it.records)
	o.sinceLast += len(it.records)
	if len(it.records) > 0 || it.commit != nil {
		o.count(s, len(it.records))
	}
	if it.commit != nil {
		it.commit(o.state.Of(s.Name))
		o.dirty = true
	}
	if it.ended {
		if o.dirty {
			o.writeState()
		}
		o.under = slices.DeleteFunc(o.under, func(u *Stream) bool { return u == s })
		o.write(o.voice.Ended(o.buf[:0], s, it.err))
	}
}

func (o *output) count(s *Stream, records int) {
	for i := range o.written {
		if o.written[i].Stream == s {
			o.written[i].Records += records
			return
		}
	}
	o.written = append(o.written, Written{Stream: s, Records: records})
}

func (o *output) writeState() {
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
		o.err = &Error{Kind: LoaderGone, Op: "writing to stdout", Err: err, Hint: "the loader went away: look at its log"}
		o.onError(o.err)
	}
}
