package cli

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// shapeOf is the shape of a stream's records as the config wants them: with columns of custom
// fields, the treatment that the policy has for each column, and the columns that this program
// makes: when a row was found gone, and those of contents.
func shapeOf(s *tap.Stream, columns *custom.Columns, cfg *config.Config, deletedAt string) (*record.Shape, error) {
	shape, err := columns.Shape(s)
	if err != nil {
		return nil, err
	}
	if cfg.Ledger != nil {
		shape = shape.With(record.Column{Name: deletedAt, Made: true, Shape: &record.Shape{
			Kinds: record.String | record.Null, Format: record.DateTime, Description: "When the row was found gone from Greenhouse; null while it is there.",
		}})
	}
	if s.Name == attachments.Stream && cfg.Files != nil {
		shape = attachments.Shape(shape)
	}
	return cfg.Policy.Apply(s, shape, func(column string) string { return columns.Class(s, column) }), nil
}

// columnsOf reads the definitions of custom fields where the config asks for columns; nothing is
// requested where it does not.
func columnsOf(ctx context.Context, cfg *config.Config, source tap.Source) (*custom.Columns, error) {
	if cfg.CustomFields == "raw" {
		return custom.Raw(), nil
	}
	return custom.Read(ctx, source, cfg.CustomFields != "columns")
}

// columns is columnsOf for discovery: without a credential, and where the definitions cannot be
// read, there are no columns, and a warning says so.
func (p *program) columns(ctx context.Context, cfg *config.Config, source tap.Source) (*custom.Columns, error) {
	if cfg.CustomFields == "raw" {
		return custom.Raw(), nil
	}
	columns := custom.Raw()
	err := cfg.CheckCredential()
	if err == nil {
		if columns, err = columnsOf(ctx, cfg, source); err != nil {
			return nil, err
		}
		_, err = columns.Err()
	}
	if err != nil {
		p.log.Warn("custom fields are not listed: " + err.Error())
	}
	return columns, nil
}
