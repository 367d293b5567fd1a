package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// run is one call of [Engine.Sync].
type run struct {
	*Engine
	ctx     context.Context
	cancel  context.CancelCauseFunc
	queue   *queue
	writer  *writer
	streams []*stream
	syncLog *stream   // the stream that this program makes; nil if it is not selected
	lastRun time.Time // when the run before was: the latest complete read of any stream
	signals signals
	over    atomic.Bool // MaxRunTime was reached
}

// signals are what pages tell about the whole account.
type signals struct {
	page       atomic.Bool // a page was read
	row        atomic.Bool // a row was seen: the user may see something
	anonymized atomic.Bool // a candidate was anonymized

	mu     sync.Mutex // guards oldest
	oldest time.Time  // the oldest row seen so far
}

func (s *signals) oldestRow() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.oldest
}

// saw notes a page.
func (s *signals) saw(res *record.Result, bottom time.Time) {
	s.page.Store(true)
	if res.Rows > 0 {
		s.row.Store(true)
	}
	if res.Flagged {
		s.anonymized.Store(true)
	}
	if bottom.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.oldest.IsZero() || bottom.Before(s.oldest) {
		s.oldest = bottom
	}
}

// errOvertime ends a run that has reached MaxRunTime.
var errOvertime = tap.Errorf(tap.Interrupted, "stopped", "%w", overtime{})

// overtime is the cause of errOvertime. Its words hold nothing personal, so sync_log has them, too.
type overtime struct{}

func (overtime) Error() string { return "max_run_time was reached" }
func (overtime) Plain() string { return "max_run_time was reached" }

// overtimeGrace is how long pages under way may take after MaxRunTime.
const overtimeGrace = 5 * time.Second

// Sync reads the selected streams concurrently and advances the state. It returns an error only if
// the whole run ended early: of kind Credentials, SignIn, BadInput, Rights, Unreachable, LoaderGone
// or Interrupted. The report says how each stream ended; it is nil only if the run could not
// start.
func (e *Engine) Sync(
	ctx context.Context, queries []*tap.Query, state *tap.State,
) (*tap.Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Engine: e, ctx: ctx, cancel: cancel, queue: newQueue()}
	for _, q := range queries {
		st, err := r.newStream(q, *state.Of(q.Stream.Name))
		if err != nil {
			return nil, err
		}
		if q.Stream.Local {
			r.syncLog = st
			continue
		}
		r.streams = append(r.streams, st)
		if last := st.bookmark.Last(); last.After(r.lastRun) {
			r.lastRun = last
		}
	}
	r.writer = newWriter(r, state)
	for _, st := range r.streams {
		r.queue.push(r.opening(st))
	}
	if len(r.streams) == 0 {
		r.queue.close()
	}
	stop := context.AfterFunc(ctx, r.queue.close)
	defer stop()
	if e.MaxRunTime > 0 {
		timer := time.AfterFunc(e.MaxRunTime, func() {
			r.over.Store(true)
			r.queue.close()
		})
		defer timer.Stop()
		last := time.AfterFunc(e.MaxRunTime+overtimeGrace, func() { cancel(errOvertime) })
		defer last.Stop()
	}
	e.current.Store(r)
	defer e.current.Store(nil)
	cause := r.work()
	report := &tap.Report{
		AnyPage: r.signals.page.Load(), Overtime: errors.Is(cause, errOvertime), Streams: r.reports(),
	}
	switch {
	case r.writer.err != nil:
		return report, r.writer.err
	case report.Overtime:
		return report, nil
	}
	return report, cause
}

// work runs the workers and the writer until all streams have ended or the run is over, and returns
// why it ended early; nil if it did not.
func (r *run) work() (cause error) {
	var writing, working sync.WaitGroup
	writing.Go(r.writer.loop)
	workers := r.Concurrency
	if r.Enricher != nil {
		workers *= 2 // those that wait for files must not block the lists
	}
	for range workers {
		working.Go(func() {
			for {
				t, ok := r.queue.pop()
				if !ok {
					return
				}
				w := &worker{run: r, stream: t.stream}
				w.do(r.ctx, t)
			}
		})
	}
	working.Wait()
	close(r.writer.inbox)
	writing.Wait()
	cause = context.Cause(r.ctx)
	if cause == nil && r.over.Load() && !r.writer.allEnded() {
		cause = errOvertime // otherwise the pages under way were the last ones
	}
	r.writer.close(cause)
	return cause
}

// reports returns how each stream ended, or its progress so far.
func (r *run) reports() []tap.StreamReport {
	oldest := r.signals.oldestRow()
	reports := make([]tap.StreamReport, len(r.streams), len(r.streams)+1)
	for i, st := range r.streams {
		reports[i] = st.reportNow(oldest)
	}
	if r.syncLog != nil {
		reports = append(reports, r.syncLog.report.snapshot())
	}
	return reports
}

// send passes a message to the writer. After the run is over it sends nothing, even if the writer
// would take it: the page before may have been broken off.
func (r *run) send(ctx context.Context, m message) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case r.writer.inbox <- m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
