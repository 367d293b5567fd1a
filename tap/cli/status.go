package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/terminal"
)

// status shows how far each stream is. It reads no list, and writes nothing.
func (p *program) status(ctx context.Context, flags planFlags) (int, error) {
	account, run, err := p.prepareSinger(ctx, singerFlags{
		Config: flags.Config, Catalog: flags.Catalog, State: flags.State,
	})
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	defer account.Close()
	found, err := run.Status(ctx)
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	if flags.Format == "json" {
		var out []byte
		out, err = json.Marshal(found, jsontext.WithIndent("  "))
		if err == nil {
			_, err = p.Out.Write(append(out, '\n'))
		}
	} else {
		err = statusText(p.Out, found)
	}
	return greenhouse.ExitCode(err, true), err
}

// statusText writes the status for a person: a line for each stream, and under it what is special.
func statusText(out io.Writer, found *greenhouse.Status) error {
	if found.Identity != (tap.Identity{}) {
		fmt.Fprintf(out, "Account: %s\n\n", found.Identity)
	}
	moment := func(t time.Time, never string) string {
		if t.IsZero() {
			return never
		}
		return t.UTC().Format("01-02 15:04")
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "complete\tverified\trows\tread\tsweep\tstream")
	var notes []string
	for _, s := range found.Streams {
		rows := "-"
		if s.Rows != nil {
			rows = terminal.Number(*s.Rows)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", moment(s.CompleteUntil, "never"),
			moment(s.VerifiedUntil, "-"), rows, moment(s.NextRead, "next run"),
			moment(s.NextSweep, "-"), s.Stream)
		if s.Unfinished > 0 {
			parts := "1 part is"
			if s.Unfinished > 1 {
				parts = fmt.Sprintf("%d parts are", s.Unfinished)
			}
			notes = append(notes, fmt.Sprintf("%s: %s still to be read", s.Stream, parts))
		}
		if len(s.Learnt) > 0 {
			notes = append(notes, fmt.Sprintf("%s: learnt %s", s.Stream, strings.Join(s.Learnt, ", ")))
		}
		if !s.Refused.IsZero() {
			notes = append(notes, fmt.Sprintf("%s: refused in the last run, since %s", s.Stream,
				moment(s.Refused, "")))
		}
		if s.Scope != "" {
			notes = append(notes, fmt.Sprintf("%s: the scope %s is missing", s.Stream, s.Scope))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nTimes are in UTC, month and day first.\n")
	for _, note := range notes {
		_, err = fmt.Fprintln(out, tap.Printable(note))
	}
	return err
}
