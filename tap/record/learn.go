package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Learn returns a shape that admits everything shape does and every record of page, a well-formed
// array of records, and the names of the top-level columns that are new or wider. A column that no
// schema knew gets the kinds of all its values: date-time where its name says so and every text is
// one; text where it was always null, which a loader can hold whatever comes later. The format of a
// known column never widens: the splitter replaces what is no date or time by null.
func Learn(shape *Shape, page []byte, opts Options) (*Shape, []string, error) {
	l := learner{shape: shape.clone(), opts: opts, fresh: map[string]bool{}}
	dec := jsontext.NewDecoder(bytes.NewReader(page), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	for dec.PeekKind() == '{' {
		row, err := dec.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		if onlyMessage(row) {
			continue
		}
		columns := jsontext.NewDecoder(bytes.NewReader(row), jsontext.AllowDuplicateNames(true),
			jsontext.AllowInvalidUTF8(true))
		if err := members(columns, func(name string) error {
			return l.member(columns, name)
		}); err != nil {
			return nil, nil, err
		}
	}
	l.apart()
	var names []string
	for i := range l.shape.Columns {
		c := &l.shape.Columns[i]
		if l.fresh[c.Name] && c.Shape.Kinds == Null {
			c.Shape.Kinds = String | Null
		}
		if it := c.Shape.Items; l.fresh[c.Name] && it != nil && it.Kinds == Null {
			c.Shape.Items = nil
		}
		old := shape.Column(c.Name)
		if old == nil || !bytes.Equal(old.Shape.AppendSchema(nil), c.Shape.AppendSchema(nil)) {
			names = append(names, c.Name)
		}
	}
	return l.shape, names, nil
}

// apart gives a name of its own to each new column that has the name of another one but for case.
// Those that were there before keep theirs.
func (l *learner) apart() {
	taken := map[string]bool{}
	for _, c := range l.shape.Columns {
		if !l.fresh[c.Name] {
			taken[strings.ToLower(c.Out())] = true
		}
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(l.fresh))) { // lower case first
		c := l.shape.Column(name)
		if taken[strings.ToLower(name)] {
			sum := sha256.Sum256([]byte(name))
			c.As = name + "_" + hex.EncodeToString(sum[:4])
		}
		taken[strings.ToLower(c.Out())] = true
	}
}

type learner struct {
	shape *Shape
	opts  Options
	fresh map[string]bool // columns that no schema knew before this page
}

func (l *learner) member(dec *jsontext.Decoder, name string) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	c := l.shape.Column(name)
	switch {
	case c != nil && c.Treatment != Keep && !l.fresh[name]:
	case c != nil && l.opts.NullUnfit && !c.Key && !l.fresh[name]:
	case c != nil && l.fresh[name]:
		c.Shape.infer(value, isTimeName(name))
	case c != nil:
		c.Shape.widen(value)
	case l.shape.Unknown == Drop:
	default:
		s := &Shape{Kinds: Null}
		s.infer(value, isTimeName(name))
		l.shape.Columns = append(l.shape.Columns,
			Column{Name: name, Shape: s, Treatment: l.shape.Unknown})
		l.shape.reindex()
		l.fresh[name] = true
	}
	return nil
}

// isTimeName reports whether a column has the name of a time, as Greenhouse names them.
func isTimeName(name string) bool { return strings.HasSuffix(name, "_at") }

// kindOf returns the kind of a JSON value; an integer beyond 64 bits is a number.
func kindOf(v jsontext.Value) Kinds {
	switch v.Kind() {
	case 'n':
		return Null
	case 't', 'f':
		return Boolean
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	}
	digits := bytes.TrimPrefix(v, []byte("-"))
	if bytes.ContainsAny(digits, ".eE") || !fitsInt64(digits, len(digits) < len(v)) {
		return Number
	}
	return Integer
}

// widen makes s admit v as well, unless such values become text or null.
func (s *Shape) widen(v jsontext.Value) {
	if s.Kinds == 0 || s.closed || s.Text {
		return
	}
	k := kindOf(v)
	if s.seals(k) {
		return
	}
	switch k {
	case Object:
		if s.Columns != nil {
			_ = eachMember(v, func(name string, value jsontext.Value) {
				if c := s.Column(name); c != nil {
					c.Shape.widen(value)
				}
			})
		}
	case Array:
		if s.Items != nil {
			eachItem(v, s.Items.widen)
		}
	}
	if admitted := s.Kinds&k != 0 || k == Integer && s.Kinds&Number != 0; !admitted {
		s.admit(k)
	}
}

// infer is widen for a column that no schema knew: its format and items come from its values, too.
// timed says that its name is that of a time: since a text that is no time becomes null later, its
// first values alone do not tell.
func (s *Shape) infer(v jsontext.Value, timed bool) {
	k := kindOf(v)
	if k == String {
		isTime := isDateTime(v[1 : len(v)-1])
		switch {
		case s.Kinds == Null && isTime && timed:
			s.Format = DateTime
		case !isTime:
			s.Format = NoFormat
		}
	}
	if k == Array && s.Kinds&Array == 0 {
		s.Items = &Shape{Kinds: Null}
	}
	if k == Array && s.Items != nil {
		eachItem(v, func(item jsontext.Value) { s.Items.infer(item, false) })
		s.Kinds |= k
		if s.Kinds&^(Array|Null) != 0 {
			s.Format = NoFormat
		}
		return
	}
	s.widen(v)
}

func eachItem(v jsontext.Value, each func(jsontext.Value)) {
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))
	if _, err := dec.ReadToken(); err != nil {
		return
	}
	for dec.PeekKind() != ']' {
		item, err := dec.ReadValue()
		if err != nil {
			return
		}
		each(item)
	}
}

func eachMember(v jsontext.Value, each func(name string, value jsontext.Value)) error {
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))
	return members(dec, func(name string) error {
		var value jsontext.Value
		if err := json.UnmarshalDecode(dec, &value); err != nil {
			return err
		}
		each(name, value)
		return nil
	})
}
