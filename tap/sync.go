package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// maxRestarts is how often a piece is begun anew because its cursor expired, before its stream fails.
const maxRestarts = 10

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
	shape   *record.Shape
	version int
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

func (r *run) current() (*record.Shape, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shape, r.version
}

func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

// sync is one call of [Engine.Sync].
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
// Credentials, LoaderGone or Interrupted. How each stream ended stands in the summary.
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
	notify := func(until time.Time) {
		select {
		case s.out.items <- item{waiting: until}:
		default: // stdout is behind; the news would be old by the time it came out
		}
	}
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
	r := &run{sel: sel, options: sel.options(), base: sel.Shape}
	shape := sel.Shape
	if learnt := s.state.Of(sel.Stream.Name).Learnt; len(learnt) > 0 && !r.options.DropUnknown {
		var err error
		if shape, err = shape.Learnt(learnt); err != nil {
			return nil, &Error{Kind: BadInput, Op: "state of stream " + sel.Stream.Name, Err: err}
		}
	}
	r.shape = shape
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
		err := s.advance(ctx, t)
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

// reader reads one piece.
type reader struct {
	*syncer
	task     *task
	splitter *record.Splitter
	page     []byte // a transformed page
	restarts int
}

// request is the one that reads a piece from its start.
func (r *reader) request(p *Piece) Request {
	sel := r.task.run.sel
	req := Request{Stream: sel.Stream, Params: sel.Stream.passes()[p.Pass], From: p.From, Before: p.Before, Fields: sel.Fields}
	if r.Sample {
		req.PerPage = 1
	}
	return req
}

// first reads the first page of the task's piece, and notes that the stream is under way.
func (r *reader) first(ctx context.Context) (head, error) {
	t := r.task
	run := t.run
	return r.read(ctx, r.request(t.piece), func(page Page, _ head) func(*Bookmark) {
		if r.Sample {
			return func(*Bookmark) {}
		}
		return func(b *Bookmark) {
			if b.Progress == nil {
				b.Progress = &Progress{Began: page.Asked, Query: run.mark()}
				for pass := range run.sel.Stream.passes() {
					b.Progress.Pieces = append(b.Progress.Pieces, &Piece{Pass: pass, From: t.piece.From})
				}
			}
			if page.Asked.Before(b.Progress.Began) {
				b.Progress.Began = page.Asked
			}
			// The state's own piece of this pass becomes the task's, so that later pages move the same one along.
			for i, p := range b.Progress.Pieces {
				if p.Pass == t.piece.Pass {
					b.Progress.Pieces[i] = t.piece
				}
			}
			r.moved(b, t.piece, page.Next)
		}
	})
}

// moved notes in the state that the piece goes on at next, or is complete.
func (r *reader) moved(b *Bookmark, p *Piece, next string) {
	p.Cursor = next
	if next != "" || b.Progress == nil {
		return
	}
	pieces := b.Progress.Pieces[:0]
	for _, other := range b.Progress.Pieces {
		if other != p {
			pieces = append(pieces, other)
		}
	}
	b.Progress.Pieces = pieces
	if len(pieces) > 0 {
		return
	}
	run := r.task.run
	if run.sel.incremental() {
		run.mu.Lock()
		pages := run.pages
		run.mu.Unlock()
		b.complete(b.Progress.Began, pages)
	} else {
		b.Progress = nil
	}
}

// cut cuts the task's piece as long as it is worth it. What is newer is left to other workers; the oldest part stays with the task.
func (r *reader) cut(ctx context.Context) error {
	t := r.task
	if t.run.sel.Stream.Bookmark == "" {
		return nil
	}
	for wide := t.head; ; {
		at, ok := wide.split(t.piece, r.oldestRow())
		if !ok {
			return nil
		}
		req := r.request(t.piece)
		req.Before = at
		var newer, rest *Piece
		older, err := r.read(ctx, req, func(_ Page, older head) func(*Bookmark) {
			newer, rest = nil, nil
			if !t.head.confirms(older) && !wide.confirms(older) {
				return nil
			}
			whole := t.piece
			newer, rest = whole.cut(at, older)
			n, o := newer, rest
			return func(b *Bookmark) {
				for i, p := range b.Progress.Pieces {
					if p == whole {
						b.Progress.Pieces[i] = n
					}
				}
				b.Progress.Pieces = append(b.Progress.Pieces, o)
			}
		})
		if err != nil {
			return err
		}
		if newer != nil {
			t.run.mu.Lock()
			t.run.open++
			t.run.mu.Unlock()
			r.queue.push(&task{run: t.run, piece: newer, stage: longLists, weight: t.weight})
			t.piece, t.cursor, t.head, wide = rest, older.next, older, older
			continue
		}
		if older.next == "" || older.span() <= wide.span() {
			return nil
		}
		// The first page was a burst: rows come slower further back, so a piece of this size would be nearly empty.
		wide.bottom = wide.top.Add(-older.span())
	}
}

// walk reads the task's piece from its cursor to its end.
func (r *reader) walk(ctx context.Context) error {
	t := r.task
	for {
		if t.run.failed() {
			return nil
		}
		req := r.request(t.piece)
		req.Cursor = t.cursor
		piece := t.piece
		h, err := r.read(ctx, req, func(page Page, _ head) func(*Bookmark) {
			return func(b *Bookmark) { r.moved(b, piece, page.Next) }
		})
		switch {
		case KindOf(err) == CursorExpired && t.cursor != "" && r.restarts < maxRestarts:
			r.restarts++
			r.Log.Warn("the cursor expired: the piece is read again", "stream", t.run.sel.Stream.Name)
			t.cursor = ""
			if err := r.send(ctx, item{run: t.run, commit: func(*Bookmark) { piece.Cursor = "" }}); err != nil {
				return err
			}
		case err != nil:
			return err
		case h.next == "":
			return nil
		default:
			t.cursor = h.next
		}
	}
}

// read reads one page and hands its records to the output, with the commit that is made once they are written. It returns when they are: so a
// loader that reads slowly slows the reading down, and no more pages are held than are read at once.
func (r *reader) read(ctx context.Context, req Request, commit func(Page, head) func(*Bookmark)) (head, error) {
	var h head
	run := r.task.run
	err := r.Source.Read(ctx, req, func(page Page) error {
		h = head{next: page.Next}
		if r.Sample {
			h.next = ""
		}
		res, shape, version, err := r.split(page)
		if err != nil {
			return err
		}
		h.top, h.bottom = parseJSONTime(res.First), parseJSONTime(res.Last)
		r.syncer.read.Store(true)
		if req.Stream.Bookmark != "" {
			r.sawRow(h.bottom)
		}
		run.mu.Lock()
		run.pages++
		run.records += len(res.Records)
		run.mu.Unlock()
		it := item{run: run, records: res.Records, shape: shape, version: version}
		it.whole = req.Cursor == "" && page.Next == "" && req.From.IsZero() && req.Before.IsZero() && len(run.sel.Stream.Passes) == 0 && !r.Sample
		it.frame[0], it.frame[1] = r.Voice.Frame(run.sel.Stream, page.Asked)
		if c := commit(page, h); c != nil && !r.Sample {
			learnt := r.learnt(shape)
			it.commit = func(b *Bookmark) {
				c(b)
				if learnt != nil {
					b.Learnt = learnt
				}
			}
		}
		r.Log.Debug("page", "stream", run.sel.Stream.Name, "records", len(res.Records), "more", h.next != "")
		written := make(chan struct{})
		it.written = func() { close(written) }
		if err := r.send(ctx, it); err != nil {
			return err
		}
		<-written
		return nil
	})
	return h, err
}

// learnt returns what the state should keep of a shape beside the stream's file; nil for nothing.
func (r *reader) learnt(shape *record.Shape) map[string]jsontext.Value {
	if shape == r.task.run.base {
		return nil
	}
	return shape.Differences(r.task.run.base)
}

// split turns a page into records, and learns from it what the shape does not admit.
func (r *reader) split(page Page) (record.Result, *record.Shape, int, error) {
	run := r.task.run
	body := page.Body
	if f := run.sel.Transform; f != nil {
		var err error
		if r.page, err = f(r.page[:0], body); err != nil {
			return record.Result{}, nil, 0, err
		}
		body = r.page
	}
	for {
		shape, version := run.current()
		r.splitter.Use(shape)
		res, err := r.splitter.Split(body)
		if !errors.Is(err, record.ErrDrift) {
			return res, shape, version, err
		}
		if err := run.learn(body, shape, r.Log); err != nil {
			return res, nil, 0, err
		}
	}
}

// learn widens the run's shape by a page. Another goroutine may have been faster; then there is nothing to do but look again.
func (run *run) learn(page []byte, seen *record.Shape, log *slog.Logger) error {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.shape != seen {
		return nil
	}
	wider, columns, err := record.Learn(run.shape, page, run.options)
	if err != nil {
		return fmt.Errorf("learning new columns: %w", err)
	}
	for _, name := range columns {
		level, what := slog.LevelInfo, "a column came with a value of another type: its schema is widened"
		if run.shape.Column(name) == nil {
			what = "a new column: the schema has it from now on"
			if run.sel.NewColumns == Warn {
				level = slog.LevelWarn
			}
		}
		log.Log(context.Background(), level, what, "stream", run.sel.Stream.Name, "column", name)
	}
	run.shape = wider
	run.version++
	return nil
}

// parseJSONTime reads a time as it stands in a record; zero where it is none.
func parseJSONTime(v []byte) time.Time {
	if len(v) < 2 || v[0] != '"' {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(v[1:len(v)-1]))
	if err != nil {
		return time.Time{}
	}
	return t
}
