package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// terminalLog writes each event for a person who sits before a terminal: what happened, and under
// it what to do. It has no times and no quotes; only what could move the cursor is escaped.
type terminalLog struct {
	out   *personLog
	attrs []slog.Attr
}

// isTerminal reports whether out is a terminal.
func isTerminal(out any) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// hintKey is the key of what to do about an error. A log for machines has it in the message.
const hintKey = "hint"

// fail logs an error.
func (p *program) fail(err error) {
	var e *tap.Error
	if p.person == nil || !p.person.terminal || !errors.As(err, &e) || e.Hint == "" {
		p.log.Error(err.Error())
		return
	}
	p.log.Error(strings.Replace(err.Error(), " ("+e.Hint+")", "", 1), hintKey, e.Hint)
}

func (h *terminalLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.out.level.Level()
}

func (h *terminalLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	switch {
	case strings.HasPrefix(r.Message, summaryPrefix): // it says itself how the run ended
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	case r.Level < slog.LevelInfo:
		b.WriteString("debug: ")
	}
	hint, more := "", []string{}
	add := func(a slog.Attr) bool {
		if a.Key == hintKey {
			hint = a.Value.String()
		} else {
			more = append(more, detail(a))
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	b.WriteString(tap.Printable(withDetails(r.Message, more)))
	b.WriteByte('\n')
	if hint != "" {
		fmt.Fprintf(&b, "  %s\n", tap.Printable(hint))
	}
	_, err := h.out.Write([]byte(b.String()))
	return err
}

// detail is an attribute of an event as a person reads it.
func detail(a slog.Attr) string { return fmt.Sprintf("%s: %v", a.Key, a.Value) }

// withDetails returns a message with its details in parentheses.
func withDetails(message string, more []string) string {
	if len(more) == 0 {
		return message
	}
	return message + " (" + strings.Join(more, ", ") + ")"
}

func (h *terminalLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &terminalLog{out: h.out, attrs: append(append([]slog.Attr{}, h.attrs...), attrs...)}
}

func (h *terminalLog) WithGroup(string) slog.Handler { return h }
