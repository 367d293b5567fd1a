// Package rights finds out which lists a credential may read: from the introspection of its token,
// or by asking each list for one record. It does not know HTTP.
package rights

import (
	"context"
	"errors"
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

// Granted returns for each stream whether it may be read, according to the scopes of a token and
// the user's role; nil if the API does not tell the scopes.
func Granted(scopes map[string]bool, who tap.Identity, streams []*tap.Stream) map[string]Reach {
	if scopes == nil {
		return nil
	}
	admin, known := who.SiteAdmin()
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

// Probe returns for each stream whether it may be read. Where scopes is nil, because the API does
// not tell them, each list is asked for one record, with limited concurrency.
func Probe(ctx context.Context, source tap.Source, scopes map[string]bool, who tap.Identity,
	streams []*tap.Stream, concurrency int,
) (map[string]Reach, error) {
	if scopes == nil {
		return askAll(ctx, source, streams, concurrency)
	}
	if admin, known := who.SiteAdmin(); admin || !known {
		return Granted(scopes, who, streams), nil
	}
	reads, err := readsAny(ctx, source, scopes, streams)
	if err != nil {
		return nil, err
	}
	if reads {
		// The role is a Site Admin's by another name.
		return Granted(scopes, tap.Identity{}, streams), nil
	}
	found := map[string]Reach{}
	for _, s := range streams {
		found[s.Name] = NotSiteAdmin
	}
	return found, nil
}

// askAll asks each list.
func askAll(
	ctx context.Context, source tap.Source, streams []*tap.Stream, concurrency int,
) (map[string]Reach, error) {
	found := make([]Reach, len(streams))
	var group errgroup.Group
	group.SetLimit(concurrency)
	for i, s := range streams {
		group.Go(func() (err error) {
			found[i], err = Ask(ctx, source, s)
			return err
		})
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
// name may do so, too. It prefers a list that is never empty, whose answer is beyond doubt.
func readsAny(ctx context.Context, source tap.Source, scopes map[string]bool,
	streams []*tap.Stream,
) (bool, error) {
	var asked *tap.Stream
	for _, s := range streams {
		if scopes[s.Scope] && (asked == nil || s.NeverEmpty) {
			asked = s
		}
	}
	if asked == nil {
		return false, nil
	}
	reach, err := Ask(ctx, source, asked)
	return reach == Yes, err
}
