package cli

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/terminal"
)

// personLog is a log for people: on standard error, or above the display. With a display, only
// warnings are shown.
type personLog struct {
	lineWriter
	level    slog.LevelVar
	terminal bool
}

func (l *personLog) handler() slog.Handler {
	if l.terminal {
		return &terminalLog{out: l}
	}
	return slog.NewTextHandler(l, &slog.HandlerOptions{Level: &l.level})
}

func (l *personLog) to(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = w
}

// display shows the run in the terminal: if standard error is a terminal, and standard output is
// not one, which messages would flood. The returned function ends it. Without a display, done
// reports so.
func (p *program) display(out io.Writer, snapshot func() *tap.Report) (done func() (shown bool)) {
	none := func() bool { return false }
	if p.person == nil || p.person.level.Level() < slog.LevelInfo ||
		!terminal.Fits(p.Err, p.getenv) {
		return none
	}
	if isTerminal(out) {
		return none
	}
	d := terminal.Show(p.Err, snapshot)
	p.person.to(d)
	restore := p.quiet()
	return func() bool {
		d.Close()
		p.person.to(p.Err)
		restore()
		return true
	}
}

// quiet leaves only warnings in the log, where a person sees progress in another way.
func (p *program) quiet() (restore func()) {
	if p.person == nil || !p.person.terminal {
		return func() {}
	}
	level := p.person.level.Level()
	p.person.level.Set(max(level, slog.LevelWarn))
	return func() { p.person.level.Set(level) }
}

// conclude tells a person in a terminal how the run ended; the last line sums up. The sentence on
// the outcome says the same if all streams are complete.
func (p *program) conclude(r *tap.Report) {
	complete := 0
	for _, s := range r.Streams {
		if s.Status == "complete" {
			complete++
		}
	}
	if complete < len(r.Streams) || r.ExitCode != greenhouse.ExitOK {
		fmt.Fprintln(p.Err, wrapped("", "", r.Outcome))
	}
	for _, s := range r.Streams {
		if s.Status == "failed" {
			fmt.Fprintln(p.Err, wrapped("  ", "    ", s.Stream+": "+s.Reason))
		}
	}
	for _, next := range r.Next {
		fmt.Fprintln(p.Err, wrapped("- ", "  ", next))
	}
	fmt.Fprintln(p.Err, wrapped("", "  ", screenSummary(r)))
}
