package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/plan"
)

type planFlags struct {
	Config  string `help:"Config file. Default: the environment." placeholder:"FILE"`
	Catalog string `help:"Catalog file: what to read. Default: the streams selected by default." placeholder:"FILE"`
	State   string `help:"State file of the last run." placeholder:"FILE"`
	Format  string `help:"Format: text or json." enum:"text,json" default:"text"`
}

// plan says what runs will cost. It asks each list for one page at most, and writes nothing.
func (p *program) plan(ctx context.Context, flags planFlags) error {
	cfg, err := p.runConfig(flags.Config)
	if err != nil {
		return err
	}
	return foresee(ctx, p, cfg, flags, (*greenhouse.Run).Plan, planText)
}

// foresee prepares a run, and shows what can be found of it without doing it.
func foresee[T any](
	ctx context.Context, p *program, cfg *config.Config, flags planFlags,
	find func(*greenhouse.Run, context.Context) (T, error), text func(io.Writer, T) error,
) error {
	read, err := p.readOf(cfg, inputs{catalog: flags.Catalog, state: flags.State})
	if err != nil {
		return err
	}
	account, run, err := p.prepare(ctx, cfg, read, nil)
	if err != nil {
		return err
	}
	defer account.Close()
	found, err := find(run, ctx)
	if err != nil {
		return err
	}
	if flags.Format == "json" {
		err = writeJSON(p.Out, found)
	} else {
		err = text(p.Out, found)
	}
	return err
}

// planText writes a plan for a person, within 80 columns.
func planText(out io.Writer, found *greenhouse.Plan) error {
	if found.Identity != (tap.Identity{}) {
		fmt.Fprintf(out, "Account: %s\n\n", found.Identity)
	}
	table := [][]string{{"rows", "first", "little", "sweep", "next", "stream"}}
	var notes []string
	for _, s := range found.Streams {
		rows := tap.Number(s.Rows)
		switch s.Basis {
		case plan.Profile, plan.Rate:
			rows = "~" + rows
		case plan.AtLeast:
			rows = ">" + rows
		case plan.NotAsked:
			rows = "?"
			if s.Reason != "" {
				notes = append(notes, s.Stream+": not known: "+s.Reason)
			}
		}
		if !s.Due.IsZero() {
			notes = append(notes, s.Stream+": left alone until "+s.Due.UTC().Format("01-02 15:04 UTC"))
		}
		table = append(table, []string{
			rows, tap.Number(s.First), tap.Number(s.Quiet), tap.Number(s.Sweep), tap.Number(s.Next),
			s.Stream,
		})
	}
	if err := writeColumns(out, table); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, note := range notes {
		fmt.Fprintln(out, wrapped("", "  ", tap.Printable(note)))
	}
	limit := "no limit was told"
	if l := found.Limit; l.Requests > 0 {
		limit = fmt.Sprintf("%d requests in %s, of which %.0f%% may be used", l.Requests, l.Window, l.Share*100)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Limit: %s.\n", limit)
	for _, c := range []struct {
		what string
		greenhouse.Cost
	}{
		{"The first read", found.First},
		{"A run with little new", found.Quiet},
		{"A sweep (with deletes)", found.Sweep},
		{"The next run", found.Next},
	} {
		fmt.Fprintf(&b, "%s: %s requests, %s.\n", c.what, tap.Number(c.Requests), minutes(c.Minutes))
	}
	if n := len(found.Missing); n > 0 {
		fmt.Fprintf(&b, "Missing scopes: %d.\n  %s\n", n, strings.Join(found.Missing, "\n  "))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// minutes says how long something takes.
func minutes(m float64) string {
	switch {
	case m < 1:
		return "less than a minute"
	case m < 120:
		return fmt.Sprintf("about %.0f min", m)
	}
	return fmt.Sprintf("about %.1f h", m/60)
}
