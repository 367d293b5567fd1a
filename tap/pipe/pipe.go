// Package pipe runs a loader: a program that takes messages on its standard input, and echoes each
// state on its standard output once everything before it is stored. It knows neither messages nor
// states, and nothing of where either comes from or goes to.
package pipe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Options say which loader to run, and how.
type Options struct {
	// Args are the program and its arguments; Env is its environment, nil for that of this process.
	Args, Env []string
	// Stderr receives the loader's standard error. A file is passed on as it is.
	Stderr io.Writer
	// State returns the state in a line of the loader's standard output, or nil if it is none.
	State func(line []byte) []byte
	// Keep stores a state. It is called for one after the other. After an error the loader is given
	// no more messages, but its later states are still kept if possible.
	Keep func(state []byte) error
	// Stall is how long the loader may take nothing, while there is something to take or while it
	// ought to end. Then it is killed, with all its children.
	Stall time.Duration
	// Grace is how long the loader may run once the context has ended, before it is killed.
	Grace time.Duration
	// Log receives a line per event; nil for none.
	Log *slog.Logger
}

// Loader is a loader that runs. It is an [io.Writer] for messages, of one goroutine.
type Loader struct {
	opts  Options
	cmd   *exec.Cmd
	in    *os.File // its standard input, to write to
	out   *os.File // its standard output, to read from
	group group

	exited chan struct{} // closed when the program has ended
	ended  chan struct{} // closed when its output has been read, too
	unread chan struct{} // closed when it takes no more messages
	closed sync.Once     // of in

	mu     sync.Mutex
	stall  *time.Timer
	gone   error // why it takes no more messages
	killed error // why it was killed
	exit   error // how the program ended
	kept   error // why the last state could not be kept
	states int
	others int // lines of output that are no state
	// finishing is set once its input is closed, over once it and its children need no killing.
	finishing, over bool
}

// linger is how long the output of a program that has ended may stay open: a child that it left may
// hold it for ever. Tests make it shorter.
var linger = 5 * time.Second

// chunk is the size of a write: the unit in which a loader is seen to take something.
const chunk = 4 << 10

// Find returns an error of kind BadInput if there is no such program.
func Find(program string) error {
	_, err := exec.LookPath(program)
	if errors.Is(err, exec.ErrNotFound) {
		return tap.Errorf(tap.BadInput, "loader "+program, "there is no such program").
			WithHint("install it, or give its path: it is looked for in PATH")
	}
	if errors.Is(err, exec.ErrDot) {
		return tap.Errorf(tap.BadInput, "loader "+program, "it is looked for in PATH, not in this folder").
			WithHint("write .%c%s", filepath.Separator, program)
	}
	return refused(program, err)
}

// refused returns the error of a program that cannot be started.
func refused(program string, err error) error {
	if err == nil {
		return nil
	}
	var e *exec.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return tap.Errorf(tap.BadInput, "loader "+program, "it cannot be started: %w", err).
		WithHint("is it a program, or a script with a first line such as #!/bin/sh?")
}

// Start starts a loader. It must be ended with [Loader.Finish]. As long as the context lasts, the
// loader may take its time.
func Start(ctx context.Context, opts Options) (*Loader, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	inward, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, outward, err := os.Pipe()
	if err != nil {
		inward.Close()
		in.Close()
		return nil, err
	}
	l := &Loader{
		opts: opts, in: in, out: out, exited: make(chan struct{}), ended: make(chan struct{}),
		unread: make(chan struct{}), cmd: exec.Command(opts.Args[0], opts.Args[1:]...),
	}
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Stderr, l.cmd.Env = inward, outward, opts.Stderr, opts.Env
	l.cmd.WaitDelay = linger
	ownGroup(l.cmd)
	err = l.cmd.Start()
	inward.Close()
	outward.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, refused(opts.Args[0], err)
	}
	l.group = groupOf(l.cmd.Process)
	l.stall = time.AfterFunc(opts.Stall, l.stalled)
	l.stall.Stop()
	go l.watch(ctx)
	return l, nil
}

// Write passes messages on. Its error, of kind LoaderGone or Storage, says why the loader takes no
// more of them.
func (l *Loader) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		l.expect(true)
		n, err := l.in.Write(p[written:min(len(p), written+chunk)])
		l.expect(false)
		written += n
		if err != nil {
			l.leave(err)
			return written, l.Cause()
		}
	}
	return written, nil
}

// Gone is closed as soon as the loader takes no more messages.
func (l *Loader) Gone() <-chan struct{} { return l.unread }

// Cause says why the loader takes no more messages; nil while it does.
func (l *Loader) Cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// Echoed returns the number of states that were kept so far, and of lines that were no state.
func (l *Loader) Echoed() (states, others int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states, l.others
}

// Finish closes the loader's input, waits until it has ended, and says why it failed, if it did.
func (l *Loader) Finish() error {
	l.mu.Lock()
	l.finishing = true
	l.mu.Unlock()
	l.expect(true)
	l.closed.Do(func() { l.in.Close() })
	<-l.ended
	l.expect(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.killed != nil:
		return l.killed
	case l.kept != nil:
		return l.kept
	case l.exit != nil:
		return failed(l.exit)
	}
	return nil
}

const lookAtLog = "look at its log"

// failed is the error of a loader that ended with an exit code of its own, which is not that of
// this program.
func failed(exit error) error {
	return tap.Errorf(tap.LoaderGone, "the loader failed", "%v", exit).WithHint(lookAtLog)
}

// Kill ends the loader and all its children at once.
func (l *Loader) Kill() { l.kill(tap.Errorf(tap.LoaderGone, "the loader was killed", "stopped")) }

func (l *Loader) kill(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return // its number may be another program's by now
	}
	if l.killed == nil {
		l.killed = why
	}
	l.group.kill()
}

// stalled kills a loader that has taken nothing for too long.
func (l *Loader) stalled() {
	l.kill(tap.Errorf(tap.LoaderGone, "the loader was killed", "it took nothing for %s",
		l.opts.Stall).WithHint(lookAtLog))
}

// expect begins or ends a time in which the loader has something to do.
func (l *Loader) expect(something bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if something {
		l.stall.Reset(l.opts.Stall)
	} else {
		l.stall.Stop()
	}
}

// leave notes that the loader takes no more messages. If that is because it has ended, the cause is
// how.
func (l *Loader) leave(cause error) {
	exited := true
	select {
	case <-l.exited:
	case <-time.After(time.Second):
		exited = false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone != nil {
		return
	}
	switch {
	case l.killed != nil:
		l.gone = l.killed
	case l.exit != nil:
		l.gone = failed(l.exit)
	case exited:
		l.gone = tap.Errorf(tap.LoaderGone, "the loader", "it ended before the messages did").
			WithHint(lookAtLog)
	default:
		l.gone = tap.Errorf(tap.LoaderGone, "the loader closed its input too early", "%s",
			tap.Cause(cause)).WithHint(lookAtLog)
	}
	close(l.unread)
}

// watch follows the loader to its end.
func (l *Loader) watch(ctx context.Context) {
	grace := time.AfterFunc(l.opts.Grace, func() {
		l.kill(tap.Errorf(tap.LoaderGone, "the loader was killed",
			"it did not end within %s of being asked to", l.opts.Grace))
	})
	grace.Stop()
	stop := context.AfterFunc(ctx, func() { grace.Reset(l.opts.Grace) })
	unwatch := Watch(l.in, func(err error) { l.leave(err) })
	read := make(chan struct{})
	go func() {
		defer close(read)
		l.echoes()
	}()

	exit := l.cmd.Wait()
	if errors.Is(exit, exec.ErrWaitDelay) {
		exit = nil // a child holds its standard error
	}
	l.mu.Lock()
	l.exit = exit
	l.mu.Unlock()
	close(l.exited)
	select {
	case <-read:
	case <-time.After(linger):
		l.opts.Log.Warn("the loader has ended, but a child of it holds its output: killing it")
		l.group.kill()
		l.out.Close()
		<-read
	}
	l.leave(nil)
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	unwatch()
	stop()
	grace.Stop()
	l.group.close()
	l.out.Close()
	close(l.ended)
}
