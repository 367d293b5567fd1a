package cli

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// customTransform turns the custom fields of records into columns.
type customTransform struct {
	column    string
	fieldType string
	taken     map[string]bool // names of columns, folded
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
			name := customPrefix + identifier(key) // defined since the definitions were read
			for t.taken[folded(t.fieldType, name)] {
				name += "_"
			}
			member(name, value)
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
