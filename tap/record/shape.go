package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Kinds is a set of JSON kinds. The empty set stands for any kind, like a JSON Schema without
// "type".
type Kinds uint8

// The kinds of JSON Schema. Integer is a number without fraction or exponent that fits in 64 bits,
// like the integer columns of loaders; any other number is a Number.
const (
	Null Kinds = 1 << iota
	Boolean
	Integer
	Number
	String
	Object
	Array
)

// kindNames is in the order of schemas: null last, like taps of the Singer SDK.
var kindNames = []struct {
	kind Kinds
	name string
}{
	{Boolean, "boolean"},
	{Integer, "integer"},
	{Number, "number"},
	{String, "string"},
	{Object, "object"},
	{Array, "array"},
	{Null, "null"},
}

// Names returns the names of the kinds in JSON Schema.
func (k Kinds) Names() []string {
	var names []string
	for _, n := range kindNames {
		if k&n.kind != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// Format is the format of a column's strings.
type Format uint8

// The formats that are checked; others are ignored.
const (
	NoFormat Format = iota
	DateTime
	Date
)

func (f Format) name() string {
	return [...]string{"", "date-time", "date"}[f]
}

// Shape describes what a schema admits at one place of a record. Shapes in use are immutable:
// [Learn] returns a new one, so readers of many pages need no lock.
type Shape struct {
	Kinds       Kinds
	Format      Format
	Description string
	// Columns are the known members of an object, in the order of the schema. Other members are
	// admitted as well.
	Columns []Column
	// Items is the shape of an array's items; nil admits all.
	Items *Shape
	// Unknown is the treatment of members that are not among Columns.
	Unknown Treatment

	index map[string]int
}

// Column is a named member of an object.
type Column struct {
	Name  string
	Shape *Shape
	// Treatment is the treatment of its values. A dropped member is neither in records nor in the
	// schema.
	Treatment Treatment
	// As is the name in the output, if another column's name differs only in case, which most
	// warehouses ignore; otherwise empty.
	As string
	// Made marks a column that this program adds: the API does not have it.
	Made bool
	// Key marks a member that every record must have, and that is not null.
	Key bool

	label string // the name as it appears in most records, with quotes and colon
}

// NewObject returns the shape of an object with the given columns.
func NewObject(columns []Column) *Shape {
	s := &Shape{Kinds: Object, Columns: columns}
	s.reindex()
	return s
}

func (s *Shape) reindex() {
	s.index = make(map[string]int, len(s.Columns))
	for i, c := range s.Columns {
		s.index[c.Name] = i
		s.Columns[i].label = string(append(appendString(nil, c.Name), ':'))
	}
}

// Column returns the column of that name, or nil.
func (s *Shape) Column(name string) *Column {
	if i, ok := s.index[name]; ok {
		return &s.Columns[i]
	}
	return nil
}

// clone returns a deep copy.
func (s *Shape) clone() *Shape {
	if s == nil {
		return nil
	}
	c := *s
	c.Items = s.Items.clone()
	c.Columns = slices.Clone(s.Columns)
	for i := range c.Columns {
		c.Columns[i].Shape = c.Columns[i].Shape.clone()
	}
	if c.Columns != nil {
		c.reindex()
	}
	return &c
}

// ParseShape reads the parts of a JSON Schema (draft 7) that shapes have: type, format, properties,
// items and description.
func ParseShape(schema []byte) (*Shape, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(schema))
	s, err := parseShape(dec)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return s, nil
}

func parseShape(dec *jsontext.Decoder) (*Shape, error) {
	if dec.PeekKind() != '{' {
		return nil, fmt.Errorf("%s in place of an object", dec.PeekKind())
	}
	s := &Shape{}
	err := members(dec, func(name string) error {
		var err error
		switch name {
		case "type":
			s.Kinds, err = parseKinds(dec)
		case "format":
			var f string
			err = json.UnmarshalDecode(dec, &f)
			switch f {
			case "date-time":
				s.Format = DateTime
			case "date":
				s.Format = Date
			}
		case "description":
			err = json.UnmarshalDecode(dec, &s.Description)
		case "items":
			s.Items, err = parseShape(dec)
		case "properties":
			s.Columns = []Column{}
			err = members(dec, func(column string) error {
				c, err := parseShape(dec)
				s.Columns = append(s.Columns, Column{Name: column, Shape: c})
				return err
			})
		default:
			err = dec.SkipValue()
		}
		return err
	})
	if s.Columns != nil {
		s.reindex()
	}
	return s, err
}

func parseKinds(dec *jsontext.Decoder) (Kinds, error) {
	var names []string
	if dec.PeekKind() == '"' {
		names = make([]string, 1)
		if err := json.UnmarshalDecode(dec, &names[0]); err != nil {
			return 0, err
		}
	} else if err := json.UnmarshalDecode(dec, &names); err != nil {
		return 0, err
	}
	var k Kinds
next:
	for _, n := range names {
		for _, known := range kindNames {
			if known.name == n {
				k |= known.kind
				continue next
			}
		}
		return 0, fmt.Errorf("unknown type %q", n)
	}
	return k, nil
}

// members calls each with the name of every member of the object at dec; each reads the value.
func members(dec *jsontext.Decoder, each func(name string) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// AppendSchema appends the shape as a JSON Schema to dst, without dropped columns.
func (s *Shape) AppendSchema(dst []byte) []byte {
	dst = append(dst, '{')
	sep := ""
	key := func(name string) {
		dst = append(dst, sep...)
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		sep = ","
	}
	if s.Description != "" {
		key("description")
		dst = appendString(dst, s.Description)
	}
	if s.Kinds != 0 {
		key("type")
		names := s.Kinds.Names()
		if len(names) == 1 {
			dst = appendString(dst, names[0])
		} else {
			dst = append(dst, `["`...)
			dst = append(dst, strings.Join(names, `","`)...)
			dst = append(dst, `"]`...)
		}
	}
	if s.Format != NoFormat {
		key("format")
		dst = appendString(dst, s.Format.name())
	}
	if s.Items != nil {
		key("items")
		dst = s.Items.AppendSchema(dst)
	}
	if s.Columns != nil {
		key("properties")
		dst = append(dst, '{')
		first := true
		for i := range s.Columns {
			c := &s.Columns[i]
			if c.Treatment == Drop {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendString(dst, c.Out())
			dst = append(dst, ':')
			dst = c.appendSchema(dst)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// Members returns the shape with the column's own columns: that of its value, or of an array's
// items.
func (c *Column) Members() *Shape {
	if c.Shape.Items != nil {
		return c.Shape.Items
	}
	return c.Shape
}

// Out returns the column's name in the output.
func (c *Column) Out() string {
	if c.As != "" {
		return c.As
	}
	return c.Name
}

// appendSchema appends the schema of the column in the output.
func (c *Column) appendSchema(dst []byte) []byte {
	if c.Treatment == Keep {
		return c.Shape.AppendSchema(dst)
	}
	out := *c.Shape.treated(c.Treatment)
	out.Description = strings.TrimSpace(out.Description + " " + treatmentNotes[c.Treatment])
	return out.AppendSchema(dst)
}

func appendString(dst []byte, s string) []byte {
	dst, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		// Only invalid UTF-8 is an error, and the text has replacement characters then.
		return dst
	}
	return dst
}

// Differences returns the schemas of those columns of s that old lacks or has with another shape.
// This is what was learnt since old; the state keeps it for [Shape.Learnt].
func (s *Shape) Differences(old *Shape) map[string]jsontext.Value {
	var diff map[string]jsontext.Value
	for i := range s.Columns {
		c := &s.Columns[i]
		schema := c.Shape.AppendSchema(nil)
		if o := old.Column(c.Name); o != nil && bytes.Equal(o.Shape.AppendSchema(nil), schema) {
			continue
		}
		if diff == nil {
			diff = map[string]jsontext.Value{}
		}
		if c.As != "" {
			schema = append(append(append(schema[:len(schema)-1], `,"x-name":`...),
				appendString(nil, c.As)...), '}')
		}
		diff[c.Name] = schema
	}
	return diff
}

// Learnt returns s with what earlier runs learnt: it adds missing columns, with the treatment
// unknown, and widens others. An invalid schema is an error that names its column.
func (s *Shape) Learnt(columns map[string]jsontext.Value, unknown Treatment) (*Shape, error) {
	if len(columns) == 0 {
		return s, nil
	}
	out := s.clone()
	names := make([]string, 0, len(columns))
	for name := range columns {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		learnt, err := ParseShape(columns[name])
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		if c := out.Column(name); c != nil {
			c.Shape.merge(learnt)
			continue
		}
		out.Columns = append(out.Columns,
			Column{Name: name, Shape: learnt, As: parseAs(columns[name]), Treatment: unknown})
		out.reindex()
	}
	return out, nil
}

// parseAs returns the output name of a learnt column.
func parseAs(schema jsontext.Value) string {
	var s struct {
		As string `json:"x-name"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return ""
	}
	return s.As
}

// merge widens s, which belongs to the caller, to admit everything that o admits.
func (s *Shape) merge(o *Shape) {
	if s.Kinds == 0 {
		return
	}
	if o.Kinds == 0 {
		s.Kinds, s.Format, s.Items, s.Columns, s.index = 0, NoFormat, nil, nil, nil
		return
	}
	if s.Format != NoFormat && o.Kinds&String != 0 && o.Format != s.Format {
		s.Format = NoFormat
	}
	if s.Kinds&String == 0 && o.Kinds&String != 0 && s.Kinds&^Null == 0 {
		s.Format = o.Format
	}
	s.admit(o.Kinds)
	if o.Kinds&Array != 0 && s.Items != nil {
		if o.Items == nil {
			s.Items = nil
		} else {
			s.Items.merge(o.Items)
		}
	}
	for i := range o.Columns {
		if c := s.Column(o.Columns[i].Name); c != nil {
			c.Shape.merge(o.Columns[i].Shape)
		}
	}
}

// admit adds kinds: Number includes Integer, and a column that is no longer only a string loses its
// format.
func (s *Shape) admit(k Kinds) {
	s.Kinds |= k
	if s.Kinds&Number != 0 {
		s.Kinds &^= Integer
	}
	if s.Kinds&^(String|Null) != 0 {
		s.Format = NoFormat
	}
}

// Treat returns the shape with the treatments that choose returns. choose gets the path of names
// that leads to a column, and the column with its current treatment; it is not called below a
// dropped column. Items of an array have the path of the array. The second result is the treatment
// of unknown members, for an object with known ones.
func (s *Shape) Treat(choose func(path []string, c *Column) (own, unknown Treatment)) *Shape {
	out := s.clone()
	out.treatBelow(nil, choose)
	return out
}

func (s *Shape) treatBelow(path []string, choose func([]string, *Column) (own, unknown Treatment)) {
	for i := range s.Columns {
		c := &s.Columns[i]
		at := append(slices.Clone(path), c.Name)
		own, unknown := choose(at, c)
		c.Treatment = own
		if own == Drop {
			continue
		}
		members := c.Shape
		if members.Items != nil {
			members = members.Items
		}
		if members.Columns != nil {
			members.Unknown = unknown
		}
		c.Shape.treatBelow(at, choose)
	}
	if s.Items != nil {
		s.Items.treatBelow(path, choose)
	}
}

// With returns the shape with more columns at its end; existing columns are replaced.
func (s *Shape) With(columns ...Column) *Shape {
	out := s.clone()
	for _, c := range columns {
		if have := out.Column(c.Name); have != nil {
			*have = c
			continue
		}
		out.Columns = append(out.Columns, c)
		out.reindex()
	}
	return out
}

// Remove returns the shape without a column.
func (s *Shape) Remove(column string) *Shape {
	out := s.clone()
	out.Columns = slices.DeleteFunc(out.Columns, func(c Column) bool { return c.Name == column })
	out.reindex()
	return out
}
