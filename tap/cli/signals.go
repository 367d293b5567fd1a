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

// signalError is the cause of a context that was ended by a signal.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return e.signal.String() }

// ExitCode returns the exit code of a program that was ended by a signal.
func (e signalError) ExitCode() int { return 128 + int(e.signal) }

// Signals returns a context that SIGINT and SIGTERM cancel. A second signal, or the end of the
// grace period, ends the process at once. Writing to a pipe without a reader returns an error,
// instead of ending the process with a signal.
func Signals() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
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
			Hint: "the state is written; the next run continues from there",
		})
		select {
		case <-signals:
		case <-time.After(grace):
		case <-done:
			return
		}
		os.Exit(128 + int(got))
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	})
}
