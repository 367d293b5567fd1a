package greenhouse

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// lastWords is how long the last messages of a run may take if [Read.Grace] does not say.
const lastWords = 900 * time.Millisecond

// errAbandoned is the error of a write after the run was left.
var errAbandoned = errors.New("the run has ended")

// Do reads, and writes messages to out, in whole lines. Call it once: it advances the state. It
// returns a report of how each stream ended, which is nil only if the run could not start. The
// error is that of a run which ended early: the credential was refused, the context ended, or out
// could not be written. Streams that failed while others continued are not an error: the report's
// exit code is 1.
//
// Do returns within a second of its context's end, or within [Read.Grace], whatever blocks. If that
// is a write, it is left alone: it may go on for as long as it blocks, but no other follows it. If
// it is a refresh token that is being kept, [Account.Close] waits for it.
func (r *Run) Do(ctx context.Context, out io.Writer) (*tap.Report, error) {
	if r.done.Swap(true) {
		return nil, tap.Errorf(tap.BadInput, "run", "it was started before").
			WithHint("prepare another one")
	}
	if r.cfg.MaxRunTime > 0 {
		out = newOvertimeWriter(out, r.cfg.MaxRunTime)
	}
	gate := &gate{out: out}
	r.engine.Out = gate
	r.reading.Store(r.engine)
	defer r.reading.Store(nil)
	type end struct {
		account *tap.Report
		err     error
	}
	ended := make(chan end, 1)
	go func() {
		if err := r.identify(ctx); err != nil {
			ended <- end{nil, err}
			return
		}
		if who := r.Identity(); who != (tap.Identity{}) {
			r.opts.Log.Info("reading the account", "organization", who.Organization.String(),
				"user", who.User, "role", who.Role)
		}
		report, err := r.engine.Sync(ctx, r.queries, r.state)
		ended <- end{report, err}
	}()
	overdue, stop := r.overdue(ctx)
	defer stop()
	var e end
	select {
	case e = <-ended:
	case <-overdue:
		gate.close()
		e = end{&tap.Report{AnyPage: true, Streams: r.engine.Snapshot()}, context.Cause(ctx)}
		select {
		case e = <-ended: // just in time
		default:
		}
	}
	if e.account == nil {
		return nil, e.err
	}
	for i := range e.account.Streams {
		r.differs(&e.account.Streams[i])
	}
	err := stopped(e.err, context.Cause(ctx))
	code := ExitCode(err, e.account.AnyPage)
	if err == nil && slices.ContainsFunc(e.account.Streams, r.fails) {
		code = ExitIncomplete
	}
	return r.report(e.account, err, code), err
}

// overdue returns a channel that is closed once the run should have ended, until it is stopped.
func (r *Run) overdue(ctx context.Context) (late <-chan struct{}, stop func() bool) {
	grace := r.read.Grace
	if grace <= 0 {
		grace = lastWords
	}
	over := make(chan struct{})
	return over, context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(over) }) })
}

// gate passes writes on until it is closed.
type gate struct {
	out    io.Writer
	mu     sync.Mutex
	closed bool
}

func (g *gate) Write(p []byte) (written int, err error) {
	defer guard(&err)
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed {
		return 0, errAbandoned
	}
	return g.out.Write(p)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
