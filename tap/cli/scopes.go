package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

type scopesFlags struct {
	Config string `help:"Config file; it may name the streams." placeholder:"FILE"`
	Probe  bool   `help:"Ask which ones the credential has."`
	Format string `help:"Format: text or json." enum:"text,json" default:"text"`
}

// scopeRow is a line of the table.
type scopeRow struct {
	Stream string       `json:"stream"`
	Scope  string       `json:"scope"`
	Reach  rights.Reach `json:"reach,omitzero"`

	group string
}

// scopes lists the scopes that the chosen streams need, and which of them the credential has.
func (p *program) scopes(ctx context.Context, flags scopesFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	streams, err := schemas.Load(cfg.Names...)
	if err != nil {
		return greenhouse.ExitIncomplete, err
	}
	if cfg.CustomFields != "raw" &&
		slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.CustomFields != nil }) &&
		!slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.Name == custom.Stream }) {
		definitions, err := schemas.Load(custom.Stream)
		if err != nil {
			return greenhouse.ExitIncomplete, err
		}
		streams = append(streams, definitions...) // their columns need the scope
	}
	found := map[string]rights.Reach{}
	if flags.Probe {
		account := p.open(cfg, nil)
		defer account.Close()
		if found, err = account.Reach(ctx, streams); err != nil {
			return greenhouse.ExitCode(err, false), err
		}
	}
	var rows []scopeRow
	for _, s := range streams {
		if s.SelectedByDefault() || len(cfg.Names) > 0 {
			rows = append(rows, scopeRow{s.Name, s.Scope, found[s.Name], s.Group})
		}
	}
	if flags.Format == "json" {
		out, err := json.Marshal(rows, jsontext.WithIndent("  "))
		if err == nil {
			_, err = p.Out.Write(append(out, '\n'))
		}
		return greenhouse.ExitCode(err, true), err
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	head := "SCOPE\tSTREAM\tPERMISSION"
	if flags.Probe {
		head += "\tGRANTED"
	}
	fmt.Fprintln(w, head)
	slices.SortStableFunc(rows, func(a,
		b scopeRow,
	) int {
		return strings.Compare(a.group, b.group)
	})
	granted := 0
	for _, r := range rows {
		line := r.Scope + "\t" + r.Stream + "\t" + r.group
		if flags.Probe {
			line += "\t" + string(r.Reach)
		}
		if r.Reach == rights.Yes {
			granted++
		}
		fmt.Fprintln(w, line)
	}
	if flags.Probe {
		fmt.Fprintf(w, "\n%d of %d streams can be read\n", granted, len(rows))
	} else {
		fmt.Fprintf(w, "\n%d streams\n", len(rows))
	}
	err = w.Flush()
	return greenhouse.ExitCode(err, true), err
}
