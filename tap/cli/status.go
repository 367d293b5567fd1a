package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/terminal"
)

// status shows how far each stream is. It reads no list, and writes nothing.
func (p *program) status(ctx context.Context, flags planFlags) (int, error) {
	return foresee(ctx, p, flags, (*greenhouse.Run).Status, statusText)
}

// statusText writes the status for a person: a line for each stream, and under it what is special.
func statusText(out io.Writer, found *greenhouse.Status) error {
	if found.Identity != (tap.Identity{}) {
		fmt.Fprintf(out, "Account: %s\n\n", found.Identity)
	}
	rows := [][]string{{"complete", "verified", "rows", "read", "sweep", "stream"}}
	var notes []string
	for _, s := range found.Streams {
		known := "-"
		if s.Rows != nil {
			known = terminal.Number(*s.Rows)
		}
		rows = append(rows, []string{
			moment(s.CompleteUntil, "never"), moment(s.VerifiedUntil, "-"), known,
			moment(s.NextRead, "next run"), moment(s.NextSweep, "-"), s.Stream,
		})
		notes = append(notes, notesOn(s)...)
	}
	if err := columns(out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nTimes are in UTC, month and day first.\n")
	for _, note := range notes {
		_, err = fmt.Fprintln(out, tap.Printable(note))
	}
	return err
}

// moment says when something was or will be, in a few letters.
func moment(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format("01-02 15:04")
}

// notesOn are sentences on what is special about a stream.
func notesOn(s greenhouse.StreamStatus) (notes []string) {
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
		note("refused in the last run, since %s", moment(s.Refused, ""))
	}
	if s.Scope != "" {
		note("the scope %s is missing", s.Scope)
	}
	return notes
}

// columns writes a table, of which the first row is the head, without columns that say nothing: it
// should fit a screen.
func columns(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	says := func(column int) bool {
		return slices.ContainsFunc(rows[1:], func(row []string) bool { return row[column] != "-" })
	}
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			if says(i) {
				cells = append(cells, cell)
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}
