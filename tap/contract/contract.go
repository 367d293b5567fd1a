// Package contract is the agreed schema of an account: what a person who depends on the tables may
// rely on. It writes and reads the file, and says what differs from it. It knows neither a protocol
// nor where records come from.
package contract

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// form is the form of the file.
const form = 1

// draft names the JSON Schema that the schemas of the file are written in.
const draft = "http://json-schema.org/draft-07/schema#"

// Contract is the agreed schema of streams.
type Contract struct {
	// Version is that of the program that wrote the file.
	Version string
	streams map[string]*record.Shape
}

// Agreed is a stream with the shape of its records.
type Agreed struct {
	Stream *tap.Stream
	Shape  *record.Shape
}

// file is the file, with the schema of each stream as it is read or written.
type file[T any] struct {
	Form    *int         `json:"contract"`
	Version string       `json:"tap_version"`
	Streams map[string]T `json:"streams"`
}

type schema struct {
	Schema      string         `json:"$schema"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Type        string         `json:"type"`
	Required    []string       `json:"required"`
	Properties  jsontext.Value `json:"properties"`
}

// Marshal returns the file: a JSON Schema for each stream.
func Marshal(version string, streams []Agreed) ([]byte, error) {
	one := form
	f := file[schema]{Form: &one, Version: version, Streams: map[string]schema{}}
	for _, s := range streams {
		var below struct {
			Properties jsontext.Value `json:"properties"`
		}
		if err := json.Unmarshal(s.Shape.AppendAgreed(nil), &below); err != nil {
			return nil, err
		}
		f.Streams[s.Stream.Name] = schema{
			Schema: draft, Title: s.Stream.Name, Description: s.Stream.Description, Type: "object",
			Required: s.Stream.Key, Properties: below.Properties,
		}
	}
	out, err := json.Marshal(f, jsontext.WithIndent("  "), json.Deterministic(true))
	return append(out, '\n'), err
}

// Parse reads the file. Members that it does not know are somebody's notes.
func Parse(data []byte) (*Contract, error) {
	var f file[jsontext.Value]
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	switch {
	case f.Form == nil || f.Streams == nil:
		return nil, errors.New("it is no contract: it has no members contract and streams")
	case *f.Form != form:
		return nil, fmt.Errorf("it has the form %d, and this release knows %d", *f.Form, form)
	}
	c := &Contract{Version: f.Version, streams: map[string]*record.Shape{}}
	for name, text := range f.Streams {
		shape, err := record.ParseShape(text)
		if err == nil && shape.Columns == nil {
			err = errors.New("it has no properties")
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
		c.streams[name] = shape
	}
	return c, nil
}

// Listing returns the shape of a stream with the known values that the contract gives its columns.
func (c *Contract) Listing(stream string, shape *record.Shape) *record.Shape {
	agreed := c.streams[stream]
	return shape.Listing(func(column string) []string {
		if agreed == nil || agreed.Column(column) == nil {
			return nil
		}
		return agreed.Column(column).Shape.Values
	})
}

// Found is what a run found of a stream.
type Found struct {
	Shape *record.Shape
	// Absent are columns that no record had, and Unlisted are values, as column=value, that are not
	// among the known ones.
	Absent, Unlisted []string
}

// Differences says what a run found that differs from the contract, one sentence each.
func (c *Contract) Differences(stream string, found Found) []string {
	agreed := c.streams[stream]
	if agreed == nil {
		return []string{"the contract does not have this stream"}
	}
	shape, err := record.ParseShape(found.Shape.AppendAgreed(nil)) // as it comes out
	if err != nil {
		return []string{"its schema cannot be read: " + err.Error()}
	}
	d := &differences{}
	d.compare("", agreed, shape)
	for _, name := range found.Absent {
		if agreed.Column(name) != nil && shape.Column(name) != nil {
			d.add("%s: no row has this column", name)
		}
	}
	for _, value := range found.Unlisted {
		d.add("%s: not among the values of the contract", value)
	}
	slices.Sort(d.all)
	return d.all
}

type differences struct{ all []string }

func (d *differences) add(format string, args ...any) {
	d.all = append(d.all, fmt.Sprintf(format, args...))
}

// compare compares the columns of objects. at is the path that leads to them, with a dot.
func (d *differences) compare(at string, agreed, now *record.Shape) {
	for i := range now.Columns {
		c := &now.Columns[i]
		if old := agreed.Column(c.Name); old == nil {
			d.add("%s%s: a new column, %s", at, c.Name, typeName(c.Shape))
		} else {
			d.value(at+c.Name, old.Shape, c.Shape)
		}
	}
	for _, c := range agreed.Columns {
		if now.Column(c.Name) == nil {
			d.add("%s%s: the column is missing", at, c.Name)
		}
	}
}

// value compares the shapes of a value. Fewer types are no difference: whoever can read the agreed
// ones can read these.
func (d *differences) value(at string, agreed, now *record.Shape) {
	if agreed.Kinds == 0 {
		return
	}
	admitted := agreed.Kinds
	if admitted&record.Number != 0 {
		admitted |= record.Integer
	}
	if now.Kinds == 0 || now.Kinds&^admitted != 0 ||
		now.Format != agreed.Format && now.Kinds&record.String != 0 {
		d.add("%s: the type is %s, and was %s", at, typeName(now), typeName(agreed))
		return
	}
	if agreed.Columns != nil && now.Columns != nil {
		d.compare(at+".", agreed, now)
	}
	if agreed.Items != nil && now.Items != nil {
		d.value(at, agreed.Items, now.Items)
	}
}

func typeName(s *record.Shape) string { return cmp.Or(s.TypeName(), "anything") }
