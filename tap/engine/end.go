package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// How streams end: each is read, or fails. Then, with deletes, its sweep is queued behind all
// reading if it is due. Whether the lists of candidates' children are due is known only when all
// lists are read: a candidate may have been anonymized. Until a list had a row, nobody knows
// whether the user may see any, so sweeps wait for that, too.

// checkRead goes on with a stream of which nothing is left to read.
func (w *writer) checkRead(st *stream) {
	if st.read.Phase() == progress.Complete {
		w.doneReading(st)
	}
}

func (m leftAlone) write(w *writer) {
	m.stream.out.leftAlone = true
	w.doneReading(m.stream)
}

func (m failed) write(w *writer) {
	st := m.stream
	if st.ended.Load() {
		return
	}
	reading := !st.out.listRead
	st.out.err = st.scopeLost(m.err)
	st.ended.Store(true) // nothing more of it is written
	if reading {
		w.doneReading(st)
		return
	}
	w.end(st, st.out.err) // its sweep failed
}

// doneReading notes that nothing is left to read of a stream: it was read, left alone, or failed. If
// no list had a row, the last one waits for a proof that the user may see anything.
func (w *writer) doneReading(st *stream) {
	w.unread--
	if w.unread == 0 && w.needsProof() {
		w.queue.push(&task{stream: st, stage: proofs})
		return
	}
	w.settle(st)
}

// settle ends a stream that was read, or goes on with its sweep.
func (w *writer) settle(st *stream) {
	switch {
	case st.ledger == nil || st.out.err != nil || st.out.leftAlone:
		w.end(st, st.out.err)
	case w.unread > 0 && (st.query.Stream.OfCandidates() || !w.signals.row.Load()):
		w.undecided = append(w.undecided, st)
	default:
		w.compare(st)
	}
	if w.unread > 0 {
		return
	}
	for _, st := range w.undecided {
		w.compare(st)
	}
	w.undecided = nil
}

// compare queues the sweep of a stream that was read, or ends it if none is due.
func (w *writer) compare(st *stream) {
	st.out.listRead = true
	if !st.ledger.Due(w.sweepOf(st)) {
		w.end(st, nil)
		return
	}
	w.queue.push(&task{stream: st, stage: sweeps, waits: st.ledger.Swept()})
}

func (m compared) write(w *writer) {
	st, f := m.stream, m.found
	w.prove(w.signals.row.Load())
	f.Compared = f.Compared && w.proven // a user who sees no row at all proves nothing
	if f.Compared {
		st.out.verified = &tap.Verified{
			Until: f.Until, Rows: f.Rows, Sum: f.Sum.String(), Repaired: f.Repaired,
		}
		st.out.proof = &f
		w.changed(st)
	} else if w.Deletes.Verify {
		st.out.err = tap.Errorf(tap.Refused, "verifying "+st.query.Stream.Name,
			"the list could not be compared with what was delivered")
	}
	w.end(st, st.out.err)
	if w.err == nil { // it was written, and the state says so
		st.report.swept(f, w.Deletes.Every)
	}
}

func (m proven) write(w *writer) {
	if m.err != nil {
		w.cancel(m.err)
		return
	}
	w.prove(true)
	w.settle(m.stream)
}

// beforeEnd writes a state if the stream has records that no state covers: nothing may follow its
// end. Records of a page that was broken off count too.
func (w *writer) beforeEnd(st *stream) {
	uncounted := slices.ContainsFunc(w.since,
		func(s tap.Written) bool { return s.Stream == st.query.Stream && s.Records > 0 })
	if w.dirty || uncounted {
		w.writeState()
	}
	w.active = slices.DeleteFunc(w.active, func(u *tap.Stream) bool { return u == st.query.Stream })
}

// end reports the end of a stream.
func (w *writer) end(st *stream, err error) {
	started{st}.write(w)
	w.keepRefusal(st, err)
	if !w.sayEnd(st, err) {
		return
	}
	w.logEnd(st, err)
	if w.unended--; w.unended == 0 {
		w.queue.close()
	}
}

// sayEnd writes the end of a stream, and reports whether it is written.
func (w *writer) sayEnd(st *stream, err error) bool {
	w.beforeEnd(st)
	w.say(tap.Ended{Stream: st.query.Stream, Err: err})
	w.flush()
	if w.err == nil {
		st.ended.Store(true)
	}
	return w.err == nil
}

// keepRefusal keeps in the state since when a stream has been refused. The bookmark of one that was
// read says nothing of it.
func (w *writer) keepRefusal(st *stream, err error) {
	if tap.KindOf(err) != tap.Scope {
		return
	}
	if b := w.state.Of(st.query.Stream.Name); b.Refused.IsZero() {
		b.Refused, w.dirty = w.now().UTC().Truncate(time.Second), true
		w.count(st, 0)
	}
}

func (w *writer) logEnd(st *stream, err error) {
	name := st.query.Stream.Name
	if n := st.report.skippedRows(); n > 0 {
		w.Log.Warn("skipped rows that contain only a message", "stream", name, "rows", n)
	}
	switch {
	case err != nil && w.skips(err):
		st.report.status(tap.Skipped, err)
		why := err.Error()
		var e *tap.Error
		if errors.As(err, &e) && e.Hint != "" {
			why = e.Hint // it names the scope
		}
		w.Log.Warn("stream is skipped: "+why, "stream", name)
	case err != nil:
		st.report.status(tap.Failed, err)
		w.Log.Error(err.Error(), "stream", name, "records", st.out.records)
	case st.out.leftAlone:
		next := w.schedule(st).Due(st.bookmark)
		st.report.leftAlone(next)
		w.Log.Info("stream is left alone: its last complete read is recent enough", "stream", name,
			"last", st.bookmark.Last().UTC().Format(time.RFC3339),
			"next", next.UTC().Format(time.RFC3339))
	default:
		st.report.status(tap.Complete, nil)
		st.report.due(w.schedule(st).Due(w.bookmarkOf(st)))
		about := []any{"stream", name, "records", st.out.records}
		if f := st.out.proof; f != nil {
			about = append(about, w.proofOf(f)...)
		}
		w.Log.Info("stream is complete", about...)
	}
}

// proofOf is what the log says of a proof.
func (w *writer) proofOf(f *gone.Found) []any {
	about := []any{
		"verified_until", f.Until.UTC().Format(time.RFC3339), "verified_rows", f.Rows,
		"verified_id_sum", f.Sum.String(),
	}
	if !f.Newest.IsZero() {
		about = append(about, "verified_max_updated_at", tap.FormatTime(f.Newest))
	}
	return append(about, "gone", f.Gone, "repaired", f.Repaired, "next_sweep",
		f.Swept.Add(w.Deletes.Every).UTC().Format(time.RFC3339))
}

// skips reports whether a stream that failed is left out for lack of a scope. One that was read
// before has failed: what it lacks now, it had.
func (w *writer) skips(err error) bool {
	return tap.KindOf(err) == tap.Scope && !w.FailForbidden && !errors.Is(err, errScopeLost)
}

// errScopeLost means that a stream was read before.
var errScopeLost = errors.New("the scope was there when the stream was read before, and is gone")

// scopeLost returns the error of a stream whose scope is missing, if it was read before.
func (st *stream) scopeLost(err error) error {
	if tap.KindOf(err) != tap.Scope || !progress.Loaded(st.bookmark) && st.bookmark.Pages == 0 &&
		st.report.snapshot().Pages == 0 {
		return err
	}
	lost := &tap.Error{Kind: tap.Scope, Err: fmt.Errorf("%w: %w", errScopeLost, err)}
	return lost
}

// unprovenFor is how long bookmarks may stay the same because runs saw no row at all, before one
// request finds out why.
const unprovenFor = 24 * time.Hour

// needsProof reports whether it matters that no list had a row: a stream was read for the first
// time, has not moved for long, or should be verified.
func (w *writer) needsProof() bool {
	if w.signals.row.Load() || w.proven || w.Proof == nil || w.Sample {
		return false
	}
	return slices.ContainsFunc(w.streams, func(st *stream) bool {
		last := st.bookmark.Last()
		return st.out.err == nil && !st.out.leftAlone && (last.IsZero() ||
			w.now().Sub(last) > unprovenFor || w.Deletes != nil && w.Deletes.Verify)
	})
}

// sweepOf says how to sweep a stream.
func (r *run) sweepOf(st *stream) gone.Sweep {
	d := r.Deletes
	return gone.Sweep{
		Every: d.Every, MaxShare: d.MaxShare, Accept: slices.Contains(d.Accept, st.query.Stream.Name),
		Force: d.Verify || r.signals.anonymized.Load() && st.query.Stream.OfCandidates(),
		Now:   r.now(),
	}
}
