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
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Stream is the stream of the definitions.
const Stream = "custom_fields"

// customPrefix stands before the name of a custom field's own column.
const customPrefix = "custom_"

// definition is a row of the list custom_fields, as far as it is needed here.
type definition struct {
	ID        int64  `json:"id"`
	FieldType string `json:"field_type"`
	NameKey   string `json:"name_key"`
	Name      string `json:"name"`
	ValueType string `json:"value_type"`
	Active    *bool  `json:"active"`
	Private   bool   `json:"private"`

	column string // the name of its own column
}

// Err is why the definitions could not be read, where other streams can; nil for no reason. Scope
// is what reading them needs.
func (c *Columns) Err() (scope string, err error) { return c.scope, c.err }

// Columns makes columns of custom fields.
type Columns struct {
	raw         bool // the fields stay in the one column that the API has
	definitions map[string][]*definition
	inactive    map[string]map[string]bool
	taken       map[string]bool // names of columns, folded
	err         error           // why the definitions could not be read, where other streams can
	scope       string          // what reading them needs
}

// Raw is where the fields stay in the one column that the API has.
func Raw() *Columns { return &Columns{raw: true} }

// Read reads the definitions from their list, and makes a column of each. raw keeps the one column
// that the API has as well. Where that list alone cannot be read, the error is kept: streams
// without custom fields can be read all the same.
func Read(ctx context.Context, source tap.Source, raw bool) (*Columns, error) {
	c := &Columns{raw: raw}
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
	}
	if err != nil {
		return nil, err
	}
	streams, err := schemas.Load()
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

func readDefinitions(ctx context.Context, source tap.Source, list *tap.Stream) ([]*definition, error) {
	var all []*definition
	req := tap.Request{Stream: list}
	for {
		var rows []*definition
		err := source.Read(ctx, req, func(page tap.Page) error {
			req.Cursor = page.Next
			rows = nil
			if err := json.Unmarshal(page.Body, &rows, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
				return &record.MalformedError{What: "unreadable definitions of custom fields"}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the definitions of custom fields: %w", err)
		}
		all = append(all, rows...)
		if req.Cursor == "" {
			return all, nil
		}
	}
}

// index gives each definition its column. Where two would have the same name, in whatever case, the
// one with the lower number has it, and the other its number behind. One that is no longer active
// keeps its name from others all the same, and columns of the API have theirs anyway: so it comes
// out the same every time. Where two have the same key, the active one counts.
func (c *Columns) index(all []*definition, taken map[string]bool) {
	c.definitions, c.inactive, c.taken = map[string][]*definition{}, map[string]map[string]bool{}, taken
	slices.SortFunc(all, func(a, b *definition) int {
		return cmp.Or(cmp.Compare(a.FieldType, b.FieldType), cmp.Compare(a.NameKey, b.NameKey), order(a.inactive(), b.inactive()), cmp.Compare(a.ID, b.ID))
	})
	all = slices.CompactFunc(all, func(a, b *definition) bool { return a.FieldType == b.FieldType && a.NameKey == b.NameKey })
	slices.SortFunc(all, func(a, b *definition) int { return cmp.Compare(a.ID, b.ID) })
	for _, d := range all {
		d.column = columnName(d.NameKey)
		for name, mark := d.column, strconv.FormatInt(d.ID, 10); taken[folded(d.FieldType, d.column)]; mark += "_" {
			d.column = distinct(name, mark)
		}
		taken[folded(d.FieldType, d.column)] = true
		if !d.inactive() {
			c.definitions[d.FieldType] = append(c.definitions[d.FieldType], d)
			continue
		}
		if c.inactive[d.FieldType] == nil {
			c.inactive[d.FieldType] = map[string]bool{}
		}
		c.inactive[d.FieldType][d.NameKey] = true
	}
}

func (d *definition) inactive() bool { return d.Active != nil && !*d.Active }

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// folded is a column's name as warehouses compare it, which take no notice of case.
func folded(fieldType, column string) string { return fieldType + ":" + strings.ToLower(column) }

// identifier makes a name that every warehouse takes.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// maxIdentifier is how long a name may be in PostgreSQL, in bytes. What is beyond it is cut there
// without a word, so that two long names become one.
const maxIdentifier = 63

// columnName is the name of the column of a custom field, short enough for PostgreSQL: a long one
// ends in a mark of its whole.
func columnName(key string) string {
	name := customPrefix + identifier(key)
	if len(name) <= maxIdentifier {
		return name
	}
	sum := sha256.Sum256([]byte(key))
	mark := "_" + hex.EncodeToString(sum[:4])
	return name[:maxIdentifier-len(mark)] + mark
}

// distinct is the name with something behind it that tells it from the same name of another field,
// within the same length.
func distinct(name, what string) string {
	what = "_" + what
	return name[:min(len(name), maxIdentifier-len(what))] + what
}

// customKinds are the kinds of value of each value_type. Options come as their labels, users as
// their numbers, ranges and currencies as objects. The kinds of HR systems (hris) come masked, so
// they are texts.
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
	if err != nil || s.CustomFields == nil || c.definitions == nil {
		return shape, err
	}
	if !c.raw {
		shape = shape.Remove(s.CustomFields.Column)
	}
	var columns []record.Column
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		k, known := customKinds[d.ValueType]
		if !known {
			k.kinds = record.String
		}
		column := &record.Shape{Kinds: k.kinds | record.Null, Format: k.format, Description: "Custom field: " + d.Name + "."}
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

// Class is the class of personal data of a custom field's own column: by its value type where that
// tells, else that of the column in which the API has the fields. Empty for a column that is none
// of a custom field.
func (c *Columns) Class(s *tap.Stream, column string) string {
	if s.CustomFields == nil {
		return ""
	}
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		if d.column != column {
			continue
		}
		switch {
		case strings.HasPrefix(d.ValueType, "date_of_birth"):
			return privacy.Demographic
		case strings.HasSuffix(d.ValueType, "_hris"):
			return privacy.Contact
		case strings.HasPrefix(d.ValueType, "currency") && slices.Contains([]string{"offer", "job", "opening"}, d.FieldType):
			return privacy.Pay
		case customKinds[d.ValueType].kinds&record.String != 0 && d.ValueType != "single_select" && d.ValueType != "date":
			return privacy.FreeText
		}
		return s.PersonalData[s.CustomFields.Column]
	}
	return ""
}

// Apply has the selection's pages turned into ones with columns of custom fields, where there is
// something to be done. The selection's fields become those of the API that this needs.
func (c *Columns) Apply(sel *tap.Selection) {
	s := sel.Stream
	if s.CustomFields == nil {
		return
	}
	if sel.Err = c.err; c.definitions == nil {
		return
	}
	t := &transform{
		column: s.CustomFields.Column, fieldType: s.CustomFields.FieldType, taken: c.taken, keepRaw: c.raw,
		wanted: map[string]*definition{}, ignored: map[string]bool{},
	}
	for key := range c.inactive[s.CustomFields.FieldType] {
		t.ignored[key] = true
	}
	custom := map[string]bool{}
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		custom[d.column] = true
		if column := sel.Shape.Column(d.column); column != nil && column.Treatment != record.Drop {
			t.wanted[d.NameKey] = d
			delete(t.ignored, d.NameKey)
			continue
		}
		t.ignored[d.NameKey] = true
	}
	var fields []string
	partial := false
	for _, column := range sel.Shape.Columns {
		switch {
		case custom[column.Name], column.Treatment == record.Drop && column.Name != t.column && strings.HasPrefix(column.Name, customPrefix):
			// The API knows nothing of it: whether it comes out is not the API's matter.
		case column.Treatment == record.Drop && (column.Name != t.column || len(t.wanted) == 0):
			partial = true
		case column.Treatment != record.Drop:
			fields = append(fields, column.Name)
		}
	}
	if len(t.wanted) > 0 && !slices.Contains(fields, t.column) {
		fields = append(fields, t.column)
	}
	sel.Fields = nil
	if partial {
		sel.Fields, t.onlyKnown = fields, true
	}
	sel.Transform = t.page
}
