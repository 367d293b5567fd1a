package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

type scopesFlags struct {
	Config string `help:"Config file; it may name the streams." placeholder:"FILE"`
	Probe  bool   `help:"If the credential does not tell which ones it has, ask each list."`
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
func (p *program) scopes(ctx context.Context, flags scopesFlags) error {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return err
	}
	streams, err := schemas.Load(cfg.Streams...)
	if err != nil {
		return err
	}
	streams = slices.DeleteFunc(streams, func(s *tap.Stream) bool { return s.Local })
	if cfg.CustomFields != "raw" &&
		slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.CustomFields != nil }) &&
		!slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.Name == custom.Stream }) {
		definitions, err := schemas.Load(custom.Stream)
		if err != nil {
			return err
		}
		streams = append(streams, definitions...) // their columns need the scope
	}
	found, who, err := p.reach(ctx, cfg, streams, flags.Probe)
	if err != nil {
		return err
	}
	var rows []scopeRow
	for _, s := range streams {
		if s.SelectedByDefault() || len(cfg.Streams) > 0 {
			rows = append(rows, scopeRow{s.Name, s.Scope, found[s.Name], s.Group})
		}
	}
	if flags.Format == "json" {
		if who != (tap.Identity{}) { // an array of streams has no place for it
			p.log.Info("the credential works", "as", who.String())
		}
		err := writeJSON(p.Out, rows)
		return err
	}
	if who != (tap.Identity{}) {
		fmt.Fprintf(p.Out, "Account: %s\n\n", who)
	}
	err = scopesText(p.Out, rows, found != nil)
	return err
}

// scopesText writes the scopes by the permission that people know them by, within 80 columns. A
// scope that does not name its stream is followed by it.
func scopesText(out io.Writer, rows []scopeRow, probed bool) error {
	slices.SortStableFunc(rows, func(a, b scopeRow) int {
		return strings.Compare(a.group, b.group)
	})
	name := func(r scopeRow) string {
		if r.Scope == "harvest:"+r.Stream+":list" {
			return r.Scope
		}
		return r.Scope + " (" + r.Stream + ")"
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(name(r)))
	}
	granted, group := 0, ""
	for _, r := range rows {
		if r.group != group {
			group = r.group
			fmt.Fprintln(out, group)
		}
		line := "  " + name(r)
		if probed {
			line = fmt.Sprintf("  %-*s  %s", width, name(r), cmp.Or(string(r.Reach), "unknown"))
		}
		fmt.Fprintln(out, line)
		if r.Reach == rights.Yes {
			granted++
		}
	}
	sum := fmt.Sprintf("%d streams", len(rows))
	if probed {
		sum = fmt.Sprintf("%d of %d streams can be read", granted, len(rows))
	}
	_, err := fmt.Fprintf(out, "\n%s\n", sum)
	return err
}

// reach returns which streams the credential can read, and whom the API takes it for; nil if that
// is unknown. A probe asks each list if the API does not say it in one answer; without one, a
// credential that does not work is a warning only, since the list of scopes needs none.
func (p *program) reach(
	ctx context.Context, cfg *config.Config, streams []*tap.Stream, probe bool,
) (map[string]rights.Reach, tap.Identity, error) {
	account := p.open(cfg, nil)
	defer account.Close()
	if probe {
		found, err := account.Reach(ctx, streams)
		return found, account.Identity(), err
	}
	if cfg.CheckCredential(false) != nil {
		return nil, tap.Identity{}, nil
	}
	found, err := account.Granted(ctx, streams)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, tap.Identity{}, cause
		}
		p.log.Warn("what the credential has is not shown: " + err.Error())
	}
	return found, account.Identity(), nil
}
