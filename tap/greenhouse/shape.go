package greenhouse

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

// Discover returns the catalog of all streams in a protocol, with the columns that the config asks
// for. With probe, streams that the credential may not read are marked. Without a credential there
// are no columns of custom fields, with a warning.
func (a *Account) Discover(ctx context.Context, p *Protocol, probe bool) ([]byte, error) {
	streams, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	reach := map[string]rights.Reach{}
	if probe {
		lists, err := schemas.Lists()
		if err != nil {
			return nil, err
		}
		if reach, err = a.Reach(ctx, lists); err != nil {
			return nil, err
		}
	}
	columns, err := a.listed(ctx, streams)
	if err != nil {
		return nil, err
	}
	var discovered []tap.Discovered
	for _, s := range streams {
		shape, err := shapeOf(s, columns, a.cfg, p.deletedAt)
		if err != nil {
			return nil, err
		}
		discovered = append(discovered,
			tap.Discovered{Stream: s, Shape: shape, OutOfReach: reach[s.Name].Missing()})
	}
	return p.catalog(discovered)
}

// shapeOf returns the shape of a stream's records under the config: with columns of custom fields,
// the policy's treatment of each column, and the columns that this program adds, for deletes and
// for contents.
func shapeOf(s *tap.Stream, columns *custom.Columns, cfg *config.Config,
	deletedAt string,
) (*record.Shape, error) {
	shape, err := columns.Shape(s)
	if err != nil {
		return nil, err
	}
	if cfg.Deletes != nil && !s.Local {
		shape = shape.With(record.Column{Name: deletedAt, Added: true, Shape: &record.Shape{
			Kinds: record.String | record.Null, Format: record.DateTime,
			Description: "When the tap found that the row is gone from Greenhouse; null while it exists.",
		}})
	}
	if s.Name == attachments.Stream && cfg.Attachments != nil {
		shape = attachments.Shape(shape)
	}
	if cfg.NewColumns == tap.Drop {
		shape = shape.WithUnknown(record.Drop, false)
	}
	fields := columns.Fields(s)
	return cfg.Exclude.Apply(s, cfg.Policy.Apply(s, shape, fields), fields), nil
}

// columns reads the definitions of custom fields if the config asks for columns, or names fields of
// one of the streams; otherwise it makes no request. What the config names must be defined.
func (a *Account) columns(ctx context.Context, streams []*tap.Stream) (*custom.Columns, error) {
	if !a.namesFields(streams) {
		return custom.Unread(), nil
	}
	columns, err := custom.Read(ctx, a.client, custom.Mode(a.cfg.CustomFields))
	if err != nil {
		return nil, err
	}
	if _, err := columns.Err(); err != nil {
		return columns, nil // streams with custom fields fail for that reason, or do without
	}
	all, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	for _, p := range []*privacy.Policy{a.cfg.Policy, a.cfg.Exclude} {
		if err := p.CheckFields(all, columns.Fields); err != nil {
			return nil, &tap.Error{Kind: tap.BadInput, Op: "config", Err: err}
		}
	}
	return columns, nil
}

// namesFields reports whether the columns of the streams depend on the definitions of custom
// fields.
func (a *Account) namesFields(streams []*tap.Stream) bool {
	return a.cfg.CustomFields != string(custom.Raw) || a.cfg.Policy.NamesFields(streams...) ||
		a.cfg.Exclude.NamesFields(streams...)
}

// listed is columns for discovery. Without a credential, or without the scope of the definitions,
// there are none. If they cannot be read for another reason, in whole or in part, that is an error:
// a catalog that lacks columns would deselect them.
func (a *Account) listed(ctx context.Context, streams []*tap.Stream) (*custom.Columns, error) {
	if !a.namesFields(streams) {
		return custom.Unread(), nil
	}
	err := a.cfg.CheckCredential(a.opts.KeepToken != nil)
	if err == nil {
		columns, err := a.columns(ctx, streams)
		if err != nil {
			return nil, err
		}
		if _, err = columns.Err(); tap.KindOf(err) != tap.Scope {
			return columns, err
		}
		a.opts.Log.Warn("custom fields are not listed: " + err.Error())
		return columns, nil
	}
	a.opts.Log.Warn("custom fields are not listed: " + err.Error())
	return custom.Unread(), nil
}
