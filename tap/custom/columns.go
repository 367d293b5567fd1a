package custom

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Stream is the stream of the definitions.
const Stream = "custom_fields"

// customPrefix precedes the name of a custom field's column.
const customPrefix = "custom_"

// definition is the part of a row of custom_fields that is needed here.
type definition struct {
	ID        int64  `json:"id"`
	FieldType string `json:"field_type"`
	NameKey   string `json:"name_key"`
	Name      string `json:"name"`
	ValueType string `json:"value_type"`
	Active    *bool  `json:"active"`
	Private   bool   `json:"private"`

	column string // the name of its column
}

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

func readDefinitions(
	ctx context.Context, source tap.Source, list *tap.Stream,
) ([]*definition, error) {
	var all []*definition
	req := tap.Request{Stream: list}
	var circle tap.Circle
	for {
		var rows []*definition
		err := source.Read(ctx, req, func(page tap.Page) error {
			req.Cursor = page.Next
			rows = nil
			if err := json.Unmarshal(page.Body, &rows, record.Tolerant); err != nil {
				return &record.MalformedError{What: "unreadable definitions of custom fields"}
			}
			return nil
		})
		if err != nil && tap.KindOf(err) == tap.Scope && len(all) > 0 {
			// The scope was taken away meanwhile: half of the definitions are not those that it
			// has.
			err = &tap.Error{Kind: tap.Refused, Op: "after a first page", Err: err}
		}
		if err == nil {
			err = circle.Next(list.Name, req.Cursor)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the definitions of custom fields: %w", err)
		}
		for _, d := range rows {
			if d != nil && d.NameKey != "" { // else it defines nothing
				all = append(all, d)
			}
		}
		if req.Cursor == "" {
			return all, nil
		}
	}
}

// index gives each definition its column, the same one every time. If two would have the same name,
// ignoring case, the one with the lower number gets it, and the other name ends in its number.
// Inactive definitions keep their names, and columns of the API always have theirs. If two have the
// same key, the active one counts.
func (c *Columns) index(all []*definition, taken map[string]bool) {
	c.definitions, c.inactive = map[string][]*definition{}, map[string][]*definition{}
	c.taken = taken
	slices.SortFunc(all, func(a, b *definition) int {
		return cmp.Or(cmp.Compare(a.FieldType, b.FieldType), cmp.Compare(a.NameKey, b.NameKey),
			order(a.inactive(), b.inactive()), cmp.Compare(a.ID, b.ID))
	})
	all = slices.CompactFunc(all,
		func(a, b *definition) bool { return a.FieldType == b.FieldType && a.NameKey == b.NameKey })
	slices.SortFunc(all, func(a, b *definition) int { return cmp.Compare(a.ID, b.ID) })
	for _, d := range all {
		d.column = columnName(d.NameKey)
		name, number := d.column, strconv.FormatInt(d.ID, 10)
		for taken[folded(d.FieldType, d.column)] {
			d.column = distinct(name, number)
			number += "_"
		}
		taken[folded(d.FieldType, d.column)] = true
		if !d.inactive() {
			c.definitions[d.FieldType] = append(c.definitions[d.FieldType], d)
			continue
		}
		c.inactive[d.FieldType] = append(c.inactive[d.FieldType], d)
	}
}

func (d *definition) inactive() bool { return d.Active != nil && !*d.Active }

// order sorts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// folded returns a name as warehouses compare it, ignoring case.
func folded(fieldType, column string) string { return fieldType + ":" + strings.ToLower(column) }

// identifier makes a name that every warehouse accepts.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// maxIdentifier is PostgreSQL's maximum length of a name, in bytes. It silently truncates longer
// names, so that two of them can become the same.
const maxIdentifier = 63

// columnName returns the name of a custom field's column, short enough for PostgreSQL: a long name
// ends in a hash of the whole.
func columnName(key string) string {
	name := customPrefix + identifier(key)
	if len(name) <= maxIdentifier {
		return name
	}
	sum := sha256.Sum256([]byte(key))
	mark := "_" + hex.EncodeToString(sum[:4])
	return name[:maxIdentifier-len(mark)] + mark
}

// distinct returns the name with a suffix that distinguishes it from the same name of another
// field, within the maximum length.
func distinct(name, what string) string {
	what = "_" + what
	return name[:min(len(name), maxIdentifier-len(what))] + what
}

// customKinds are the kinds of value of each value_type. Options are labels, users are numbers,
// ranges and currencies are objects. The kinds of HR systems (hris) are masked, so they are
// strings.
var customKinds = map[string]struct {
	kinds  record.Kinds
	format record.Format
	items  record.Kinds
}{
	"short_text":                 {kinds: record.String},
	"long_text":                  {kinds: record.String},
	"rich_text":                  {kinds: record.String},
	"url":                        {kinds: record.String},
	"header":                     {kinds: record.String},
	"statement":                  {kinds: record.String},
	"attachment":                 {kinds: record.String},
	"yes_no":                     {kinds: record.Boolean},
	"number":                     {kinds: record.Number},
	"single_select":              {kinds: record.String},
	"multi_select":               {kinds: record.Array, items: record.String},
	"user":                       {kinds: record.Integer},
	"linked":                     {kinds: record.Integer},
	"date":                       {kinds: record.String, format: record.Date},
	"date_of_birth":              {kinds: record.String, format: record.Date},
	"currency":                   {kinds: record.Object},
	"currency_range":             {kinds: record.Object},
	"number_range":               {kinds: record.Object},
	"address_hris":               {kinds: record.String},
	"date_of_birth_hris":         {kinds: record.String},
	"phone_number_hris":          {kinds: record.String},
	"national_tax_identity_hris": {kinds: record.String},
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
				Key: d.NameKey, Column: d.column,
				Class: classOf(d.ValueType, s),
			})
		}
	}
	return fields
}

// classOf returns the class of personal data of a custom field: from its value type if that is
// enough, or else that of the API's column.
func classOf(valueType string, s *tap.Stream) string {
	switch {
	case strings.HasPrefix(valueType, "date_of_birth"):
		return privacy.Demographic
	case strings.HasSuffix(valueType, "_hris"):
		return privacy.Contact
	case strings.HasPrefix(valueType, "currency") &&
		slices.Contains([]string{"offer", "job", "opening"}, s.CustomFields.FieldType):
		return privacy.Pay
	case customKinds[valueType].kinds&record.String != 0 && valueType != "single_select" &&
		valueType != "date":
		return privacy.FreeText
	}
	return s.PersonalData[s.CustomFields.Column]
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
		case column.Made, custom[column.Name], column.Treatment == record.Drop && column.Name != t.column &&
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
