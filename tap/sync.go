package tap

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Who owns what. A sync is Concurrency workers and one output. Workers take tasks (a piece of a
// stream) from the queue, ask the source for pages, split them into records and hand each page to
// the output as an item; they wait until it is written before they ask for the next. The output's
// goroutine alone writes to standard output and alone changes the state: an item carries the step
// that its page means for the bookmark, and the step is made once the page is written. A streamRun
// is shared: its plan is fixed, its progress is under its lock, its written part is the output's.
// The context ends everything: its cause is why.

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
	// Proof is a stream that has rows in every account. It is asked for one where a run saw no row
	// at all: if it has none either, the user may see nothing, and no bookmark moves. Nil for no
	// such stream.
	Proof *Stream
	// User names the user that the run acts for, in errors.
	User string
	// ReadAs is a mark of credential and user, kept in the state.
	ReadAs string
	// Refresh tells how young the last complete read of a stream may be for the stream to be left
	// alone; nil or 0 for never.
	Refresh func(stream string) time.Duration
	// MaxRunTime is after how long the run ends by itself; 0 for never.
	MaxRunTime time.Duration
	// Now is the server's time, as well as it is known; nil for this machine's.
	Now func() time.Time
	// Enricher completes records; nil for none.
	Enricher Enricher
	// Deletes says how vanished rows are found; nil for not at all.
	Deletes *Deletes

	current atomic.Pointer[syncer]
}

// Outcome is how a stream ended, or how far it has come.
type Outcome struct {
	Stream  *Stream
	Records int
	Pages   int
	// Complete tells that all of it was written.
	Complete bool
	// Err is why it did not get complete; nil where it did, or was not reached.
	Err error
	// Skipped tells that it was left out for want of a scope.
	Skipped bool
	// Rested tells that it was left alone because its last complete read is young enough.
	Rested bool
	// Started tells that something was asked for.
	Started bool
	// Bytes is the size of its pages, unpacked; Took is how long it took from the first request to
	// the last page.
	Bytes int64
	Took  time.Duration
	// Gone is how many rows were told as gone.
	Gone int
	// Swept is when all ids were listed last, NextSweep when that is due again; NextRead is when a
	// stream that was left alone is due.
	Swept, NextSweep, NextRead time.Time
	// Changes are the columns that were new or came with a value of another type.
	Changes []string
}

// Summary is how a run ended.
type Summary struct {
	Outcomes []Outcome
	// Read tells whether any page was read.
	Read bool
	// Overtime tells that MaxRunTime ended the run.
	Overtime bool
}

// Records is the number of records of all streams.
func (s *Summary) Records() int {
	n := 0
	for _, o := range s.Outcomes {
		n += o.Records
	}
	return n
}

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
	over   atomic.Bool // MaxRunTime is up
	hurry  atomic.Bool // somebody was anonymized: the lists of what belongs to candidates are swept in this run

	mu      sync.Mutex
	running int          // streams whose end is not yet on its way to stdout
	ending  int          // streams of which a piece is still to be read
	telling int          // of those, streams whose rows tell that somebody was anonymized
	parked  []*streamRun // streams that are read, and wait for what those tell
	oldest  time.Time    // the oldest row seen so far
}

// errOvertime ends a run that has lasted for MaxRunTime.
var errOvertime = Errorf(Interrupted, "stopped", "max_run_time is up")

// overtimeGrace is how long pages under way may take once MaxRunTime is up.
const overtimeGrace = 5 * time.Second

// Sync reads the selected streams, side by side, and moves the state along. It returns an error
// only where the whole run ended early: of kind Credentials, SignIn, BadInput, Rights, Unreachable,
// LoaderGone or Interrupted. How each stream ended stands in the summary.
func (e *Engine) Sync(ctx context.Context, selections []*Selection, state *State) (*Summary, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &syncer{Engine: e, ctx: ctx, state: state, queue: newQueue(), cancel: cancel, running: len(selections), ending: len(selections)}
	s.out = &output{w: e.Out, voice: e.Voice, state: state, items: make(chan item, 1), stop: ctx.Done(), fail: cancel, quiet: e.Sample}

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
		workers *= 2 // those that wait for files must not keep the lists waiting
	}
	for range workers {
		working.Go(func() { s.work(ctx) })
	}
	working.Wait()
	cause := context.Cause(ctx)
	if cause == nil && s.over.Load() {
		cause = errOvertime
	}
	if cause != nil {
		s.endAll(cause)
	}
	close(s.out.items)
	writing.Wait()

	sum := &Summary{Read: s.read.Load(), Overtime: errors.Is(cause, errOvertime), Outcomes: s.outcomes()}
	switch {
	case s.out.err != nil:
		return sum, s.out.err
	case sum.Overtime:
		return sum, nil
	}
	return sum, cause
}

// outcomes tells of each stream how it ended. It is called once the output's goroutine has ended.
func (s *syncer) outcomes() []Outcome {
	outcomes := make([]Outcome, len(s.runs))
	for i, r := range s.runs {
		o := Outcome{
			Stream: r.sel.Stream, Records: r.out.records, Pages: r.pages, Err: r.err, Skipped: r.skipped, Rested: r.rested, Started: r.out.started,
			Complete: r.out.ended && r.err == nil && !r.rested, Bytes: r.bytes, Changes: r.changes, Gone: r.gone,
		}
		if r.rested {
			o.NextRead = r.before.Add(r.rest)
		}
		if r.track != nil && !r.track.known.Swept.IsZero() {
			o.Swept, o.NextSweep = r.track.known.Swept, r.track.known.Swept.Add(s.Deletes.Every)
		}
		if !r.last.IsZero() {
			o.Took = r.last.Sub(r.first)
		}
		outcomes[i] = o
	}
	return outcomes
}

// Waiting tells the voice that the budget is used up until then. It does nothing while no sync is
// under way.
func (e *Engine) Waiting(until time.Time) {
	if s := e.current.Load(); s != nil {
		_ = s.send(s.ctx, item{waiting: until})
	}
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

// tasks returns what is to be read of a stream: what an earlier run left under way, or else all
// that is new.
func (s *syncer) tasks(r *streamRun, b *Bookmark) []*task {
	if r.sel.Err != nil {
		r.open = 1
		return []*task{{run: r, piece: &Piece{}}} // its failure is all there is to tell, and its bookmark stays as it is
	}
	p := b.Progress
	if p != nil && p.Query == r.reading.query && r.reading.timed && !s.Sample {
		var tasks []*task
		r.resumed, r.began, r.cut, p.resumed = true, p.Began, p.Cut, true
		for _, piece := range p.Pieces {
			own := *piece
			tasks = append(tasks, &task{run: r, piece: &own, cursor: own.Cursor, stage: underWay, waits: r.before, weight: float64(b.Pages)})
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

// fresh returns the tasks of a read that begins now: all that has changed since from.
func (s *syncer) fresh(r *streamRun, from time.Time, weight float64) []*task {
	var tasks []*task
	for pass := range r.reading.passes {
		tasks = append(tasks, &task{run: r, piece: &Piece{Pass: pass, From: from}, stage: firstPage, waits: r.before, weight: weight})
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

// rests tells whether a stream is left alone because its last complete read is young enough.
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

// advance reads a task to its end, or one page of it where others are to come before the next.
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

// later puts a task back: the rest of it is one of the long lists.
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

func (s *syncer) send(ctx context.Context, it item) error {
	select {
	case s.out.items <- it:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end notes that a piece of the run ended. After the last one, a read that an earlier run began is
// followed by one of what has changed since then, and so is a full table that was cut, whose rows
// may have moved between its pieces; otherwise the stream has ended.
func (s *syncer) end(ctx context.Context, r *streamRun) {
	r.mu.Lock()
	r.open--
	if r.open > 0 {
		r.mu.Unlock()
		return
	}
	err := r.err
	more := err == nil && r.reading.timed && !r.rested && !s.Sample && (r.resumed || r.reading.full && r.cut)
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

// isLast notes that a stream was read, and tells whether it was the last one.
func (s *syncer) isLast() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending--
	return s.ending == 0
}

// unprovenFor is how long bookmarks may stay where they are because runs saw no row at all, before
// one request settles it.
const unprovenFor = 24 * time.Hour

// prove asks whether the user may see anything, where no list showed a row and it matters: a stream
// was read for the first time, or has stood still for long. Without a proof no bookmark moves, so
// that nothing is lost if rights come back.
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
	err = s.Source.Read(ctx, Request{Stream: s.Proof, Params: s.Proof.passes()[0], PerPage: 1}, func(page Page) error {
		res, err := splitter.Split(page.Body)
		if errors.Is(err, record.ErrDrift) {
			rows = 1
			return nil
		}
		rows = len(res.Records)
		return err
	})
	if err != nil {
		s.Log.Info("no list showed a row, and whether the user may see any is not known: "+err.Error(), "stream", s.Proof.Name)
		s.proven.Store(true)
		return nil
	}
	if rows == 0 {
		return s.noRights()
	}
	s.proven.Store(true)
	return nil
}

// noRights is the error of a run whose user may see nothing.
func (s *syncer) noRights() error { return NoRights("reading list "+s.Proof.Name, s.User) }

// NoRights is the error of a list that shows nothing although every account has rows in it.
func NoRights(op, user string) error {
	return Errorf(Rights, op, "%s is not a Site Admin, so lists are refused or come out empty", user).
		WithHint("make that user a Site Admin in Greenhouse, or set user_id to one")
}

func (s *syncer) logEnd(r *streamRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	attrs := []any{"stream", r.sel.Stream.Name, "records", r.records}
	if r.odd > 0 {
		s.Log.Warn("rows that hold nothing but a message were skipped", "stream", r.sel.Stream.Name, "rows", r.odd)
	}
	switch {
	case r.skipped:
		why := r.err.Error()
		var e *Error
		if errors.As(r.err, &e) && e.Hint != "" {
			why = e.Hint // it names the scope, once
		}
		s.Log.Warn("stream is left out: "+why, "stream", r.sel.Stream.Name)
	case r.err != nil:
		s.Log.Error(r.err.Error(), attrs...)
	case r.rested:
		s.Log.Info("stream is left alone: its last complete read is young enough", "stream", r.sel.Stream.Name,
			"last", r.before.UTC().Format(time.RFC3339), "next", r.before.Add(r.rest).UTC().Format(time.RFC3339))
	default:
		s.Log.Info("stream is complete", attrs...)
	}
}

// endsRun are the kinds of failures that are not about one stream.
var endsRun = map[Kind]bool{Credentials: true, SignIn: true, BadInput: true, Rights: true, Unreachable: true}

// fail ends a piece with an error, which is the stream's, or that of the whole run.
func (s *syncer) fail(ctx context.Context, r *streamRun, err error) {
	if cause := context.Cause(ctx); cause != nil {
		return // the run is over; endAll tells the rest
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
	}
	r.mu.Unlock()
	s.end(ctx, r)
}

// endAll tells that the streams which have not ended will not: the run is over.
func (s *syncer) endAll(cause error) {
	for _, r := range s.runs {
		s.out.items <- item{run: r, ended: true, cause: cause}
	}
}
