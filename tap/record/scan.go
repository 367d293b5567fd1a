package record

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep values may nest. Python's json module, which most loaders use, gives up near 1000.
const maxDepth = 500

// MalformedError says that a page is not a JSON array of records, and where it stops to be one.
type MalformedError struct {
	Offset int // in bytes from the start of the page
	What   string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("not a whole JSON array of records: %s at byte %d", e.What, e.Offset)
}

// span is a piece of the page, from and to in bytes.
type span struct{ from, to int }

// scanner makes the pass over one page. Its buffer ends in a zero byte, which is valid nowhere in JSON
// outside of a string: so no look-up needs a check against the end.
type scanner struct {
	b   []byte
	err *MalformedError

	drift    bool // a value that the shape does not admit, or an unknown column
	unclean  bool // text that is no valid UTF-8, half a surrogate pair, or a NUL
	newlines bool // a line break between tokens of this record

	depth       int
	cuts        []span // of this record
	cutUnknown  bool   // unknown top-level columns are cut out, not reported
	keys        int    // keys of this record seen
	watch       int    // index of the top-level column whose value is noted, or -1
	watched     span   // where it stands in this record
	successors  []int  // which top-level column followed which, shifted by one
	unquoteKeys []byte
}

func (s *scanner) fail(i int, what string) int {
	if s.err == nil {
		s.err = &MalformedError{Offset: i, What: what}
	}
	return -1
}

// space moves over white space between tokens.
func (s *scanner) space(i int) int {
	for {
		switch s.b[i] {
		case ' ', '\t':
		case '\n', '\r':
			s.newlines = true
		default:
			return i
		}
		i++
	}
}

// value reads the value at i and returns the index behind it, or -1 after a failure. A nil shape admits everything.
func (s *scanner) value(i int, shape *Shape) int {
	if shape != nil && shape.Kinds == 0 {
		shape = nil
	}
	switch c := s.b[i]; c {
	case '"':
		end := s.text(i)
		if end > 0 && shape != nil && shape.Kinds != 0 {
			if shape.Kinds&String == 0 || shape.Format != NoFormat && !matches(shape.Format, s.b[i+1:end-1]) {
				s.drift = true
			}
		}
		return end
	case '{':
		s.admit(shape, Object)
		return s.object(i, shape)
	case '[':
		s.admit(shape, Array)
		return s.array(i, shape)
	case 't':
		s.admit(shape, Boolean)
		return s.literal(i, "true")
	case 'f':
		s.admit(shape, Boolean)
		return s.literal(i, "false")
	case 'n':
		s.admit(shape, Null)
		return s.literal(i, "null")
	default:
		return s.number(i, shape)
	}
}

func matches(f Format, text []byte) bool {
	if f == Date {
		return isDate(text)
	}
	return isDateTime(text)
}

func (s *scanner) admit(shape *Shape, k Kinds) {
	if shape != nil && shape.Kinds != 0 && shape.Kinds&k == 0 {
		s.drift = true
	}
}

func (s *scanner) literal(i int, word string) int {
	if len(s.b)-i < len(word) || string(s.b[i:i+len(word)]) != word {
		return s.fail(i, "no value")
	}
	return i + len(word)
}

func (s *scanner) number(i int, shape *Shape) int {
	b, start := s.b, i
	if b[i] == '-' {
		i++
	}
	digits := i
	switch {
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		for b[i]-'0' <= 9 {
			i++
		}
	default:
		return s.fail(start, "no value")
	}
	kind := Integer | Number
	if i-digits >= 19 && !fitsInt64(b[digits:i], b[start] == '-') {
		kind = Number
	}
	if b[i] == '.' {
		kind = Number
		i++
		if b[i]-'0' > 9 {
			return s.fail(i, "a number that breaks off")
		}
		for b[i]-'0' <= 9 {
			i++
		}
	}
	if b[i] == 'e' || b[i] == 'E' {
		kind = Number
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		if b[i]-'0' > 9 {
			return s.fail(i, "a number that breaks off")
		}
		for b[i]-'0' <= 9 {
			i++
		}
	}
	s.admit(shape, kind)
	return i
}

// fitsInt64 tells whether the digits, without leading zeros, make a number of 64 bits.
func fitsInt64(digits []byte, negative bool) bool {
	limit := "9223372036854775807"
	if negative {
		limit = "9223372036854775808"
	}
	return len(digits) < len(limit) || len(digits) == len(limit) && string(digits) <= limit
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text reads the string whose opening quote stands at i and returns the index behind its closing quote.
func (s *scanner) text(i int) int {
	b, start := s.b, i+1
	i = start
	ascii := true
	for {
		// Eight bytes at a time up to the first quote, backslash, control character or byte beyond ASCII.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			m := ((quote-ones)&^quote | (slash-ones)&^slash | (w - ones*' ') | w) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return s.fail(start-1, "a string without end")
		}
		switch c := b[i]; {
		case c == '"':
			if !ascii && !utf8.Valid(b[start:i]) {
				s.unclean = true
			}
			return i + 1
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
		case c < ' ':
			if i == len(b)-1 {
				return s.fail(start-1, "a string without end")
			}
			return s.fail(i, "a control character in a string")
		default:
			if c >= utf8.RuneSelf {
				ascii = false
			}
			i++
		}
	}
}

// escape reads the escape sequence at i; half a surrogate pair makes the page unclean.
func (s *scanner) escape(i int) int {
	b := s.b
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		u, ok := hex4(b, i+2)
		if !ok {
			return s.fail(i, "a broken escape")
		}
		if u == 0 {
			s.unclean = true
		}
		if u < 0xd800 || u > 0xdfff {
			return i + 6
		}
		if u < 0xdc00 && b[i+6] == '\\' && b[i+7] == 'u' {
			if low, ok := hex4(b, i+8); ok && low >= 0xdc00 && low <= 0xdfff {
				return i + 12
			}
		}
		s.unclean = true
		return i + 6
	default:
		return s.fail(i, "a broken escape")
	}
}

func hex4(b []byte, i int) (u uint, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			u = u<<4 | uint(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | uint(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}

func (s *scanner) array(i int, shape *Shape) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i, "values nested too deep")
	}
	var items *Shape
	if shape != nil {
		items = shape.Items
	}
	i = s.space(i + 1)
	if s.b[i] == ']' {
		s.depth--
		return i + 1
	}
	for {
		if i = s.value(i, items); i < 0 {
			return -1
		}
		i = s.space(i)
		switch s.b[i] {
		case ',':
			i = s.space(i + 1)
		case ']':
			s.depth--
			return i + 1
		default:
			return s.fail(i, "no comma or closing bracket")
		}
	}
}

// object reads the object at i. Members that are dropped become cuts, which take one comma with them.
func (s *scanner) object(i int, shape *Shape) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i, "values nested too deep")
	}
	i = s.space(i + 1)
	if s.b[i] == '}' {
		s.depth--
		return i + 1
	}
	known := shape != nil && shape.Columns != nil
	top := s.depth == 1
	kept := false    // a member before this one stays
	cutFrom := -1    // start of a cut that lasts until the next member
	previousEnd := i // behind the value of the member before
	column := -1
	for {
		if s.b[i] != '"' {
			return s.fail(i, "no member name")
		}
		start := i
		if cutFrom >= 0 {
			s.cuts = append(s.cuts, span{cutFrom, start})
			cutFrom = -1
		}
		if i = s.text(i); i < 0 {
			return -1
		}
		var member *Shape
		drop := false
		if known {
			column = s.find(shape, s.b[start+1:i-1], column, top)
			switch {
			case column >= 0:
				c := &shape.Columns[column]
				member, drop = c.Shape, c.Drop
			case top && s.cutUnknown:
				drop = true
			case top:
				s.drift = true
			}
		}
		i = s.space(i)
		if s.b[i] != ':' {
			return s.fail(i, "no colon")
		}
		i = s.space(i + 1)
		from := i
		if drop {
			member = nil
		}
		cuts := len(s.cuts)
		if i = s.value(i, member); i < 0 {
			return -1
		}
		if top && column >= 0 {
			s.note(shape, column, span{from, i})
		}
		switch {
		case !drop:
			kept = true
		case kept:
			s.cuts = append(s.cuts[:cuts], span{previousEnd, i})
		default:
			s.cuts = s.cuts[:cuts]
			cutFrom = start
		}
		previousEnd = i
		i = s.space(i)
		switch s.b[i] {
		case ',':
			i = s.space(i + 1)
		case '}':
			if cutFrom >= 0 {
				s.cuts = append(s.cuts, span{cutFrom, i})
			}
			s.depth--
			return i + 1
		default:
			return s.fail(i, "no comma or closing brace")
		}
	}
}

// note remembers what a top-level column tells about its record.
func (s *scanner) note(shape *Shape, column int, value span) {
	if shape.Columns[column].Key {
		if s.b[value.from] == 'n' {
			s.fail(value.from, fmt.Sprintf("a record whose %s is null", shape.Columns[column].Name))
		}
		s.keys++
	}
	if column == s.watch {
		s.watched = value
	}
}

// find returns the index of the column of that name, which comes with its escapes, or -1. Records of one list have their
// columns in the same order, so what followed the previous column last time is tried first.
func (s *scanner) find(shape *Shape, name []byte, previous int, top bool) int {
	guess := previous + 1
	if top {
		guess = s.successors[previous+1]
	}
	if guess < len(shape.Columns) && shape.Columns[guess].Name == string(name) {
		return guess
	}
	i, ok := shape.index[string(name)]
	if !ok {
		for _, c := range name {
			if c == '\\' || c >= utf8.RuneSelf {
				plain, err := jsontext.AppendUnquote(s.unquoteKeys[:0], append(append([]byte{'"'}, name...), '"'))
				if err == nil {
					i, ok = shape.index[string(plain)]
				}
				s.unquoteKeys = plain
				break
			}
		}
	}
	if !ok {
		return -1
	}
	if top {
		s.successors[previous+1] = i
	}
	return i
}
