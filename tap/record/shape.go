package record

import (
	"slices"
	"strings"
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
	// Unknown is the treatment of members that are not among Columns. Unknown columns of a record
	// are learnt with it, unless it is Drop.
	Unknown Treatment
	// Unclassified means that unknown members are dropped only because nobody has classified them:
	// [Result].Dropped names them.
	Unclassified bool
	// Open means that the known members are not in the schema, as there are others like them: a
	// loader that makes a column of each known member would lose those.
	Open bool
	// Text means that every value comes as text: one that is no text is its JSON. It never widens.
	Text bool
	// Values are the known values of a text; nil for any. Others are admitted as well: they are
	// reported, see [Result].Unlisted.
	Values []string

	// closed marks a column with treated members, and everything below it: a value that does not
	// fit becomes null. It never widens the shape, since what is treated could stand in it.
	closed bool
	// sealed marks a column without known members where unknown ones are treated: a list or an
	// object that its schema does not have becomes null, since nobody has classified what stands in
	// it.
	sealed bool
	path   string // the names that lead to an object, each with a dot after it
	index  map[string]int
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
	// Added is true for a column that this program adds: the API does not have it.
	Added bool
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

// AsText returns the shape of the same values as text.
func (s *Shape) AsText() *Shape {
	return &Shape{
		Kinds: String | s.Kinds&Null, Description: s.Description, Values: s.Values, Text: true,
	}
}

// AnyKind reports whether values of any kind are admitted, so that they have no common type but
// text.
func (s *Shape) AnyKind() bool {
	const all = String | Object | Array
	return s.Kinds == 0 || s.Kinds&all == all
}

// IsText reports whether values are texts without a format, and nothing else but null.
func (s *Shape) IsText() bool { return s.Kinds&^Null == String && s.Format == NoFormat }

// Agrees reports whether o, which may say less, gives the same types as s; null does not count.
func (s *Shape) Agrees(o *Shape) bool {
	if o.Kinds == 0 {
		return true
	}
	if s.Kinds&^Null != o.Kinds&^Null || s.Format != o.Format {
		return false
	}
	if s.Items != nil && o.Items != nil && !s.Items.Agrees(o.Items) {
		return false
	}
	for i := range o.Columns {
		if c := s.Column(o.Columns[i].Name); c != nil && !c.Shape.Agrees(o.Columns[i].Shape) {
			return false
		}
	}
	return true
}

// Treated reports whether members are left out or treated.
func (s *Shape) Treated() bool {
	if s == nil {
		return false
	}
	return s.Unknown != Keep || s.Items.Treated() ||
		slices.ContainsFunc(s.Columns, func(c Column) bool {
			return c.Treatment != Keep || c.Shape.Treated()
		})
}

// TypeName names the types, and the format, for people.
func (s *Shape) TypeName() string {
	name := strings.Join((s.Kinds &^ Null).Names(), " or ")
	if s.Format != NoFormat {
		name += " (" + s.Format.name() + ")"
	}
	return name
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

// Treat returns the shape with the treatments that choose returns. choose gets the path of names
// that leads to a column, and the column with its current treatment; it is not called below a
// dropped column. Items of an array have the path of the array. The second result is the treatment
// of unknown members, for an object with known ones.
func (s *Shape) Treat(choose func(path []string, c *Column) (column, unknown Treatment)) *Shape {
	out := s.clone()
	out.treatBelow(nil, choose)
	for i := range out.Columns {
		if c := &out.Columns[i]; c.Treatment != Drop && c.Shape.Treated() {
			c.Shape.close()
		}
	}
	return out
}

// close makes null of whatever does not fit the shape.
func (s *Shape) close() {
	if s == nil {
		return
	}
	s.closed = true
	if s.Kinds != 0 {
		s.Kinds |= Null
	}
	s.Items.close()
	for i := range s.Columns {
		s.Columns[i].Shape.close()
	}
}

// seals reports whether a value of kind k becomes null because the shape is sealed.
func (s *Shape) seals(k Kinds) bool {
	return s.sealed && s.Kinds != 0 && k&(Object|Array)&^s.Kinds != 0
}

func (s *Shape) treatBelow(path []string, choose func([]string, *Column) (column, unknown Treatment)) {
	for i := range s.Columns {
		c := &s.Columns[i]
		at := append(slices.Clone(path), c.Name)
		column, unknown := choose(at, c)
		c.Treatment = column
		if column == Drop {
			continue
		}
		members := c.Shape
		if members.Items != nil {
			members = members.Items
		}
		if members.Columns != nil {
			members.Unknown, members.path = unknown, strings.Join(at, ".")+"."
		} else if unknown != Keep && !c.Key {
			c.Shape.sealed, members.sealed = true, true
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

// WithUnknown returns the shape with a treatment of members that are not among its columns.
func (s *Shape) WithUnknown(t Treatment, unclassified bool) *Shape {
	out := *s
	out.Unknown, out.Unclassified = t, unclassified
	return &out
}

// Listing returns the shape with the known values of each top-level column that list returns; nil
// for any.
func (s *Shape) Listing(list func(column string) []string) *Shape {
	out := s.clone()
	for i := range out.Columns {
		c := &out.Columns[i]
		c.Shape.Values = list(c.Out())
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
