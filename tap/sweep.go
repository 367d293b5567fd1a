package tap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The constants of sweeps.
const (
	pageRows   = 500 // rows per page
	confirmIDs = 50  // ids per request (docs)
	savedPages = 20  // pages between saves
)

// sweepTask returns the task that finds deleted rows of a stream that has been read; nil if it is
// not due.
func (s *syncer) sweepTask(r *streamRun) *task {
	t := r.track
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.checked {
		return nil
	}
	t.checked = true
	complete := t.listed != nil && len(t.listed) == r.reading.passes
	due := t.known.Sweep != nil || t.known.Swept.IsZero() ||
		s.now().Sub(t.known.Swept) >= s.Deletes.Every ||
		s.hurry.Load() && belongs(r.sel.Stream)
	if !complete && !due {
		return nil
	}
	return &task{run: r, piece: &Piece{}, stage: sweeps, waits: t.known.Swept}
}

// belongs reports whether the rows of a stream belong to candidates, and are destroyed when one is
// anonymized.
func belongs(s *Stream) bool { return s.Filters["candidate_ids"].Type != "" }

// park keeps a stream whose rows belong to candidates from ending while rows that show anonymized
// candidates are still being read.
func (s *syncer) park(r *streamRun) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.track == nil || !belongs(r.sel.Stream) || s.telling == 0 {
		return false
	}
	s.parked = append(s.parked, r)
	return true
}

// told notes that a stream was read. After the last one that shows anonymized candidates, the
// streams that waited are swept, or end.
func (s *syncer) told(r *streamRun) {
	r.mu.Lock()
	before := r.said
	r.said = true
	r.mu.Unlock()
	if before || s.Deletes == nil || r.sel.Stream.Anonymized == "" {
		return
	}
	s.mu.Lock()
	s.telling--
	var parked []*streamRun
	if s.telling == 0 {
		parked, s.parked = s.parked, nil
	}
	s.mu.Unlock()
	for _, p := range parked {
		s.again(&task{run: p, piece: &Piece{}, stage: sweeps, idle: !s.hurry.Load()})
	}
}

// again queues a task of a stream that was read: the stream has not ended.
func (s *syncer) again(t *task) {
	t.run.mu.Lock()
	t.run.open = 1
	t.run.mu.Unlock()
	s.queue.push(t)
}

// sweep finds deleted rows of a stream: it lists all ids, unless the read has already done so,
// confirms each vanished id by asking for it, and reports the rest.
func (s *syncer) sweep(ctx context.Context, r *streamRun) error {
	t := r.track
	t.mu.Lock()
	var listed IDs
	complete := t.listed != nil && len(t.listed) == r.reading.passes && t.known.Sweep == nil
	began := t.began
	before := t.known.Rows.Union(&t.known.Fresh)
	if complete {
		for _, ids := range t.listed {
			listed = listed.Union(ids)
		}
	}
	t.mu.Unlock()
	if !complete {
		done, err := s.list(ctx, r)
		if err != nil || !done {
			return err
		}
		t.mu.Lock()
		listed, began = t.known.Sweep.Listed, t.known.Sweep.Began
		before = t.known.Rows.Union(&t.known.Fresh)
		t.mu.Unlock()
	}
	gone := before.Without(&listed)
	if !s.proven.Load() && gone.Len() > 0 {
		s.Log.Warn("no list had a row in this run: no row is reported as gone",
			"stream", r.sel.Stream.Name)
		return nil
	}
	if err := s.tooMany(r, gone.Len(), before.Len()); err != nil {
		return err
	}
	dead, err := s.confirm(ctx, r, gone)
	if err != nil {
		return err
	}
	if len(dead) > 0 {
		told := make(chan struct{})
		it := item{run: r, gone: dead, at: s.now(), written: func() { close(told) }}
		if err := s.send(ctx, it); err != nil {
			return err
		}
		select {
		case <-told:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r.mu.Lock()
		broken := r.untold
		r.mu.Unlock()
		if broken {
			// the loader went away, or not all rows are written under the version yet: the next run
			// reports them
			return nil
		}
	}
	deadSet := IDsOf(dead)
	t.mu.Lock()
	k := t.known
	k.Rows = before.Without(&deadSet)
	k.Rows = k.Rows.Union(&listed)
	k.Fresh = IDs{}
	if k.Sweep != nil {
		k.Fresh = k.Sweep.Since
	}
	k.Sweep, k.Swept, t.found, t.dirty = nil, began, len(dead), true
	t.mu.Unlock()
	r.mu.Lock()
	r.gone = len(dead)
	r.mu.Unlock()
	if len(dead) > 0 || !complete {
		s.Log.Info("compared with what was loaded", "stream", r.sel.Stream.Name, "rows",
			listed.Len(), "gone", len(dead),
			"next", began.Add(s.Deletes.Every).UTC().Format(time.RFC3339))
	}
	return t.save(ctx, s.Deletes.Ledger, r.sel.Stream.Name)
}

// tooMany is the error of a stream of which implausibly many rows have vanished.
func (s *syncer) tooMany(r *streamRun, gone, before int) error {
	name := r.sel.Stream.Name
	if gone <= fewGone || float64(gone) <= s.Deletes.MaxShare*float64(before) ||
		slices.Contains(s.Deletes.Accept, name) {
		return nil
	}
	return Errorf(Refused, "finding deleted rows of "+name,
		"%d of %d rows are gone, more than deletes.max_share allows: none is reported",
		gone, before).
		WithHint("check whether the user lost permissions; if the rows are really gone, run once with --accept-deletes %s", name)
}

// list lists all ids of a stream, from where an earlier run stopped. It reports whether it reached
// the end.
func (s *syncer) list(ctx context.Context, r *streamRun) (done bool, err error) {
	t := r.track
	t.mu.Lock()
	if t.known.Sweep == nil {
		t.known.Sweep = &Sweep{}
		s.Log.Info("sweeping: listing all ids", "stream", r.sel.Stream.Name)
	}
	sweep := t.known.Sweep
	t.mu.Unlock()
	splitter := record.NewSplitter(r.base, record.Options{DropUnknown: true, IDs: true})
	passes := r.sel.Stream.passes()
	fields := r.sel.Stream.Key
	restarts := 0
	var circle Circle
	for pages := 1; sweep.Pass < len(passes); pages++ {
		if s.over.Load() {
			t.mu.Lock()
			t.dirty = true
			t.mu.Unlock()
			return false, t.save(ctx, s.Deletes.Ledger, r.sel.Stream.Name)
		}
		req := Request{
			Stream: r.sel.Stream, Params: passes[sweep.Pass], Fields: fields,
			Cursor: sweep.Cursor,
		}
		var ids []int64
		var next string
		var asked time.Time
		err := s.Source.Read(ctx, req, func(page Page) error {
			res, err := splitter.Split(page.Body)
			if err != nil && !errors.Is(err, record.ErrDrift) {
				return err
			}
			ids, next, asked = slices.Clone(res.IDs), page.Next, page.Asked
			return nil
		})
		switch {
		case KindOf(err) == Unprocessable && fields != nil:
			fields = nil
			continue
		case KindOf(err) == CursorExpired && sweep.Cursor != "" && restarts < maxRestarts:
			restarts++
			t.mu.Lock()
			*sweep = Sweep{Since: sweep.Since}
			t.mu.Unlock()
			circle = Circle{}
			continue
		case err == nil:
			if next == "" {
				circle = Circle{}
			}
			err = circle.Next(r.sel.Stream.Name, next)
		}
		if err != nil {
			return false, errors.Join(err,
				t.save(context.WithoutCancel(ctx), s.Deletes.Ledger, r.sel.Stream.Name))
		}
		r.mu.Lock()
		r.pages++
		r.mu.Unlock()
		t.mu.Lock()
		page := IDsOf(ids)
		if len(ids) > 0 {
			s.proven.Store(true)
		}
		sweep.Current = sweep.Current.Add(&page)
		if sweep.Began.IsZero() {
			sweep.Began = asked
		}
		if sweep.Cursor = next; next == "" {
			sweep.Pass++
			sweep.Listed = sweep.Listed.Union(&sweep.Current)
			sweep.Current = IDs{}
		}
		t.dirty = true
		t.mu.Unlock()
		if pages%savedPages == 0 {
			if err := t.save(ctx, s.Deletes.Ledger, r.sel.Stream.Name); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// confirm asks for ids that no list showed, and returns those that are really gone. A row that the
// listing missed, because it moved or was late, is not.
func (s *syncer) confirm(ctx context.Context, r *streamRun, gone IDs) ([]int64, error) {
	var dead, batch []int64
	ask := func() error {
		living, err := s.living(ctx, r, batch)
		if err != nil {
			return err
		}
		for _, id := range batch {
			if !living[id] {
				dead = append(dead, id)
			}
		}
		batch = batch[:0]
		return nil
	}
	for id := range gone.All() {
		if batch = append(batch, id); len(batch) == confirmIDs {
			if err := ask(); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if len(batch) > 0 {
		err = ask()
	}
	return dead, err
}

// living asks for rows by their ids, in every pass, and returns those that exist.
func (s *syncer) living(ctx context.Context, r *streamRun, ids []int64) (map[int64]bool, error) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	found := map[int64]bool{}
	splitter := record.NewSplitter(r.base, record.Options{DropUnknown: true, IDs: true})
	for _, params := range r.sel.Stream.passes() {
		with := map[string]string{"ids": strings.Join(texts, ",")}
		for k, v := range params {
			with[k] = v
		}
		err := s.Source.Read(ctx, Request{Stream: r.sel.Stream, Params: with},
			func(page Page) error {
				if page.Next != "" {
					return Errorf(Refused, "finding deleted rows of "+r.sel.Stream.Name,
						"the answer to %d ids has more than one page", len(ids))
				}
				res, err := splitter.Split(page.Body)
				if err != nil && !errors.Is(err, record.ErrDrift) {
					return err
				}
				for _, id := range res.IDs {
					found[id] = true
				}
				return nil
			})
		if err != nil {
			return nil, fmt.Errorf("confirming what is gone: %w", err)
		}
	}
	return found, nil
}
