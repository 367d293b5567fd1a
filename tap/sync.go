package tap

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Who owns what. A sync has Concurrency workers and one output. Workers take tasks (a piece of a
// stream) from the queue, ask the source for pages, split them into records and send each page to
// the output as an item; they wait until it is written before they ask for the next one. Only the
// output's goroutine writes to standard output and changes the state: an item carries the step that
// its page means for the bookmark, and the step is made after the page is written. A streamRun is
// shared: its plan is fixed, its progress is under its lock, and its written part belongs to the
// output. The context ends everything; its cause says why.

// syncer is one call of [Engine.Sync].
type syncer struct {
	*Engine
	ctx    context.Context
	state  *State
	queue  *queue
	out    *output
	cancel context.CancelCauseFunc
	runs   []*streamRun
	read   atomic.Bool
	proven atomic.Bool // a row was seen: the user may see something
	over   atomic.Bool // MaxRunTime was reached
	// a candidate was anonymized: the lists of candidates' children are swept in this run
	hurry atomic.Bool

	mu      sync.Mutex
	running int          // streams whose end is not yet on its way to stdout
	ending  int          // streams with a piece still to read
	telling int          // of those, streams whose rows show anonymized candidates
	parked  []*streamRun // streams that are read, and wait for those
	oldest  time.Time    // the oldest row seen so far
}

// errOvertime ends a run that has reached MaxRunTime.
var errOvertime = Errorf(Interrupted, "stopped", "max_run_time was reached")

// overtimeGrace is how long pages under way may take after MaxRunTime.
const overtimeGrace = 5 * time.Second

// Sync reads the selected streams concurrently and advances the state. It returns an error only if
// the whole run ended early: of kind Credentials, SignIn, BadInput, Rights, Unreachable, LoaderGone
// or Interrupted. The summary says how each stream ended.
func (e *Engine) Sync(
	ctx context.Context, selections []*Selection, state *State,
) (*Summary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &syncer{
		Engine: e, ctx: ctx, state: state, queue: newQueue(), cancel: cancel,
		running: len(selections), ending: len(selections),
	}
	s.out = &output{
		w: e.Out, voice: e.Voice, state: state, items: make(chan item, 1),
		stop: func() error { return context.Cause(ctx) }, fail: cancel, quiet: e.Sample,
	}

	var tasks []*task
	for _, sel := range selections {
		r, err := s.newRun(sel)
		if err != nil {
			return nil, err
		}
		if s.Deletes != nil && sel.Stream.Anonymized != "" {
			s.telling++
		}
		s.runs = append(s.runs, r)
		tasks = append(tasks, s.tasks(r, state.Of(sel.Stream.Name))...)
	}
	for _, t := range tasks {
		s.queue.push(t)
	}
	if len(s.runs) == 0 {
		s.queue.close()
	}
	stop := context.AfterFunc(ctx, s.queue.close)
	defer stop()
	if e.MaxRunTime > 0 {
		timer := time.AfterFunc(e.MaxRunTime, func() {
			s.over.Store(true)
			s.queue.close()
		})
		defer timer.Stop()
		last := time.AfterFunc(e.MaxRunTime+overtimeGrace, func() { cancel(errOvertime) })
		defer last.Stop()
	}
	e.current.Store(s)
	defer e.current.Store(nil)

	var writing, working sync.WaitGroup
	writing.Go(s.out.run)
	workers := e.Concurrency
	if e.Enricher != nil {
		workers *= 2 // those that wait for files must not block the lists
	}
	for range workers {
		working.Go(func() { s.work(ctx) })
	}
	working.Wait()
	cause := context.Cause(ctx)
	if s.mu.Lock(); cause == nil && s.over.Load() && s.running > 0 {
		cause = errOvertime // otherwise the pages under way were the last ones
	}
	s.mu.Unlock()
	if cause != nil {
		s.endAll(cause)
	}
	close(s.out.items)
	writing.Wait()

	sum := &Summary{
		Read: s.read.Load(), Overtime: errors.Is(cause, errOvertime),
		Outcomes: s.outcomes(),
	}
	for i, r := range s.runs {
		if r.track != nil && !r.track.known.Swept.IsZero() {
			o := &sum.Outcomes[i]
			o.Swept, o.NextSweep = r.track.known.Swept, r.track.known.Swept.Add(s.Deletes.Every)
		}
	}
	switch {
	case s.out.err != nil:
		return sum, s.out.err
	case sum.Overtime:
		return sum, nil
	}
	return sum, cause
}

// outcomes returns how each stream ended, or its progress so far.
func (s *syncer) outcomes() []Outcome {
	outcomes := make([]Outcome, len(s.runs))
	for i, r := range s.runs {
		r.mu.Lock()
		o := Outcome{
			Stream: r.sel.Stream, Records: r.shown.records, Pages: r.pages, Err: r.err,
			Skipped: r.skipped, Rested: r.rested, Started: r.shown.started,
			Complete: r.shown.ended && r.err == nil && !r.rested, Bytes: r.bytes,
			Changes: slices.Clone(r.changes), Gone: r.gone, Expected: r.expected,
		}
		if r.rested {
			o.NextRead = r.before.Add(r.rest)
		}
		if !r.last.IsZero() {
			o.Took = r.last.Sub(r.first)
		}
		r.mu.Unlock()
		outcomes[i] = o
	}
	return outcomes
}

// tasks returns what to read of a stream: what an earlier run left unfinished, or else everything
// new.
func (s *syncer) tasks(r *streamRun, b *Bookmark) []*task {
	if r.sel.Err != nil {
		r.open = 1
		// only its failure is reported, and its bookmark stays the same
		return []*task{{run: r, piece: &Piece{}}}
	}
	p := b.Progress
	if p != nil && p.Query == r.reading.query && r.reading.timed && !s.Sample {
		var tasks []*task
		r.resumed, r.began, r.cut, p.resumed = true, p.Began, p.Cut, true
		for _, piece := range p.Pieces {
			own := *piece
			tasks = append(tasks, &task{
				run: r, piece: &own, cursor: own.Cursor, stage: underWay,
				waits: r.before, weight: float64(b.Pages),
			})
		}
		r.open = len(tasks)
		return tasks
	}
	b.Progress = nil
	var from time.Time
	if r.reading.timed {
		from = s.StartDate
		if r.from != nil {
			from = *r.from
		}
		if r.sel.incremental() && !b.Until.IsZero() && !s.Sample {
			from = later(from, b.Until.Add(-s.Lookback))
		}
	}
	return s.fresh(r, from, float64(b.Pages))
}

// fresh returns the tasks of a read that begins now: everything that has changed since from.
func (s *syncer) fresh(r *streamRun, from time.Time, weight float64) []*task {
	var tasks []*task
	for pass := range r.reading.passes {
		tasks = append(tasks, &task{
			run: r, piece: &Piece{Pass: pass, From: from}, stage: firstPage,
			waits: r.before, weight: weight,
		})
		if s.Sample {
			break
		}
	}
	r.mu.Lock()
	r.open = len(tasks)
	r.mu.Unlock()
	return tasks
}

func (s *syncer) work(ctx context.Context) {
	for {
		t, ok := s.queue.pop()
		if !ok {
			return
		}
		if t.run.failed() {
			s.end(ctx, t.run)
			continue
		}
		if s.rests(t) {
			s.end(ctx, t.run)
			continue
		}
		// the stream has started, whether or not the budget lets it continue
		err := s.send(ctx, item{run: t.run})
		if err == nil {
			err = t.run.sel.Err
		}
		if err == nil {
			err = s.advance(ctx, t)
		}
		if err != nil {
			s.fail(ctx, t.run, err)
		}
	}
}

// rests reports whether a stream is left alone because its last complete read is recent enough.
func (s *syncer) rests(t *task) bool {
	r := t.run
	if r.rest <= 0 || r.before.IsZero() || t.stage != firstPage || s.Sample {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pages == 0 && s.now().Sub(r.before) < r.rest {
		r.rested = true
	}
	return r.rested
}

// advance reads a task to its end, or one page of it if others come first.
func (s *syncer) advance(ctx context.Context, t *task) error {
	reader := &reader{syncer: s, task: t, splitter: record.NewSplitter(t.run.base, t.run.options)}
	switch t.stage {
	case sweeps:
		if t.idle {
			break
		}
		if err := s.sweep(ctx, t.run); err != nil {
			return err
		}
	case firstPage:
		h, err := reader.first(ctx)
		if err != nil {
			return err
		}
		if h.next != "" {
			t.head, t.cursor = h, h.next
			t.weight = max(t.weight, h.pages(s.oldestRow()))
			pages := t.run.expect(int(h.expected(t, s.oldestRow())))
			if err := s.send(ctx, item{run: t.run, guess: pages * pageRows}); err != nil {
				return err
			}
			return s.later(t)
		}
	case underWay:
		done, err := reader.walk(ctx, 1)
		if err != nil {
			return err
		}
		if !done {
			return s.later(t)
		}
	default:
		if t.head.next != "" {
			if err := reader.cut(ctx); err != nil {
				return err
			}
		}
		if done, err := reader.walk(ctx, 0); err != nil || !done {
			return err
		}
	}
	s.end(ctx, t.run)
	return nil
}

// later puts a task back: the rest of it is a long list.
func (s *syncer) later(t *task) error {
	t.stage = longLists
	s.queue.push(t)
	return nil
}

func (s *syncer) oldestRow() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.oldest
}

func (s *syncer) sawRow(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !at.IsZero() && (s.oldest.IsZero() || at.Before(s.oldest)) {
		s.oldest = at
	}
}

// send passes an item to the output. After the run is over it sends nothing, even if the output
// would take it: the page before may have been broken off.
func (s *syncer) send(ctx context.Context, it item) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case s.out.items <- it:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
