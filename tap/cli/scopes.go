package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

type scopesFlags struct {
	Config string `help:"File with the config; it may name the streams." placeholder:"FILE"`
	Probe  bool   `help:"Ask what the credential has of them."`
	Format string `help:"Format: text or json." enum:"text,json" default:"text"`
}

// scopeRow is a line of the table.
type scopeRow struct {
	Stream string       `json:"stream"`
	Scope  string       `json:"scope"`
	Reach  rights.Reach `json:"reach,omitzero"`

	group string
}

// scopes is the command that lists which scopes the chosen streams need, and what the credential
// has of them.
func (p *program) scopes(ctx context.Context, flags scopesFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return exitCode(err, false), err
	}
	streams, err := schemas.Load(cfg.Names...)
	if err != nil {
		return exitIncomplete, err
	}
	if cfg.CustomFields != "raw" && slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.CustomFields != nil }) &&
		!slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.Name == custom.Stream }) {
		definitions, err := schemas.Load(custom.Stream)
		if err != nil {
			return exitIncomplete, err
		}
		streams = append(streams, definitions...) // their columns need it
	}
	found := map[string]rights.Reach{}
	if flags.Probe {
		client := clientOf(cfg, p, nil, nil)
		defer client.Close()
		if found, err = probe(ctx, cfg, client, streams); err != nil {
			return exitCode(err, false), err
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
		return exitCode(err, true), err
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	head := "SCOPE\tSTREAM\tPERMISSION"
	if flags.Probe {
		head += "\tGRANTED"
	}
	fmt.Fprintln(w, head)
	slices.SortStableFunc(rows, func(a, b scopeRow) int { return strings.Compare(a.group, b.group) })
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
	return exitCode(err, true), err
}

// probe finds out which of the streams the credential may read.
func probe(ctx context.Context, cfg *config.Config, client *harvest.Client, streams []*tap.Stream) (map[string]rights.Reach, error) {
	if err := cfg.CheckCredential(); err != nil {
		return nil, err
	}
	told, err := client.Introspect(ctx)
	if err != nil {
		return nil, err
	}
	var token rights.Token
	if told != nil {
		token = told
	}
	return rights.Probe(ctx, client, token, streams, cfg.Concurrency)
}

// checkPatience is how long check waits for an address that does not answer: a person is waiting,
// too.
const checkPatience = 15 * time.Second

// tryCredential reads one user, which takes the least permission, and says what is wrong in words
// that a person can act on.
func (p *program) tryCredential(ctx context.Context, cfg *config.Config, rotated func(string)) error {
	if err := cfg.CheckCredential(); err != nil {
		return err
	}
	cfg.RetryTime = min(cfg.RetryTime, checkPatience-time.Second) // so that it is the retries that end, and name the address
	cfg.Silence = min(cfg.Silence, checkPatience-2*time.Second)
	users, err := schemas.Load("users")
	if err != nil {
		return err
	}
	client := clientOf(cfg, p, nil, rotated)
	defer client.Close()
	s := users[0]
	r, err := rights.Ask(ctx, client, s)
	cred := harvest.Credential{UserID: cfg.User(), RefreshToken: cfg.Refresh()}
	op := "reading list " + s.Name
	switch {
	case err != nil:
		return err
	case r == rights.NotSiteAdmin:
		return tap.NoRights(op, cred.User())
	case r == rights.NoScope:
		return tap.Errorf(tap.Scope, op, "refused").WithHint("%s", cred.Forbidden(s.Scope))
	}
	return nil
}
