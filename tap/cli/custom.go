package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

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

	column string // the name of its own column
}

// customColumns makes columns of custom fields, where the config asks for them.
type customColumns struct {
	raw         bool // the fields stay in the one column that the API has
	definitions map[string][]*definition
	inactive    map[string]map[string]bool
}

// columns reads the definitions of custom fields with a client of its own; see columnsOf.
func (p *program) columns(ctx context.Context, cfg *Config) (*customColumns, error) {
	if cfg.CustomFields == "raw" {
		return &customColumns{raw: true}, nil
	}
	if err := cfg.checkCredential(); err != nil {
		return nil, err
	}
	client := cfg.client(p, nil, nil)
	defer client.Close()
	return p.columnsOf(ctx, cfg, client)
}

// columnsOf reads the definitions of custom fields where the config asks for columns; nothing is requested where it does not.
func (p *program) columnsOf(ctx context.Context, cfg *Config, client *harvest.Client) (*customColumns, error) {
	c := &customColumns{raw: cfg.CustomFields != "columns"}
	if cfg.CustomFields == "raw" {
		return c, nil
	}
	streams, err := schemas.Load("custom_fields")
	if err != nil {
		return nil, err
	}
	var all []*definition
	req := tap.Request{Stream: streams[0]}
	for {
		var rows []*definition
		err := client.Read(ctx, req, func(page tap.Page) error {
			req.Cursor = page.Next
			rows = nil
			if err := json.Unmarshal(page.Body, &rows, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
				return &record.MalformedError{What: "definitions of custom fields that cannot be read"}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the definitions of custom fields: %w", err)
		}
		all = append(all, rows...)
		if req.Cursor == "" {
			break
		}
	}
	c.index(all)
	return c, nil
}

// index gives each active definition its column. Where two would have the same name, in whatever case, the one with the lower number
// has it, and the other its number behind: so it comes out the same every time.
func (c *customColumns) index(all []*definition) {
	c.definitions, c.inactive = map[string][]*definition{}, map[string]map[string]bool{}
	slices.SortFunc(all, func(a, b *definition) int { return int(a.ID - b.ID) })
	taken := map[string]bool{}
	for _, d := range all {
		if d.Active != nil && !*d.Active {
			if c.inactive[d.FieldType] == nil {
				c.inactive[d.FieldType] = map[string]bool{}
			}
			c.inactive[d.FieldType][d.NameKey] = true
			continue
		}
		d.column = customPrefix + identifier(d.NameKey)
		// Two columns of the API begin like this: custom_fields, and custom_location_id.
		if folded := d.FieldType + ":" + strings.ToLower(d.column); taken[folded] || d.column == "custom_fields" {
			d.column = fmt.Sprintf("%s_%d", d.column, d.ID)
		}
		taken[d.FieldType+":"+strings.ToLower(d.column)] = true
		c.definitions[d.FieldType] = append(c.definitions[d.FieldType], d)
	}
}

// identifier makes a name that every warehouse takes.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// customKinds are the kinds of value of each value_type. Users and options come as their numbers, ranges and currencies as objects.
var customKinds = map[string]struct {
	kinds  record.Kinds
	format record.Format
	items  record.Kinds
}{
	"short_text":     {kinds: record.String},
	"long_text":      {kinds: record.String},
	"rich_text":      {kinds: record.String},
	"url":            {kinds: record.String},
	"header":         {kinds: record.String},
	"statement":      {kinds: record.String},
	"attachment":     {kinds: record.String},
	"yes_no":         {kinds: record.Boolean},
	"number":         {kinds: record.Number},
	"single_select":  {kinds: record.Integer},
	"user":           {kinds: record.Integer},
	"linked":         {kinds: record.Integer},
	"multi_select":   {kinds: record.Array, items: record.Integer},
	"date":           {kinds: record.String, format: record.Date},
	"date_of_birth":  {kinds: record.String, format: record.Date},
	"currency":       {kinds: record.Object},
	"currency_range": {kinds: record.Object},
	"number_range":   {kinds: record.Object},
}

// shape returns the shape of a stream's records, with the columns of its custom fields.
func (c *customColumns) shape(s *tap.Stream) (*record.Shape, error) {
	shape, err := s.Shape()
	if err != nil || s.CustomFields == nil || c.definitions == nil {
		return shape, err
	}
	if !c.raw {
		shape = shape.Lacking(s.CustomFields.Column)
	}
	var columns []record.Column
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		k, known := customKinds[d.ValueType]
		if !known {
			k.kinds = record.String
		}
		column := &record.Shape{Kinds: k.kinds | record.Null, Format: k.format, Description: "Custom field: " + d.Name + "."}
		if k.items != 0 {
			column.Items = &record.Shape{Kinds: k.items | record.Null}
		}
		columns = append(columns, record.Column{Name: d.column, Shape: column})
	}
	return shape.With(columns...), nil
}

// transform returns what turns a page of the API into one with columns of custom fields; nil where nothing is to be done. The selection's
// fields become those of the API that this needs.
func (c *customColumns) transform(sel *tap.Selection) func(dst, page []byte) ([]byte, error) {
	s := sel.Stream
	if s.CustomFields == nil || c.definitions == nil {
		return nil
	}
	t := &customTransform{column: s.CustomFields.Column, keepRaw: c.raw, wanted: map[string]*definition{}, ignored: map[string]bool{}}
	for key := range c.inactive[s.CustomFields.FieldType] {
		t.ignored[key] = true
	}
	custom := map[string]bool{}
	for _, d := range c.definitions[s.CustomFields.FieldType] {
		custom[d.column] = true
		if column := sel.Shape.Column(d.column); column != nil && !column.Drop {
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
		case custom[column.Name]:
		case column.Drop && (column.Name != t.column || len(t.wanted) == 0):
			partial = true
		case !column.Drop:
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
	return t.page
}

// customTransform turns the custom fields of records into columns.
type customTransform struct {
	column    string
	keepRaw   bool
	onlyKnown bool
	wanted    map[string]*definition // by the key under which records carry them
	ignored   map[string]bool
}

// page appends the page with the columns to dst. It reads the page strictly enough for what comes after it: whatever is no array of
// objects is passed on as it is, to be refused there.
func (t *customTransform) page(dst, page []byte) ([]byte, error) {
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	dec := jsontext.NewDecoder(bytes.NewReader(page), lenient...)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return append(dst, page...), nil
	}
	dst = append(dst, '[')
	for n := 0; dec.PeekKind() == '{'; n++ {
		row, err := dec.ReadValue()
		if err != nil {
			return append(dst[:0], page...), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, err = t.row(dst, row, lenient); err != nil {
			return append(dst[:0], page...), nil
		}
	}
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != ']' {
		return append(dst[:0], page...), nil
	}
	return append(dst, ']'), nil
}

func (t *customTransform) row(dst []byte, row jsontext.Value, lenient []jsontext.Options) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(row), lenient...)
	if _, err := dec.ReadToken(); err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	sep := ""
	member := func(name string, value []byte) {
		dst = append(dst, sep...)
		dst, _ = jsontext.AppendQuote(dst, name)
		dst = append(dst, ':')
		dst = append(dst, value...)
		sep = ","
	}
	var fields jsontext.Value
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return dst, err
		}
		name := tok.String()
		value, err := dec.ReadValue()
		if err != nil {
			return dst, err
		}
		if name == t.column {
			fields = bytes.Clone(value)
			if !t.keepRaw {
				continue
			}
		}
		member(name, value)
	}
	var values map[string]struct {
		Value jsontext.Value `json:"value"`
	}
	if fields.Kind() == '{' {
		if err := json.Unmarshal(fields, &values, lenient...); err != nil {
			return append(dst, '}'), nil // of another form than was ever seen: the raw column, if wanted, holds it
		}
	}
	for _, key := range sortedKeys(t.wanted) {
		if _, ok := values[key]; !ok {
			member(t.wanted[key].column, []byte("null"))
		}
	}
	for _, key := range sortedKeys(values) {
		value := values[key].Value
		d, known := t.wanted[key]
		switch {
		case known:
			member(d.column, d.value(value))
		case t.ignored[key] || t.onlyKnown || len(value) == 0 || value.Kind() == 'n':
		default:
			member(customPrefix+identifier(key), value) // defined since the definitions were read
		}
	}
	return append(dst, '}'), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// value is what stands in the column: users and options as their numbers, also where they come with more.
func (d *definition) value(v jsontext.Value) jsontext.Value {
	if len(v) == 0 {
		return jsontext.Value("null")
	}
	switch d.ValueType {
	case "user", "single_select", "linked":
		return numberOf(v)
	case "multi_select":
		var items []jsontext.Value
		if v.Kind() != '[' || json.Unmarshal(v, &items) != nil {
			return v
		}
		out := []byte{'['}
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, numberOf(item)...)
		}
		return append(out, ']')
	}
	return v
}

func numberOf(v jsontext.Value) jsontext.Value {
	var object struct {
		ID jsontext.Value `json:"id"`
	}
	if v.Kind() == '{' && json.Unmarshal(v, &object) == nil && len(object.ID) > 0 {
		return object.ID
	}
	return v
}
