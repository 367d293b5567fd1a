package custom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// transform turns the custom fields of records into columns.
type transform struct {
	column    string
	fieldType string
	taken     map[string]bool // names of columns, case-folded
	keepRaw   bool
	onlyKnown bool
	wanted    map[string]*definition // by their key in records
	ignored   map[string]bool
}

// lenient reads what pages may hold; what is wrong with a page is found later.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// page appends the page with the columns to dst.
func (t *transform) page(dst, page []byte) ([]byte, error) {
	return eachRow(dst, page, t.row)
}

// eachRow appends a page to dst, with each of its rows as appended by row. Anything that is not an
// array of objects is passed on unchanged, to be refused later.
func eachRow(dst, page []byte, row func(dst []byte, row jsontext.Value) ([]byte, error),
) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(page), lenient)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return append(dst, page...), nil
	}
	dst = append(dst, '[')
	for n := 0; dec.PeekKind() == '{'; n++ {
		value, err := dec.ReadValue()
		if err != nil {
			return append(dst[:0], page...), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, err = row(dst, value); err != nil {
			return append(dst[:0], page...), nil
		}
	}
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != ']' {
		return append(dst[:0], page...), nil
	}
	return append(dst, ']'), nil
}

// object writes an object.
type object struct {
	text []byte
	sep  string
}

func newObject(dst []byte) *object { return &object{text: append(dst, '{')} }

func (o *object) member(name string, value []byte) {
	o.text = append(o.text, o.sep...)
	// Only invalid UTF-8 is an error, and is replaced.
	o.text, _ = jsontext.AppendQuote(o.text, name)
	o.text = append(o.text, ':')
	o.text = append(o.text, value...)
	o.sep = ","
}

func (o *object) close() []byte { return append(o.text, '}') }

// eachMember calls each with every member of an object.
func eachMember(value jsontext.Value, each func(name string, value jsontext.Value)) error {
	dec := jsontext.NewDecoder(bytes.NewReader(value), lenient)
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		each(name, value)
	}
	return nil
}

func (t *transform) row(dst []byte, row jsontext.Value) ([]byte, error) {
	out := newObject(dst)
	var fields jsontext.Value
	err := eachMember(row, func(name string, value jsontext.Value) {
		if name == t.column {
			fields = bytes.Clone(value)
		}
		if name != t.column || t.keepRaw {
			out.member(name, value)
		}
	})
	if err != nil {
		return out.text, err
	}
	var values map[string]jsontext.Value
	if fields.Kind() == '{' {
		if err := json.Unmarshal(fields, &values, lenient); err != nil {
			return out.close(), nil // an unknown format: the raw column has it, if wanted
		}
	}
	for _, key := range sortedKeys(t.wanted) {
		if _, ok := values[key]; !ok {
			out.member(t.wanted[key].column, []byte("null"))
		}
	}
	made := map[string]bool{}
	for _, key := range sortedKeys(values) {
		value := valueOf(values[key])
		d, known := t.wanted[key]
		switch {
		case known:
			out.member(d.column, d.value(value))
		case t.ignored[key] || t.onlyKnown || len(value) == 0 || value.Kind() == 'n':
		default:
			name := columnName(key) // defined since the definitions were read
			sum := sha256.Sum256([]byte(key))
			base, end := name, hex.EncodeToString(sum[:4])
			for t.taken[folded(t.fieldType, name)] || made[strings.ToLower(name)] {
				name = distinct(base, end)
				end += "_"
			}
			made[strings.ToLower(name)] = true
			out.member(name, value)
		}
	}
	return out.close(), nil
}

// valueOf returns the value of a custom field; none if the field has an unknown format. The other
// fields of the row are not affected.
func valueOf(field jsontext.Value) jsontext.Value {
	var f struct {
		Value jsontext.Value `json:"value"`
	}
	if field.Kind() != '{' || json.Unmarshal(field, &f, lenient) != nil {
		return nil
	}
	return f.Value
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// value returns the value of the column. Options are labels; if they are numbers, they become
// strings, so that the column has one type. Users are their numbers, even if the API sends objects.
func (d *definition) value(v jsontext.Value) jsontext.Value {
	if len(v) == 0 {
		return jsontext.Value("null")
	}
	switch d.ValueType {
	case "user", "linked":
		return memberOf(v, "id")
	case "single_select":
		return label(v)
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
			out = append(out, label(item)...)
		}
		return append(out, ']')
	}
	return v
}

// label returns the label of an option, or its number as a string.
func label(v jsontext.Value) jsontext.Value {
	v = memberOf(v, "name", "label", "value", "id")
	if v.Kind() == '0' {
		return jsontext.Value(`"` + string(v) + `"`)
	}
	return v
}

// memberOf returns the first of these members that an object has; other values are returned
// unchanged.
func memberOf(v jsontext.Value, names ...string) jsontext.Value {
	var object map[string]jsontext.Value
	if v.Kind() != '{' || json.Unmarshal(v, &object) != nil {
		return v
	}
	for _, name := range names {
		if m := object[name]; len(m) > 0 {
			return m
		}
	}
	return v
}
