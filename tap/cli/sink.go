package cli

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/pipe"
)

// sink is where the messages of a run go.
type sink struct {
	io.Writer
	// watch calls gone as soon as nobody reads the messages; the returned function ends the watch.
	watch func(gone func(error)) (stop func())
	// finish waits until the messages are stored, and returns why they are not.
	finish func() error
	// fatal is called with an error that ended the whole run.
	fatal func(error)
	// toPerson means that a person looks at the messages, and may have seen enough before they end.
	toPerson bool
}

// toStdout is the sink of a loader that somebody else started, or that is no program.
func toStdout(out io.Writer) sink {
	return sink{
		Writer: out, finish: func() error { return nil }, fatal: func(error) {},
		watch: func(gone func(error)) func() {
			f, ok := out.(*os.File)
			if !ok {
				return func() {}
			}
			return pipe.Watch(f, func(err error) { gone(engine.WriteError(err)) })
		},
	}
}

// signalled reports whether a signal has ended the context, or does so within a moment. Ctrl-C
// ends both sides of a pipe, in any order: the loader may be gone before this process knows why.
func signalled(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(200 * time.Millisecond):
		return false
	}
}

// patient is a writer whose errors come after the signal that caused them.
type patient struct {
	io.Writer
	ctx context.Context
}

func (w patient) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		signalled(w.ctx)
	}
	return n, err
}
