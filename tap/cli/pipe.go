package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/pipe"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
	_ "github.com/tap-greenhouse/tap-greenhouse/tap/store/s3" // s3:// in config and flags
)

type pipeFlags struct {
	Config   string        `help:"Config file; - for standard input, ENV for the environment only." placeholder:"FILE"`
	Catalog  string        `help:"Catalog file: what to read. Default: the streams selected by default." placeholder:"FILE"`
	State    string        `help:"Where to keep the state: a file, or s3://bucket/key. It need not exist." placeholder:"WHERE"`
	Stall    time.Duration `help:"Kill a loader that takes nothing for so long." default:"30m"`
	Grace    time.Duration `help:"How long to wait for the loader after a signal." default:"60s"`
	runFlags `embed:""`

	refreshFlags `embed:""`

	Loader []string `arg:"" optional:"" passthrough:"" help:"The loader and its arguments, after --."`
}

// saveTime is how long a state may take to be saved.
const saveTime = time.Minute

// pipe runs a Singer sync into a loader, and keeps the last state that the loader has echoed.
func (p *program) pipe(ctx context.Context, flags pipeFlags) error {
	if err := p.checkPipe(&flags); err != nil {
		return err
	}
	failed := func(err error) error {
		p.reportFailure(flags.reportFlags, greenhouse.Singer, err)
		return err
	}
	cfg, err := p.runConfig(flags.Config)
	if err != nil {
		return failed(err)
	}
	slot, err := store.OpenSlot(ctx, flags.State, p.getenv, cfg.RequestTimeout, p.log)
	switch {
	case errors.Is(err, store.ErrTaken): // the report is that of the other run
		return badState(flags.State, err)
	case err != nil:
		return failed(badState(flags.State, err))
	}
	defer slot.Close() //nolint:errcheck // the states are saved, and the lease expires
	read, err := p.readOf(cfg, inputs{catalog: flags.Catalog, contract: flags.Contract})
	if err != nil {
		return failed(err)
	}
	flags.apply(&read)
	read.Refresh, read.StateName, read.Grace = flags.Refresh, flags.State, flags.Grace
	if read.State, err = slot.Load(ctx); err != nil {
		return failed(badState(flags.State, err))
	}
	if len(bytes.TrimSpace(read.State)) == 0 && read.State != nil {
		p.log.Warn("the state is empty: every stream is read from the start", "state", flags.State)
		read.State = nil
	}
	account, run, err := p.prepare(ctx, cfg, read, nil)
	if err != nil {
		return failed(err)
	}
	defer account.Close()
	to, err := p.toLoader(ctx, flags, slot)
	if err != nil {
		return failed(err)
	}
	return p.run(ctx, run, to, flags.reportFlags)
}

func (p *program) checkPipe(flags *pipeFlags) error {
	if len(flags.Loader) > 0 && flags.Loader[0] == "--" {
		flags.Loader = flags.Loader[1:]
	}
	switch {
	case len(flags.Loader) > 0 && strings.HasPrefix(flags.Loader[0], "-"):
		return unknownFlag(flags.Loader[0], flags)
	case flags.State == "":
		return usage(errors.New("missing flags: --state=WHERE"))
	case len(flags.Loader) == 0:
		return usage(errors.New("the loader is missing: give it after --"))
	case flags.Stall <= 0:
		return usage(errors.New("--stall must be more than 0"))
	case flags.Grace < 0:
		return usage(errors.New("--grace must not be negative"))
	case flags.Config == "" && !p.configured():
		return errNoConfig()
	}
	if err := flags.check(); err != nil {
		return err
	}
	return pipe.Find(flags.Loader[0])
}

// unknownFlag is the error of an argument in the place of a loader that can only be a flag.
func unknownFlag(arg string, flags *pipeFlags) error {
	name, _, _ := strings.Cut(arg, "=")
	parser, err := kong.New(flags, kong.Name(tapName))
	if err != nil {
		return err
	}
	return usage(fmt.Errorf("unknown flag %s%s", name,
		nearest.Hint(name, append(flagNames(parser.Model.Node), logFlags...))))
}

func badState(where string, err error) error {
	e := &tap.Error{Kind: tap.BadInput, Op: "state " + where, Err: err}
	if errors.Is(err, store.ErrTaken) {
		return e.WithHint("wait until that run has ended; each account needs a state of its own")
	}
	return e
}

// toLoader starts the loader.
func (p *program) toLoader(ctx context.Context, flags pipeFlags, slot store.Slot) (sink, error) {
	said := p.loaderLog()
	loader, err := pipe.Start(ctx, pipe.Options{
		Args: flags.Loader, Stderr: said, State: greenhouse.EchoedState,
		Stall: flags.Stall, Grace: flags.Grace, Log: p.log,
		Keep: func(state []byte) error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
			defer cancel()
			return slot.Save(ctx, append(bytes.Clone(state), '\n'))
		},
	})
	if err != nil {
		return sink{}, err
	}
	// The loader is killed when its time is over, and what it echoed until then is saved.
	endWithin(ctx, flags.Grace+saveTime, loader.Kill)
	waiting := p.sayWaiting(ctx, flags.Grace)
	messages := &noted{Writer: loader}
	return sink{
		Writer: messages, fatal: func(error) {},
		watch: func(gone func(error)) func() {
			over := make(chan struct{})
			go func() {
				select {
				case <-loader.Gone():
					gone(loader.Cause())
				case <-over:
				}
			}()
			return func() { close(over) }
		},
		finish: func() error {
			err := loader.Finish()
			waiting()
			if lines, ok := said.(*wholeLines); ok {
				lines.end()
			}
			states, others := loader.Echoed()
			if err == nil && messages.some && states == 0 && ctx.Err() == nil {
				p.log.Warn("the loader has echoed no state, so the state stays as it was: the next run reads the same again",
					"state", flags.State, "lines that are no state", others)
			}
			return err
		},
	}, nil
}

// noted is a writer that knows whether anything was written.
type noted struct {
	io.Writer
	some bool
}

func (w *noted) Write(p []byte) (int, error) {
	w.some = true
	return w.Writer.Write(p)
}

// sayWaiting tells, if it takes long after a signal, what is waited for.
func (p *program) sayWaiting(ctx context.Context, grace time.Duration) (stop func()) {
	ended := make(chan struct{})
	unsay := context.AfterFunc(ctx, func() {
		select {
		case <-ended:
		case <-time.After(time.Second):
			p.log.Warn("stopping: waiting until the loader has stored what it has; a second signal ends it at once",
				"at most", grace.String())
		}
	})
	return func() {
		unsay()
		close(ended)
	}
}

// loaderLog is where the loader's standard error goes: to this program's, or above the display.
func (p *program) loaderLog() io.Writer {
	if f, ok := p.Err.(*os.File); ok && (p.person == nil || !p.person.terminal) {
		return f
	}
	if p.person != nil {
		return &wholeLines{out: &p.person.lineWriter}
	}
	return p.Err
}

// wholeLines passes whole lines on: half of one would be torn by the display.
type wholeLines struct {
	out  io.Writer
	rest []byte
}

func (w *wholeLines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	if i := bytes.LastIndexByte(w.rest, '\n'); i >= 0 {
		if _, err := w.out.Write(w.rest[:i+1]); err != nil {
			return 0, err
		}
		w.rest = append(w.rest[:0], w.rest[i+1:]...)
	}
	return len(p), nil
}

// end passes on what has no end of a line.
func (w *wholeLines) end() {
	if len(w.rest) > 0 {
		_, _ = w.Write([]byte{'\n'}) // standard error is the last resort
	}
}
