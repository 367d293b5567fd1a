package greenhouse

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// choose makes the query of each stream that is chosen. columns returns the columns of their custom
// fields.
func (r *Run) choose(ctx context.Context, lookup tap.Lookup,
	columns func(context.Context, []*tap.Stream) (*custom.Columns, error),
) error {
	choices, err := r.choices(lookup)
	if err != nil {
		return err
	}
	var streams []*tap.Stream
	for _, choice := range choices {
		streams = append(streams, choice.Stream)
	}
	if r.columns, err = columns(ctx, streams); err != nil {
		return err
	}
	for _, choice := range choices {
		q, err := r.query(choice)
		if err != nil {
			return err
		}
		for _, note := range q.Notes {
			r.opts.Log.Warn(note, "stream", q.Stream.Name)
		}
		r.queries = append(r.queries, q)
	}
	return nil
}

// lookupOf returns a lookup that reads the file of each stream once.
func lookupOf() tap.Lookup {
	known := map[string]*tap.Stream{}
	return func(name string) *tap.Stream {
		if s, ok := known[name]; ok {
			return s
		}
		var stream *tap.Stream
		if loaded, err := schemas.Load(name); err == nil && name != "" {
			stream = loaded[0]
		}
		known[name] = stream
		return stream
	}
}

// choices returns those of the catalog, or without one, the streams of the config.
func (r *Run) choices(lookup tap.Lookup) ([]*tap.Choice, error) {
	if r.read.Catalog != nil {
		choices, err := r.read.Protocol.parseCatalog(r.read.Catalog, lookup)
		if err != nil {
			return nil, config.Misread("catalog "+r.read.CatalogName, err, r.read.Catalog)
		}
		return choices, r.anyThere(choices)
	}
	names := r.cfg.Streams
	if len(names) == 0 {
		names = schemas.Names()
	}
	var choices []*tap.Choice
	for _, name := range names {
		if s := lookup(name); len(r.cfg.Streams) > 0 || s.SelectedByDefault() {
			choices = append(choices, &tap.Choice{Stream: s})
		}
	}
	return choices, nil
}

// anyThere returns an error if a catalog selects nothing but streams that do not exist.
func (r *Run) anyThere(choices []*tap.Choice) error {
	var gone []string
	for _, choice := range choices {
		if tap.KindOf(choice.Err) != tap.Gone {
			return nil
		}
		gone = append(gone, choice.Stream.Name)
	}
	if len(gone) == 0 {
		return nil
	}
	return tap.Errorf(tap.BadInput, "catalog "+r.read.CatalogName,
		"it selects nothing but streams that do not exist: %s", tap.Few(gone, most)).
		WithHint("refresh the catalog")
}

// query returns the query for a choice.
func (r *Run) query(choice *tap.Choice) (*tap.Query, error) {
	s := choice.Stream
	if choice.Err != nil {
		return choice.Select(nil, nil), nil
	}
	shape, err := shapeOf(s, r.columns, r.cfg, r.read.Protocol.deletedAt)
	if err != nil {
		return nil, err
	}
	if r.contract != nil {
		shape = r.contract.Listing(s.Name, shape)
	}
	if _, err := r.columns.Err(); err != nil && (r.columns.Makes(s) ||
		r.cfg.Policy.NeedsDefinitions(s) || r.cfg.Exclude.NeedsDefinitions(s)) {
		choice.Err = err
	}
	undefined := max(r.cfg.Policy.UndefinedField(s), r.cfg.Exclude.UndefinedField(s))
	return choice.Select(shape, r.columns.Maker(undefined == record.Keep)), nil
}
