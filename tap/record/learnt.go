package record

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

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

// Learnt returns s with what earlier runs learnt: it adds missing columns, with the treatment of
// unknown ones, and widens others, unless they or their members are treated now: a wider column
// could let through what is treated. An invalid schema is an error that names its column.
func (s *Shape) Learnt(columns map[string]jsontext.Value) (*Shape, error) {
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
			if c.Treatment == Keep {
				c.Shape.merge(learnt)
			}
			continue
		}
		out.Columns = append(out.Columns,
			Column{Name: name, Shape: learnt, As: parseAs(columns[name]), Treatment: s.Unknown})
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
	if s.Kinds == 0 || s.closed || s.Text {
		return
	}
	if s.sealed && (o.Kinds == 0 || s.seals(o.Kinds)) {
		return // learnt before there was a policy; what fits is learnt again
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
