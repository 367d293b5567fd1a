package tap

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Engine reads streams from a source and tells a voice.
type Engine struct {
	Source Source
	Voice  Voice
	Out    io.Writer
	Log    *slog.Logger
	// Concurrency is how many pages are read at once.
	Concurrency int
	// Lookback is how far a bookmark is moved back.
	Lookback time.Duration
	// StartDate leaves out what was last changed before it; zero for none.
	StartDate time.Time
	// FailForbidden makes a stream whose scope is missing a failed one, not one that is left out.
	FailForbidden bool
	// Sample reads one record of each stream and writes no state.
	Sample bool

	waiting atomic.Pointer[func(time.Time)]
	stop    atomic.Pointer[context.CancelCauseFunc]
}

// Outcome is how a stream ended.
type Outcome struct {
	Stream  *Stream
	Records int
	Pages   int
	// Err is why it did not get complete; nil where it did.
	Err error
	// Skipped tells that it was left out for want of a scope.
	Skipped bool
}

// Summary is how a run ended.
type Summary struct {
	Outcomes []Outcome
	// Read tells whether any page was read.
	Read bool
}

// Records is the number of records of all streams.
func (s *Summary) Records() int {
	n := 0
	for _, o := range s.Outcomes {
		n += o.Records
	}
	return n
}

// run is the read of one stream.
type run struct {
	sel     *Selection
	options record.Options
	resumed bool

	mu      sync.Mutex
	base    *record.Shape // as the stream's file has it
	unread  map[string]jsontext.Value
	known   known
	open    int // pieces not yet ended
	err     error
	pages   int
	records int
	skipped bool
	told    bool // how it ended is on its way to stdout

	out struct { // what stdout has of it; the output's own
		started, announced bool
		version, records   int
	}
}

// known is the shape of a stream's records as far as it is known.
type known struct {
	shape   *record.Shape
	version int                       // counts up with each wider shape
	learnt  map[string]jsontext.Value // what the state keeps of it beside the stream's file; nil for nothing
}

// learnt is what the state keeps of a shape: what it has beyond the stream's file, and what earlier runs learnt of columns that this one does
// not read.
func (r *run) learnt(shape *record.Shape) map[string]jsontext.Value {
	learnt := maps.Clone(r.unread)
	maps.Copy(learnt, shape.Differences(r.base))
	return learnt
}

func (r *run) current() known {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known
}

func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

// syncer is one call of [Engine.Sync].
type syncer struct {
	*Engine
	state  *State
	queue  *queue
	out    *output
	cancel context.CancelCauseFunc
	read   atomic.Bool

	mu      sync.Mutex
	running int       // streams not yet ended
	oldest  time.Time // the oldest row seen so far
}

// Sync reads the selected streams, side by side, and moves the state along. It returns an error only where the whole run ended early: of kind
// Credentials, SignIn, BadInput, LoaderGone or Interrupted. How each stream ended stands in the summary.
func (e *Engine) Sync(ctx context.Context, selections []*Selection, state *State) (*Summary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.stop.Store(&cancel)
	s := &syncer{Engine: e, state: state, queue: newQueue(), cancel: cancel, running: len(selections)}
	s.out = &output{w: e.Out, voice: e.Voice, state: state, items: make(chan item, 1), onError: func(err error) { cancel(err) }}

	runs := make([]*run, 0, len(selections))
	var tasks []*task
	for _, sel := range selections {
		r, err := s.plan(sel)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
		tasks = append(tasks, s.tasks(r, state.Of(sel.Stream.Name))...)
	}
	for _, t := range tasks {
		s.queue.push(t)
	}
	if len(runs) == 0 {
		s.queue.close()
	}
	stop := context.AfterFunc(ctx, s.queue.close)
	defer stop()
	notify := func(until time.Time) { _ = s.send(ctx, item{waiting: until}) }
	e.waiting.Store(&notify)

	var writing, working sync.WaitGroup
	writing.Go(s.out.run)
	for range e.Concurrency {
		working.Go(func() { s.work(ctx) })
	}
	working.Wait()
	e.waiting.Store(nil)
	if err := context.Cause(ctx); err != nil && s.out.err == nil {
		s.endAll(runs, err)
		s.out.closing = KindOf(err) == Interrupted
	}
	close(s.out.items)
	writing.Wait()

	sum := &Summary{Read: s.read.Load()}
	for _, r := range runs {
		sum.Outcomes = append(sum.Outcomes, Outcome{Stream: r.sel.Stream, Records: r.records, Pages: r.pages, Err: r.err, Skipped: r.skipped})
	}
	if s.out.err != nil {
		return sum, s.out.err
	}
	return sum, context.Cause(ctx)
}

// Waiting tells the voice that the budget is used up until then. It does nothing while no sync is under way.
func (e *Engine) Waiting(until time.Time) {
	if f := e.waiting.Load(); f != nil {
		(*f)(until)
	}
}

// Stop ends the sync under way with an error, which it returns.
func (e *Engine) Stop(err error) {
	if cancel := e.stop.Load(); cancel != nil {
		(*cancel)(err)
	}
}

// plan makes the run of a selection, with the shape that earlier runs learnt.
func (s *syncer) plan(sel *Selection) (*run, error) {
	r := &run{sel: sel, options: sel.options(), base: sel.Shape, known: known{shape: sel.Shape}, unread: map[string]jsontext.Value{}}
	learnt := map[string]jsontext.Value{}
	for column, schema := range s.state.Of(sel.Stream.Name).Learnt {
		into := learnt
		if c := sel.Shape.Column(column); c == nil && r.options.DropUnknown || c != nil && c.Drop {
			into = r.unread
		}
		into[column] = schema
	}
	if len(learnt) > 0 {
		shape, err := sel.Shape.Learnt(learnt)
		if err != nil {
			return nil, &Error{Kind: BadInput, Op: "state of stream " + sel.Stream.Name, Err: err}
		}
		r.known = known{shape: shape, learnt: r.learnt(shape)}
	}
	return r, nil
}

// mark tells one query from another, so that a cursor is not used for the wrong one.
func (r *run) mark() string {
	if r.sel.incremental() {
		return r.sel.query()
	}
	return "full " + r.sel.Generation + ":" + r.sel.query()
}

// tasks returns what is to be read of a stream: what an earlier run left under way, or else all that is new.
func (s *syncer) tasks(r *run, b *Bookmark) []*task {
	var tasks []*task
	if p := b.Progress; p != nil && p.Query == r.mark() && !s.Sample {
		r.resumed = true
		for _, piece := range p.Pieces {
			tasks = append(tasks, &task{run: r, piece: piece, cursor: piece.Cursor, stage: longLists, weight: float64(b.Pages)})
		}
		r.open = len(tasks)
		return tasks
	}
	b.Progress = nil
	return s.fresh(r, b.Until, b.Pages)
}

// fresh returns the tasks of a read that begins now: all that has changed since until.
func (s *syncer) fresh(r *run, until time.Time, pages int) []*task {
	var from time.Time
	if r.sel.Stream.Bookmark != "" {
		from = s.StartDate
		if r.sel.incremental() && !until.IsZero() && !s.Sample {
			from = later(from, until.Add(-s.Lookback))
		}
	}
	var tasks []*task
	for pass := range r.sel.Stream.passes() {
		tasks = append(tasks, &task{run: r, piece: &Piece{Pass: pass, From: from}, stage: firstPage, weight: float64(pages)})
		if s.Sample {
			break
		}
	}
	r.open = len(tasks)
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
		err := s.send(ctx, item{run: t.run}) // it is under way, whether the budget lets it go on or not
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

// advance reads a task to its end, or its first page where that is what it is about.
func (s *syncer) advance(ctx context.Context, t *task) error {
	reader := &reader{syncer: s, task: t, splitter: record.NewSplitter(t.run.base, t.run.options)}
	if t.stage == firstPage {
		h, err := reader.first(ctx)
		if err != nil {
			return err
		}
		if h.next == "" {
			s.end(ctx, t.run)
			return nil
		}
		t.stage, t.head, t.cursor = longLists, h, h.next
		t.weight = max(t.weight, h.pages(s.oldestRow()))
		s.queue.push(t)
		return nil
	}
	if t.head.next != "" {
		if err := reader.cut(ctx); err != nil {
			return err
		}
	}
	if err := reader.walk(ctx); err != nil {
		return err
	}
	s.end(ctx, t.run)
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

func (s *syncer) send(ctx context.Context, it item) error {
	select {
	case s.out.items <- it:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end notes that a piece of the run ended. After the last one, a read that an earlier run began is followed by
// one of what changed since then; otherwise the stream has ended.
func (s *syncer) end(ctx context.Context, r *run) {
	r.mu.Lock()
	r.open--
	if r.open > 0 {
		r.mu.Unlock()
		return
	}
	err, again := r.err, r.resumed && r.err == nil && r.sel.incremental()
	r.resumed = false
	r.mu.Unlock()
	if again {
		began := make(chan time.Time, 1)
		if s.send(ctx, item{run: r, commit: func(b *Bookmark) { began <- b.Until }}) != nil {
			return
		}
		select {
		case until := <-began:
			for _, t := range s.fresh(r, until, 0) {
				s.queue.push(t)
			}
		case <-ctx.Done():
		}
		return
	}
	if s.send(ctx, item{run: r, ended: true, err: err}) != nil {
		return
	}
	r.mu.Lock()
	r.told = true
	r.mu.Unlock()
	s.logEnd(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 {
		s.queue.close()
	}
}

func (s *syncer) logEnd(r *run) {
	attrs := []any{"stream", r.sel.Stream.Name, "records", r.records}
	switch {
	case r.skipped:
		s.Log.Warn("stream is left out: "+r.err.Error(), "stream", r.sel.Stream.Name)
	case r.err != nil:
		s.Log.Error(r.err.Error(), attrs...)
	default:
		s.Log.Info("stream is complete", attrs...)
	}
}

// fail ends a piece with an error, which is the stream's; one of signing in is that of the whole run.
func (s *syncer) fail(ctx context.Context, r *run, err error) {
	if cause := context.Cause(ctx); cause != nil {
		return // the run is over; endAll tells the rest
	}
	kind := KindOf(err)
	if kind == Credentials || kind == SignIn || kind == BadInput {
		s.cancel(err)
		return
	}
	r.mu.Lock()
	if r.err == nil {
		r.err = err
		r.skipped = kind == Scope && !s.FailForbidden
	}
	r.mu.Unlock()
	s.end(ctx, r)
}

// endAll tells that the streams which have not ended will not: the run is over.
func (s *syncer) endAll(runs []*run, cause error) {
	for _, r := range runs {
		r.mu.Lock()
		told := r.told
		if !told && r.err == nil {
			r.err = cause
		}
		r.mu.Unlock()
		if !told {
			s.out.items <- item{run: r, ended: true, err: cause}
		}
	}
}
