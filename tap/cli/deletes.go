package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

type deletesFlags struct {
	Show deletesShowFlags `cmd:"" help:"Show what the store of deletes knows of a stream. Makes no request."`
}

type deletesShowFlags struct {
	Stream string `arg:"" help:"The stream."`
	Config string `help:"Config file, with deletes." placeholder:"FILE"`
	State  string `help:"State file of the last run." placeholder:"FILE"`
	Format string `help:"Format: text or json." enum:"text,json" default:"text"`
}

// deletesShow shows what the store of deletes knows of a stream.
func (p *program) deletesShow(ctx context.Context, flags deletesShowFlags) error {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return err
	}
	read, err := p.readOf(cfg, inputs{state: flags.State})
	if err != nil {
		return err
	}
	s, err := greenhouse.InspectDeletes(ctx, cfg, flags.Stream, read.State, flags.State)
	if err != nil {
		return err
	}
	if flags.Format == "json" {
		err = writeJSON(p.Out, s)
	} else {
		err = deletesText(p.Out, s, flags.State != "")
	}
	return err
}

// deletesText writes a line for each fact.
func deletesText(out io.Writer, s *gone.Status, state bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		// Flush reports the error
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("stream", "%s", s.Stream)
	line("ledger", "%s", s.Ledger)
	line("version", "%d", s.Version)
	line("rows known", "%d, of which %d are unsure: the next sweep reads these again", s.Rows,
		s.Unsure)
	line("reported", "%s", reportedText(s.Reported))
	if s.Swept.IsZero() {
		line("last sweep", "never")
	} else {
		line("last sweep", "%s", s.Swept.UTC().Format(time.RFC3339))
	}
	if l := s.Listing; l == nil {
		line("sweep under way", "none")
	} else {
		line("sweep under way", "since %s: %d rows listed, %d missing, %d to be read again",
			l.Began.UTC().Format(time.RFC3339), l.Rows, l.Missing, l.Stale)
	}
	line("acknowledged", "%s", orNone(s.Place))
	if state {
		line("in the state", "%s", orNone(s.State))
	}
	switch {
	case !state:
		line("state", "not given: --state FILE compares it")
	case s.Belongs:
		line("state", "belongs to this ledger")
	case s.Why != "":
		line("state", "does not belong to this ledger: %s; the next run reads the list whole", s.Why)
	default:
		line("state", "knows nothing of the stream's rows: the next run reads the list whole")
	}
	return w.Flush()
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// reportedText says which rows were reported as gone, and not acknowledged.
func reportedText(ids []int64) string {
	const shown = 10
	if len(ids) == 0 {
		return "no row that a state has not acknowledged"
	}
	texts := make([]string, 0, shown)
	for _, id := range slices.Clone(ids[:min(len(ids), shown)]) {
		texts = append(texts, fmt.Sprint(id))
	}
	more := ""
	if len(ids) > shown {
		more = ", …"
	}
	return fmt.Sprintf("%d rows, which the next run reports again: %s%s", len(ids),
		strings.Join(texts, ", "), more)
}
