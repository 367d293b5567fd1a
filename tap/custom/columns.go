package custom

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Stream is the stream of the definitions.
const Stream = "custom_fields"

// Err returns why the definitions could not be read, if other streams can be; and the scope that
// reading them needs.
func (c *Columns) Err() (scope string, err error) { return c.scope, c.err }

// Columns are the columns of custom fields.
type Columns struct {
	mode        Mode
	definitions map[string][]*definition
	inactive    map[string][]*definition
	taken       map[string]bool // names of columns, case-folded
	err         error           // why the definitions could not be read, if other streams can be
	scope       string          // the scope that reading them needs
}

// Mode is how custom fields come out.
type Mode string

// Raw leaves the fields in the API's single column, InColumns makes each a column, and Both does
// both.
const (
	Raw       Mode = "raw"
	InColumns Mode = "columns"
	Both      Mode = "both"
)

// Unread are the custom fields without their definitions, in the API's single column.
func Unread() *Columns { return &Columns{mode: Raw} }

// Read reads the definitions from their list. If only that list cannot be read, the error is kept:
// streams without custom fields can still be read.
func Read(ctx context.Context, source tap.Source, mode Mode) (*Columns, error) {
	c := &Columns{mode: mode}
	lists, err := schemas.Load(Stream)
	if err != nil {
		return nil, err
	}
	c.scope = lists[0].Scope
	all, err := readDefinitions(ctx, source, lists[0])
	switch tap.KindOf(err) {
	case tap.Scope, tap.Refused, tap.Unprocessable, tap.Server, tap.Origin, tap.CursorExpired:
		c.err = err
		return c, nil
	default:
		if err != nil {
			return nil, err
		}
	}
	streams, err := schemas.Lists()
	if err != nil {
		return nil, err
	}
	reserved := map[string]bool{}
	for _, s := range streams {
		if s.CustomFields == nil {
			continue
		}
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		for _, column := range shape.Columns {
			reserved[folded(s.CustomFields.FieldType, column.Name)] = true
		}
	}
	c.index(all, reserved)
	return c, nil
}

// Shape returns the shape of a stream's records, with the columns of its custom fields.
func (c *Columns) Shape(s *tap.Stream) (*record.Shape, error) {
	shape, err := s.Shape()
	if err != nil || s.CustomFields == nil || c.definitions == nil || c.mode == Raw {
		return shape, err
	}
	if c.mode == InColumns {
		shape = shape.Remove(s.CustomFields.Column)
	}
	var columns []record.Column
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		k, known := customKinds[d.ValueType]
		if !known {
			k.kinds = record.String
		}
		column := &record.Shape{
			Kinds: k.kinds | record.Null, Format: k.format,
			Description: fmt.Sprintf("Custom field %s (key %s).", d.Name, d.NameKey),
		}
		if d.Private {
			column.Description += " Private: only some users may see it."
		}
		if k.items != 0 {
			column.Items = &record.Shape{Kinds: k.items | record.Null}
		}
		columns = append(columns, record.Column{Name: d.column, Shape: column})
	}
	return shape.With(columns...), nil
}

// Fields returns the custom fields of a stream's records, hidden ones included, as far as their
// definitions were read.
func (c *Columns) Fields(s *tap.Stream) []privacy.Field {
	if s.CustomFields == nil {
		return nil
	}
	var fields []privacy.Field
	for _, of := range []map[string][]*definition{c.definitions, c.inactive} {
		for _, d := range of[s.CustomFields.FieldType] {
			fields = append(fields, privacy.Field{
				Key: d.NameKey, Column: d.column, Class: classOf(d.ValueType, s),
			})
		}
	}
	return fields
}

// Makes reports whether a stream has columns of custom fields, which need their definitions.
func (c *Columns) Makes(s *tap.Stream) bool { return s.CustomFields != nil && c.mode != Raw }

// Maker makes columns of custom fields. undefined says whether fields come out that are defined
// only after their definitions were read.
func (c *Columns) Maker(undefined bool) tap.Maker { return maker{c, undefined} }

type maker struct {
	*Columns
	undefined bool
}

// Make implements [tap.Maker].
func (m maker) Make(s *tap.Stream, shape *record.Shape, fields []string) (
	func(dst, page []byte) ([]byte, error), []string,
) {
	c := m.Columns
	switch {
	case s.CustomFields == nil:
		return nil, fields
	case c.mode == Raw:
		return guard(s, shape), fields
	case c.definitions == nil:
		return nil, fields
	}
	t := &transform{
		column: s.CustomFields.Column, fieldType: s.CustomFields.FieldType, taken: c.taken,
		keepRaw: c.mode == Both, onlyKnown: !m.undefined,
		wanted: map[string]*definition{}, ignored: map[string]bool{},
	}
	for _, d := range c.inactive[s.CustomFields.FieldType] {
		t.ignored[d.NameKey] = true
	}
	custom := map[string]bool{}
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		custom[d.column] = true
		if column := shape.Column(d.column); column != nil && column.Treatment != record.Drop {
			t.wanted[d.NameKey] = d
			delete(t.ignored, d.NameKey)
			continue
		}
		t.ignored[d.NameKey] = true
	}
	var request []string
	partial := false
	for _, column := range shape.Columns {
		switch {
		case column.Added, custom[column.Name],
			column.Treatment == record.Drop && column.Name != t.column &&
				strings.HasPrefix(column.Name, customPrefix):
			// The API does not have it.
		case column.Treatment == record.Drop && (column.Name != t.column || len(t.wanted) == 0):
			partial = true
		case column.Treatment != record.Drop:
			request = append(request, column.Name)
		}
	}
	if len(t.wanted) > 0 && !slices.Contains(request, t.column) {
		request = append(request, t.column)
	}
	if !partial {
		return t.page, nil
	}
	t.onlyKnown = true
	return t.page, request
}
