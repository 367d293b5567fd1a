package record

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ParseShape reads the parts of a JSON Schema (draft 7) that shapes have: type, format, properties,
// items, enum and description.
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
		case "enum":
			s.Values, err = parseEnum(dec)
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

// knownValues begins the part of a description that lists the known values of a text.
const knownValues = "Known values: "

// Documented returns the shape with the known values that its descriptions list at their end.
func (s *Shape) Documented() *Shape {
	if s == nil {
		return nil
	}
	out := s.clone()
	if _, list, ok := strings.Cut(out.Description, knownValues); ok {
		out.Values = strings.Split(strings.TrimSuffix(list, "."), ", ")
	}
	out.Items = out.Items.Documented()
	for i := range out.Columns {
		out.Columns[i].Shape = out.Columns[i].Shape.Documented()
	}
	return out
}

// parseEnum reads the texts of an enum: other values are no known values of a text.
func parseEnum(dec *jsontext.Decoder) ([]string, error) {
	var all []jsontext.Value
	if err := json.UnmarshalDecode(dec, &all); err != nil {
		return nil, err
	}
	values := []string{}
	for _, v := range all {
		if v.Kind() == '"' {
			text, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return nil, err
			}
			values = append(values, string(text))
		}
	}
	return values, nil
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

// AppendSchema appends the shape as a JSON Schema to dst, without dropped columns. It admits every
// value of a text, known or not.
func (s *Shape) AppendSchema(dst []byte) []byte { return s.appendSchema(dst, false) }

// AppendAgreed is AppendSchema with the known values of texts, as enums.
func (s *Shape) AppendAgreed(dst []byte) []byte { return s.appendSchema(dst, true) }

func (s *Shape) appendSchema(dst []byte, values bool) []byte {
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
	if values && s.Values != nil && s.IsText() {
		key("enum")
		dst = append(dst, '[')
		for _, v := range s.Values {
			dst = append(appendString(dst, v), ',')
		}
		if s.Kinds&Null != 0 {
			dst = append(dst, "null,"...)
		}
		dst[len(dst)-1] = ']'
	}
	if s.Items != nil {
		key("items")
		dst = s.Items.appendSchema(dst, values)
	}
	if s.Columns != nil && !s.Open {
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
			dst = c.appendSchema(dst, values)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendSchema appends the schema of the column in the output.
func (c *Column) appendSchema(dst []byte, values bool) []byte {
	if c.Treatment == Keep {
		return c.Shape.appendSchema(dst, values)
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
