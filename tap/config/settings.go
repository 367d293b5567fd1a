package config

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// configSchema describes the config. The tables of settings in the documents, --about and Airbyte's
// spec are made from it.
//
//go:embed config.schema.json
var configSchema []byte

// Setting is one property of the config's schema.
type Setting struct {
	Name        string         `json:"-"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Type        jsontext.Value `json:"type"`
	Items       jsontext.Value `json:"items"`
	Properties  jsontext.Value `json:"properties"`
	Enum        []string       `json:"enum"`
	Pattern     string         `json:"pattern"`
	Minimum     *int           `json:"minimum"`
	Maximum     *int           `json:"maximum"`
	Default     any            `json:"default"`
	Examples    []any          `json:"examples"`
	Secret      bool           `json:"x-secret"`
	Order       int            `json:"x-order"`
	DefaultText string         `json:"x-default"`
}

// Is reports whether the Setting allows a JSON type.
func (s *Setting) Is(kind string) bool { return strings.Contains(string(s.Type), `"`+kind+`"`) }

// Settings returns the properties of the config's schema, in their order.
func Settings() []Setting {
	var schema struct {
		Properties map[string]Setting `json:"properties"`
	}
	if err := json.Unmarshal(configSchema, &schema); err != nil {
		panic(err) // the file is embedded
	}
	all := make([]Setting, 0, len(schema.Properties))
	for name, s := range schema.Properties {
		s.Name = name
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Setting) int { return a.Order - b.Order })
	return all
}

// Members returns the properties of a Setting that is an object, in the order of the file.
func (s *Setting) Members() []Setting {
	var all []Setting
	d := jsontext.NewDecoder(bytes.NewReader(s.Properties))
	for d.PeekKind() == '{' || d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			panic(err) // the file is embedded
		}
		if token.Kind() != '"' {
			continue
		}
		m := Setting{Name: token.String()}
		if err := json.UnmarshalDecode(d, &m); err != nil {
			panic(err)
		}
		all = append(all, m)
	}
	return all
}

// badConfig returns an error of the config that names the key.
func badConfig(where, format string, args ...any) *tap.Error {
	return tap.Errorf(tap.BadInput, where, format, args...)
}

var checker = sync.OnceValue(func() *gojsonschema.Schema {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(configSchema))
	if err != nil {
		panic(err) // the file is embedded
	}
	return schema
})

// validate checks a config against the schema. Its errors name the key and never a value, which may
// be a secret.
func (o origin) validate(config []byte) error {
	result, err := checker().Validate(gojsonschema.NewBytesLoader(config))
	if err != nil {
		return badConfig(o.file, "%w", err)
	}
	var lines []string
	place := "" // what precedes them all: the file, if one is about it
	for _, e := range result.Errors() {
		key, what := e.Field(), ": "+explain(e)
		if _, ok := e.(*gojsonschema.RequiredError); ok {
			key, what = fmt.Sprintf("%s.%s", key, e.Details()["property"]), " is missing"
		}
		op, name := o.of(key)
		if op == o.file {
			place = o.file
		} else {
			name = strings.TrimSuffix(op+": "+name, ": ")
		}
		lines = append(lines, name+what)
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return badConfig(place, "%s", strings.Join(lines, "; "))
}

// explain describes an error of the schema's check.
func explain(e gojsonschema.ResultError) string {
	d := e.Details()
	switch e.(type) {
	case *gojsonschema.InvalidTypeError:
		return fmt.Sprintf("it must be of type %v, not %v", d["expected"], d["given"])
	case *gojsonschema.EnumError:
		return fmt.Sprintf("it must be one of %v", d["allowed"])
	case *gojsonschema.DoesNotMatchPatternError:
		return "write it like " + exampleOf(e.Field())
	case *gojsonschema.StringLengthGTEError:
		return "it must not be empty"
	case *gojsonschema.NumberGTEError:
		return fmt.Sprintf("it must be at least %v", bound(d["min"]))
	case *gojsonschema.NumberLTEError:
		return fmt.Sprintf("it must be at most %v", bound(d["max"]))
	case *gojsonschema.AdditionalPropertyNotAllowedError:
		name := fmt.Sprint(d["property"])
		return fmt.Sprintf("unknown member %q%s", name, nearest.Hint(name, membersOf(e.Field())))
	}
	return "it is not right"
}

// exampleOf returns the first example of a setting that is a text of a pattern.
func exampleOf(name string) string {
	for _, s := range Settings() {
		if s.Name == name && len(s.Examples) > 0 {
			return fmt.Sprint(s.Examples[0])
		}
	}
	return "its description says"
}

// membersOf returns the names of the members of a setting.
func membersOf(setting string) (names []string) {
	for _, s := range Settings() {
		if s.Name != setting {
			continue
		}
		for _, m := range s.Members() {
			names = append(names, m.Name)
		}
	}
	return names
}

func bound(v any) any {
	if r, ok := v.(interface{ RatString() string }); ok {
		return r.RatString()
	}
	return v
}
