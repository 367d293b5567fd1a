// Package rights finds out which lists a credential may read: from the introspection of its token,
// or by asking each list for one record. It does not know HTTP.
package rights

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Reach is whether a credential may read a list, in words for people.
type Reach string

// The answers. Unknown means that it was not asked.
const (
	Unknown      Reach = ""
	Yes          Reach = "yes"
	NoScope      Reach = "no scope"
	NotSiteAdmin Reach = "not Site Admin"
)

// Missing reports whether the list may not be read.
func (r Reach) Missing() bool { return r == NoScope || r == NotSiteAdmin }

// Token is what the API says about a token.
type Token interface {
	// Scopes returns the scopes of the token; false if the API does not say.
	Scopes() (scopes map[string]bool, told bool)
	// Identity returns whose token it is.
	Identity() tap.Identity
}

// Told returns for each stream whether it may be read, according to the token alone; nil if it does
// not say.
func Told(token Token, streams []*tap.Stream) map[string]Reach {
	scopes, told := token.Scopes()
	if !told {
		return nil
	}
	admin, known := token.Identity().SiteAdmin()
	found := map[string]Reach{}
	for _, s := range streams {
		switch {
		case !scopes[s.Scope]:
			found[s.Name] = NoScope
		case known && !admin:
			found[s.Name] = NotSiteAdmin
		default:
			found[s.Name] = Yes
		}
	}
	return found
}

// Probe returns for each stream whether it may be read. If token is nil because the API says
// nothing, each list is asked for one record, with limited concurrency.
func Probe(ctx context.Context, source tap.Source, token Token, streams []*tap.Stream,
	concurrency int,
) (map[string]Reach, error) {
	found := make([]Reach, len(streams))
	var scopes map[string]bool
	told, admin := false, true
	if token != nil {
		scopes, told = token.Scopes()
		if is, known := token.Identity().SiteAdmin(); told && known && !is {
			var err error
			if admin, err = readsAny(ctx, source, scopes, streams); err != nil {
				return nil, err
			}
		}
	}
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i, s := range streams {
		switch {
		case told && !admin:
			found[i] = NotSiteAdmin
		case told && scopes[s.Scope]:
			found[i] = Yes
		case told:
			found[i] = NoScope
		default:
			group.Go(func() (err error) {
				found[i], err = Ask(ctx, source, s)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]Reach{}
	for i, s := range streams {
		byName[s.Name] = found[i]
	}
	return byName, nil
}

// Ask asks a list for one record and reports whether it may be read. Failures other than a refusal
// are errors.
func Ask(ctx context.Context, source tap.Source, s *tap.Stream) (Reach, error) {
	shape, err := s.Shape()
	if err != nil {
		return Unknown, err
	}
	splitter := record.NewSplitter(shape, record.Options{})
	found := Yes
	err = source.Read(ctx, tap.Request{Stream: s, Params: s.Params, PerPage: 1},
		func(page tap.Page) error {
			res, err := splitter.Split(page.Body)
			if err == nil && res.Rows == 0 && s.NeverEmpty {
				found = NotSiteAdmin
			}
			if errors.Is(err, record.ErrDrift) {
				return nil
			}
			return err
		})
	switch {
	case tap.KindOf(err) == tap.Scope &&
		strings.Contains(strings.ToLower(tap.Cause(err)), "site admin"):
		return NotSiteAdmin, nil // in the API's own words
	case tap.KindOf(err) == tap.Scope:
		return NoScope, nil
	case err != nil:
		return Unknown, err
	}
	return found, nil
}

// readsAny reports whether a list can be read, of those that the scopes allow: a role by another
// name may do so, too.
func readsAny(ctx context.Context, source tap.Source, scopes map[string]bool,
	streams []*tap.Stream,
) (bool, error) {
	i := slices.IndexFunc(streams, func(s *tap.Stream) bool { return scopes[s.Scope] })
	if i < 0 {
		return false, nil
	}
	if n := slices.IndexFunc(streams, func(s *tap.Stream) bool {
		return scopes[s.Scope] && s.NeverEmpty
	}); n >= 0 {
		i = n
	}
	reach, err := Ask(ctx, source, streams[i])
	return reach == Yes, err
}
