package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// grace is how long a run may take to write its last state after a signal, even if the loader does
// not read.
const grace = 1500 * time.Millisecond

// ending says how the process ends after a signal.
type ending struct {
	mu    sync.Mutex
	grace time.Duration // how long the run may take
	last  func()        // called before the process ends by force
}

type endingKey struct{}

// endWithin gives the run more time after a signal. last is called if the process ends by force:
// because the time is over, or with a second signal.
func endWithin(ctx context.Context, grace time.Duration, last func()) {
	if e, ok := ctx.Value(endingKey{}).(*ending); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.grace, e.last = grace, last
	}
}

func (e *ending) get() (grace time.Duration, last func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.grace, e.last
}

// signalError is the cause of a context that was ended by a signal.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return e.signal.String() }

// ExitCode returns the exit code of a program that was ended by a signal.
func (e signalError) ExitCode() int { return 128 + int(e.signal) }

// Signals returns a context that SIGINT and SIGTERM cancel. A second signal, or the end of the
// grace period, ends the process at once. Writing to a pipe without a reader returns an error,
// instead of ending the process with a signal.
func Signals() (ctx context.Context, stop func()) {
	end := &ending{grace: grace, last: func() {}}
	ctx, cancel := context.WithCancelCause(
		context.WithValue(context.Background(), endingKey{}, end))
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		var got syscall.Signal
		select {
		case s := <-signals:
			got = s.(syscall.Signal)
		case <-done:
			return
		}
		cancel(&tap.Error{
			Kind: tap.Interrupted, Op: "stopped", Err: signalError{got},
			Hint: "the next run continues from the last state",
		})
		grace, last := end.get()
		select {
		case <-signals:
		case <-time.After(grace):
		case <-done:
			return
		}
		last()
		os.Exit(128 + int(got))
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	})
}
