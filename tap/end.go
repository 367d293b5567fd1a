package tap

import (
	"context"
	"errors"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// end notes that a piece ended. After the last one, the stream has ended, with two exceptions: a
// read that an earlier run began, and a full table that was cut, whose rows may have moved between
// its pieces, are followed by a read of what has changed since they began.
func (s *syncer) end(ctx context.Context, r *streamRun) {
	r.mu.Lock()
	r.open--
	if r.open > 0 {
		r.mu.Unlock()
		return
	}
	err := r.err
	more := err == nil && r.reading.timed && !r.rested && !s.Sample &&
		(r.resumed || r.reading.full && r.cut)
	from := later(s.StartDate, r.began.Add(-s.Lookback))
	r.resumed, r.cut, r.began, r.follows = false, false, time.Time{}, more && r.reading.full
	r.mu.Unlock()
	if more {
		for _, t := range s.fresh(r, from, 0) {
			s.queue.push(t)
		}
		return
	}
	s.told(r)
	if err == nil && !r.rested {
		if t := s.sweepTask(r); t != nil {
			s.again(t)
			return
		}
		if s.park(r) {
			return
		}
	}
	if s.isLast() {
		if err := s.prove(ctx); err != nil {
			s.cancel(err)
			return
		}
	}
	if s.send(ctx, item{run: r, ended: true, err: err, proven: s.proven.Load()}) != nil {
		return
	}
	s.logEnd(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 {
		s.queue.close()
	}
}

// isLast notes that a stream was read, and reports whether it was the last one.
func (s *syncer) isLast() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending--
	return s.ending == 0
}

// unprovenFor is how long bookmarks may stay the same because runs saw no row at all, before one
// request finds out why.
const unprovenFor = 24 * time.Hour

// prove checks whether the user may see anything, if no list had a row and it matters: a stream was
// read for the first time, or has not moved for long. Without a proof no bookmark moves, so nothing
// is lost if the permission comes back.
func (s *syncer) prove(ctx context.Context) error {
	if s.proven.Load() || s.Proof == nil || s.Sample {
		return nil
	}
	matters := false
	for _, r := range s.runs {
		r.mu.Lock()
		tried := r.err == nil && !r.rested
		r.mu.Unlock()
		matters = matters || tried && (r.before.IsZero() || s.now().Sub(r.before) > unprovenFor)
	}
	if !matters {
		return nil
	}
	shape, err := s.Proof.Shape()
	if err != nil {
		return err
	}
	splitter := record.NewSplitter(shape, record.Options{})
	rows := 0
	err = s.Source.Read(ctx, Request{Stream: s.Proof, Params: s.Proof.passes()[0], PerPage: 1},
		func(page Page) error {
			res, err := splitter.Split(page.Body)
			if errors.Is(err, record.ErrDrift) {
				rows = 1
				return nil
			}
			rows = len(res.Records)
			return err
		})
	if err != nil {
		s.Log.Info("no list had a row, and the tap cannot tell whether the user may see any: "+
			err.Error(), "stream", s.Proof.Name)
		s.proven.Store(true)
		return nil
	}
	if rows == 0 {
		return s.noRights()
	}
	s.proven.Store(true)
	return nil
}

// noRights is the error of a run whose user may not see anything.
func (s *syncer) noRights() error { return NoRights("reading list "+s.Proof.Name, s.User) }

// NoRights is the error of a list that is empty although every account has rows in it.
func NoRights(op, user string) error {
	return Errorf(Rights, op, "%s is not a Site Admin, so lists are refused or empty", user).
		WithHint("make that user a Site Admin in Greenhouse, or set user_id to one")
}

func (s *syncer) logEnd(r *streamRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	attrs := []any{"stream", r.sel.Stream.Name, "records", r.records}
	if r.odd > 0 {
		s.Log.Warn("skipped rows that contain only a message", "stream", r.sel.Stream.Name, "rows",
			r.odd)
	}
	switch {
	case r.skipped:
		why := r.err.Error()
		var e *Error
		if errors.As(r.err, &e) && e.Hint != "" {
			why = e.Hint // it names the scope
		}
		s.Log.Warn("stream is skipped: "+why, "stream", r.sel.Stream.Name)
	case r.err != nil:
		s.Log.Error(r.err.Error(), attrs...)
	case r.rested:
		s.Log.Info("stream is left alone: its last complete read is recent enough",
			"stream", r.sel.Stream.Name, "last", r.before.UTC().Format(time.RFC3339),
			"next", r.before.Add(r.rest).UTC().Format(time.RFC3339))
	default:
		s.Log.Info("stream is complete", attrs...)
	}
}

// endsRun are the kinds of errors that are not about a single stream.
var endsRun = map[Kind]bool{
	Credentials: true, SignIn: true, BadInput: true, Rights: true,
	Unreachable: true,
}

// fail ends a piece with an error, of the stream or of the whole run.
func (s *syncer) fail(ctx context.Context, r *streamRun, err error) {
	if cause := context.Cause(ctx); cause != nil {
		return // the run is over; endAll reports the rest
	}
	kind := KindOf(err)
	if endsRun[kind] && !errors.Is(err, r.sel.Err) {
		s.cancel(err)
		return
	}
	r.mu.Lock()
	if r.err == nil {
		r.err = err
		r.skipped = kind == Scope && !s.FailForbidden
		if kind == Scope && (r.seen || r.pages > 0) {
			r.err, r.skipped = lostScope(err), false
		}
	}
	r.mu.Unlock()
	s.end(ctx, r)
}

// lostScope is the failure of a stream that was read before: what it lacks now, it had.
func lostScope(err error) error {
	return &Error{
		Kind: Scope, Op: "the scope was there when the stream was read before, and is gone", Err: err,
	}
}

// endAll reports that the streams under way will not end, because the run is over.
func (s *syncer) endAll(cause error) {
	for _, r := range s.runs {
		s.out.items <- item{run: r, ended: true, cause: cause}
	}
}
