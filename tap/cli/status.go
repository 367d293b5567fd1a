package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// statusPatience is how long a status tries to learn whose the credential is, if nothing answers: all
// else that it shows stands in files.
const statusPatience = 3 * time.Second

// status shows how far each stream is. It reads no list, and writes nothing.
func (p *program) status(ctx context.Context, flags planFlags) error {
	cfg, err := p.runConfig(flags.Config)
	if err != nil {
		return err
	}
	cfg.MaxRetryTime = min(cfg.MaxRetryTime, statusPatience)
	return foresee(ctx, p, cfg, flags, (*greenhouse.Run).Status,
		func(out io.Writer, found *greenhouse.Status) error {
			return statusText(out, found, time.Now())
		})
}

// statusText writes the status for a person, within 80 columns: a line for each stream, and under
// the table what is special.
func statusText(out io.Writer, found *greenhouse.Status, now time.Time) error {
	if found.Identity != (tap.Identity{}) {
		fmt.Fprintf(out, "Account: %s\n\n", found.Identity)
	}
	rows := [][]string{{"complete", "verified", "rows", "read", "sweep", "stream"}}
	var notes []string
	for _, s := range found.Streams {
		known := nothing
		if s.Rows != nil {
			known = tap.Number(*s.Rows)
		}
		rows = append(rows, []string{
			cmp.Or(age(s.CompleteUntil, now), "never"), cmp.Or(age(s.VerifiedUntil, now), nothing), known,
			due(s.NextRead, now), due(s.NextSweep, now), s.Stream,
		})
		notes = append(notes, notesOn(s, now)...)
	}
	if err := writeColumns(out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nAs of %s; --format json has the times.\n",
		now.UTC().Format("2006-01-02 15:04 UTC"))
	for _, note := range notes {
		_, err = fmt.Fprintln(out, wrapped("", "  ", tap.Printable(note)))
	}
	return err
}

// due says when something is due: now, in the next run, or later.
func due(t, now time.Time) string {
	if !t.After(now) {
		return always
	}
	return age(t, now)
}

// age says how far away a time is, in a few letters: 5m ago, in 7d. It is empty for no time.
func age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t).Abs()
	var length string
	switch {
	case d < 2*time.Hour:
		length = fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		length = fmt.Sprintf("%.0fh", d.Hours())
	default:
		length = fmt.Sprintf("%.0fd", d.Hours()/24)
	}
	if t.After(now) {
		return "in " + length
	}
	return length + " ago"
}

// notesOn are sentences on what is special about a stream.
func notesOn(s greenhouse.StreamStatus, now time.Time) (notes []string) {
	note := func(format string, args ...any) {
		notes = append(notes, s.Stream+": "+fmt.Sprintf(format, args...))
	}
	switch {
	case s.Unfinished == 1:
		note("1 part is still to be read")
	case s.Unfinished > 1:
		note("%d parts are still to be read", s.Unfinished)
	}
	if len(s.Learnt) > 0 {
		note("learnt %s", strings.Join(s.Learnt, ", "))
	}
	if !s.Refused.IsZero() {
		note("refused in the last run, first %s", age(s.Refused, now))
	}
	if s.Scope != "" {
		note("the scope %s is missing", s.Scope)
	}
	return notes
}
