package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/internal/errno"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/report"
)

// run runs, waits until the messages are stored, logs a summary, and writes the report.
func (p *program) run(
	ctx context.Context, run *greenhouse.Run, to sink, flags reportFlags,
) error {
	tuneGC(syncGC)
	if discards(to.Writer) {
		p.log.Warn("standard output was closed, or is " + os.DevNull +
			": the messages are lost, and so is the state")
	}
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := to.watch(func(err error) {
		if !signalled(ctx) {
			cancel(err)
		}
	})
	ended := p.display(to.Writer, run.Snapshot)
	result, err := run.Do(reading, patient{to.Writer, ctx})
	stop()
	undelivered := to.finish()
	shown := ended()
	if result == nil {
		p.report(flags, run.Failure(err))
		return err
	}
	if to.toPerson && errno.BrokenPipe(err) {
		p.report(flags, result)
		return endedWith(exitPipe)
	}
	switch kind := tap.KindOf(err); {
	case undelivered == nil:
	case err == nil:
		err = undelivered
		greenhouse.Undelivered(result, err)
	case kind != tap.LoaderGone && kind != tap.Storage: // otherwise that is why
		p.fail(undelivered)
	}
	if err != nil {
		// If nothing was read, the error is all that there is to say, and looks like that of any command.
		shown = shown && result.ExitCode != greenhouse.ExitNothingRead
		if !shown {
			p.fail(err)
		}
		if kind := tap.KindOf(err); kind != tap.Interrupted && kind != tap.LoaderGone {
			to.fatal(err)
		}
	}
	level := slog.LevelInfo
	if result.ExitCode != greenhouse.ExitOK {
		level = slog.LevelError
	}
	p.report(flags, result)
	if skipped := needs(result); len(skipped) > namesInSummary {
		p.log.Debug("skipped: " + strings.Join(skipped, ", "))
	}
	logMetrics(p.log, result)
	if shown {
		p.conclude(result)
	} else {
		p.log.Log(ctx, level, p.summary(result))
	}
	return endedWith(result.ExitCode)
}

// check checks the flags before anything is read.
func (f reportFlags) check() error {
	if f.Report == "" {
		return nil
	}
	if err := report.Check(f.Report); err != nil {
		return usage(fmt.Errorf("--report %w", err))
	}
	return nil
}

// report writes the report of a run that is over.
func (p *program) report(flags reportFlags, result *tap.Report) {
	if flags.Report == "" {
		return
	}
	if err := report.Write(flags.Report, result); err != nil {
		p.log.Error("writing the report: " + err.Error())
	}
}

// reportFailure writes the report of a run that could not start, in place of an earlier run's.
func (p *program) reportFailure(flags reportFlags, protocol *greenhouse.Protocol, err error) {
	p.report(flags, greenhouse.Failure(protocol, Version(), time.Now(), err))
}

// discards reports whether what is written goes nowhere. In place of a standard output that was
// closed, Go opens the null device before the program starts, so the two look the same. To Windows,
// a pipe and a terminal are the same file as NUL.
func discards(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	mine, err := f.Stat()
	if err != nil || mine.Mode()&os.ModeCharDevice == 0 || isTerminal(f) {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(mine, null)
}

// How often garbage is collected, unless GOGC says so. A sync keeps its peak memory close to its
// live memory, the pages in flight: records make no garbage, so frequent collections cost little
// (see docs/performance.md). A catalog is made in milliseconds, a quarter of which would be
// collections. The sandbox is left alone: with 25 it would serve a third as fast.
const (
	syncGC    = 25
	catalogGC = 400
)

func tuneGC(percent int) {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(percent)
	}
}

// lineWriter lets several goroutines write whole lines.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
