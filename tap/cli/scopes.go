package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

type scopesFlags struct {
	Config string `help:"File with the config; it may name the streams." placeholder:"FILE"`
	Probe  bool   `help:"Ask what the credential has of them."`
	Format string `help:"Format: text or json." enum:"text,json" default:"text"`
}

// reach is whether a credential may read a list.
type reach string

// The words for it, in the table and in what check says.
const (
	unknownReach reach = ""
	inReach      reach = "yes"
	noScope      reach = "no scope"
	notSiteAdmin reach = "not Site Admin"
)

func (r reach) missing() bool { return r == noScope || r == notSiteAdmin }

// scopeRow is a line of the table.
type scopeRow struct {
	Stream string `json:"stream"`
	Scope  string `json:"scope"`
	Reach  reach  `json:"reach,omitzero"`
}

// scopes is the command that lists which scopes the chosen streams need, and what the credential has of them.
func (p *program) scopes(ctx context.Context, flags scopesFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return exitCode(err, false), err
	}
	streams, err := schemas.Load(cfg.streamNames...)
	if err != nil {
		return exitIncomplete, err
	}
	if cfg.CustomFields != "raw" && slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.CustomFields != nil }) &&
		!slices.ContainsFunc(streams, func(s *tap.Stream) bool { return s.Name == customFields }) {
		definitions, err := schemas.Load(customFields)
		if err != nil {
			return exitIncomplete, err
		}
		streams = append(streams, definitions...) // their columns need it
	}
	found := map[string]reach{}
	if flags.Probe {
		client := cfg.client(p, nil, nil)
		defer client.Close()
		if found, err = probe(ctx, cfg, client, streams); err != nil {
			return exitCode(err, false), err
		}
	}
	var rows []scopeRow
	for _, s := range streams {
		if s.SelectedByDefault() || len(cfg.streamNames) > 0 {
			rows = append(rows, scopeRow{s.Name, s.Scope, found[s.Name]})
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
	for _, r := range rows {
		if flags.Probe {
			fmt.Fprintf(w, "%s\t%s\t%s\n", r.Stream, r.Scope, r.Reach)
		} else {
			fmt.Fprintf(w, "[ ] %s\t%s\n", r.Scope, r.Stream)
		}
	}
	err = w.Flush()
	return exitCode(err, true), err
}

// probe finds out which of the streams the credential may read: by one introspection of its token where that tells, and else
// by one record of each list.
func probe(ctx context.Context, cfg *Config, client *harvest.Client, streams []*tap.Stream) (map[string]reach, error) {
	if err := cfg.checkCredential(); err != nil {
		return nil, err
	}
	in, err := client.Introspect(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]reach, len(streams))
	scopes, told := in.Scopes()
	var group errgroup.Group
	group.SetLimit(cfg.Concurrency)
	for i, s := range streams {
		switch {
		case told && in.SiteAdmin != nil && !*in.SiteAdmin:
			found[i] = notSiteAdmin
		case told && scopes[s.Scope]:
			found[i] = inReach
		case told:
			found[i] = noScope
		default:
			group.Go(func() error {
				var err error
				found[i], err = readOne(ctx, client, s)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]reach{}
	for i, s := range streams {
		byName[s.Name] = found[i]
	}
	return byName, nil
}

// readOne asks for one record of a list and tells whether it may be read. Failures other than a refusal are errors.
func readOne(ctx context.Context, client *harvest.Client, s *tap.Stream) (reach, error) {
	shape, err := s.Shape()
	if err != nil {
		return unknownReach, err
	}
	splitter := record.NewSplitter(shape, record.Options{})
	found := inReach
	err = client.Read(ctx, tap.Request{Stream: s, Params: s.Params, PerPage: 1}, func(page tap.Page) error {
		res, err := splitter.Split(page.Body)
		if err == nil && len(res.Records) == 0 && s.NeverEmpty {
			found = notSiteAdmin
		}
		if errors.Is(err, record.ErrDrift) {
			return nil
		}
		return err
	})
	switch {
	case tap.KindOf(err) == tap.Scope:
		return refusedReach(err), nil
	case err != nil:
		return unknownReach, err
	}
	return found, nil
}

// refusedReach tells from the API's own words why a list was refused, where they tell it.
func refusedReach(err error) reach {
	if strings.Contains(strings.ToLower(tap.Cause(err)), "site admin") {
		return notSiteAdmin
	}
	return noScope
}

// checkPatience is how long check waits for an address that does not answer: a person is waiting, too.
const checkPatience = 15 * time.Second

// tryCredential reads one user, which takes the least permission, and says what is wrong in words that a person can act on.
func (p *program) tryCredential(ctx context.Context, cfg *Config, rotated func(string)) error {
	if err := cfg.checkCredential(); err != nil {
		return err
	}
	cfg.maxRetryTime = min(cfg.maxRetryTime, checkPatience)
	cfg.requestTimeout = min(cfg.requestTimeout, checkPatience)
	users, err := schemas.Load("users")
	if err != nil {
		return err
	}
	client := cfg.client(p, nil, rotated)
	defer client.Close()
	s := users[0]
	r, err := readOne(ctx, client, s)
	cred := harvest.Credential{UserID: cfg.userID(), RefreshToken: cfg.refreshToken()}
	op := "reading list " + s.Name
	switch {
	case err != nil:
		return err
	case r == notSiteAdmin:
		return tap.NoRights(op, cred.User())
	case r == noScope:
		return tap.Errorf(tap.Scope, op, "refused").WithHint("%s", cred.Forbidden(s.Scope))
	}
	return nil
}
