package record

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep values may nest. Python's json module, which most loaders use, gives up near
// 1000.
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

// edit replaces a piece of the page by a text, which stands in the scanner's own buffer; an empty
// one cuts it out.
type edit struct {
	span
	text span
}

// scanner makes the pass over one page. Its buffer ends in a zero byte, which is valid nowhere in
// JSON outside of a string: so no look-up needs a check against the end.
type scanner struct {
	b   []byte
	err *MalformedError

	drift    bool // a value that the shape does not admit, or an unknown column
	unclean  bool // text that is no valid UTF-8, half a surrogate pair, or a NUL
	newlines bool // a line break between tokens of this record

	depth       int
	edits       []edit // of this record
	texts       []byte // what edits put in
	cutUnknown  bool   // unknown top-level columns are cut out, not reported
	nullOdd     bool   // values of a type that the shape does not admit become null, and are no drift
	nulls       int    // such values seen in this page
	odd         []bool // the top-level columns that had one
	hasher      *hasher
	keys        int   // keys of this record seen
	seen        []int // the number of the record in which each top-level column was seen last
	record      int   // the number of this record
	twice       bool  // a top-level column stood twice in a record
	watch       int   // index of the top-level column whose value is noted, or -1
	mark        int   // the same for the column by which records are left out
	marked      span
	key         span  // the value of the last key of this record
	watched     span  // where it stands in this record
	successors  []int // which top-level column followed which, shifted by one
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

// value reads the value at i and returns the index behind it, or -1 after a failure. A nil shape
// admits everything.
func (s *scanner) value(i int, shape *Shape) int {
	if shape != nil && shape.Kinds == 0 {
		shape = nil
	}
	mark := len(s.edits)
	var end int
	admitted := true
	switch c := s.b[i]; c {
	case '"':
		end = s.text(i)
		if end > 0 && shape != nil {
			admitted = shape.Kinds&String != 0 && (shape.Format == NoFormat || matches(shape.Format, s.b[i+1:end-1]))
		}
	case '{':
		admitted = shape.admits(Object)
		end = s.object(i, shape)
	case '[':
		admitted = shape.admits(Array)
		end = s.array(i, shape)
	case 't':
		admitted = shape.admits(Boolean)
		end = s.literal(i, "true")
	case 'f':
		admitted = shape.admits(Boolean)
		end = s.literal(i, "false")
	case 'n':
		admitted = shape.admits(Null)
		end = s.literal(i, "null")
	default:
		var kind Kinds
		end, kind = s.number(i)
		admitted = shape.admits(kind)
	}
	if !admitted && end > 0 {
		s.refuse(span{i, end}, mark)
	}
	return end
}

// admits tells whether the shape takes a value of one of the kinds. A nil shape admits everything.
func (s *Shape) admits(k Kinds) bool { return s == nil || s.Kinds&k != 0 }

// refuse notes a value that its shape does not admit: it is drift, or becomes null. mark is the
// number of edits before it.
func (s *scanner) refuse(value span, mark int) {
	if !s.nullOdd || s.b[value.from] == 'n' {
		s.drift = true
		return
	}
	s.nulls++
	s.edits = s.edits[:mark]
	s.replace(value, "null")
}

// replace notes that a piece of the page gives way to a text.
func (s *scanner) replace(at span, text string) {
	from := len(s.texts)
	s.texts = append(s.texts, text...)
	s.edits = append(s.edits, edit{at, span{from, len(s.texts)}})
}

func matches(f Format, text []byte) bool {
	if f == Date {
		return isDate(text)
	}
	return isDateTime(text)
}

func (s *scanner) literal(i int, word string) int {
	if len(s.b)-i < len(word) || string(s.b[i:i+len(word)]) != word {
		return s.fail(i, "no value")
	}
	return i + len(word)
}

// number reads the number at i; its kind is Number, or Integer and Number.
func (s *scanner) number(i int) (end int, kind Kinds) {
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
		return s.fail(start, "no value"), 0
	}
	kind = Integer | Number
	if i-digits >= 19 && !fitsInt64(b[digits:i], b[start] == '-') {
		kind = Number
	}
	if b[i] == '.' {
		kind = Number
		i++
		if b[i]-'0' > 9 {
			return s.fail(i, "a number that breaks off"), 0
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
			return s.fail(i, "a number that breaks off"), 0
		}
		for b[i]-'0' <= 9 {
			i++
		}
	}
	return i, kind
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

// ends returns a word whose lowest bit that is set lies in the first byte of w that ends a run of
// plain text: a quote, a backslash or a control character; 0 for none. Flipping the bit 2 puts the
// quote next to the control characters, so that one comparison finds both.
func ends(w uint64) uint64 {
	return (((w ^ ones*2) - ones*0x21) | ((w ^ ones*'\\') - ones)) &^ w & highs
}

// text reads the string whose opening quote stands at i and returns the index behind its closing
// quote.
func (s *scanner) text(i int) int {
	b, start := s.b, i+1
	i = start
	beyond := uint64(0) // its high bits tell whether there is a byte beyond ASCII
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			if m := ends(w); m != 0 {
				n := bits.TrailingZeros64(m)
				beyond |= w & (1<<n - 1)
				i += n >> 3
				break
			}
			beyond |= w
			i += 8
		}
		if i >= len(b) {
			return s.fail(start-1, "a string without end")
		}
		switch c := b[i]; {
		case c == '"':
			if beyond&highs != 0 && !utf8.Valid(b[start:i]) {
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
			beyond |= uint64(c)
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

// object reads the object at i. Members that are dropped become cuts, which take one comma with
// them.
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
			s.edits = append(s.edits, edit{span: span{cutFrom, start}})
			cutFrom = -1
		}
		if i = s.text(i); i < 0 {
			return -1
		}
		name := span{start, i}
		var member *Shape
		var c *Column
		treatment := Keep
		if known {
			column = s.find(shape, s.b[start+1:i-1], column, top)
			switch {
			case column >= 0:
				c = &shape.Columns[column]
				member, treatment = c.Shape, c.Treatment
			case top && s.cutUnknown:
				treatment = Drop
			case top:
				s.drift = true
			default:
				treatment = shape.Unknown
			}
		}
		i = s.space(i)
		if s.b[i] != ':' {
			return s.fail(i, "no colon")
		}
		i = s.space(i + 1)
		from := i
		mark, nulls, nullOdd := len(s.edits), s.nulls, s.nullOdd
		switch {
		case treatment != Keep:
			i = s.value(i, nil)
		case c != nil && c.Key:
			s.nullOdd = false
			i = s.value(i, member)
			s.nullOdd = nullOdd
		default:
			i = s.value(i, member)
		}
		if i < 0 {
			return -1
		}
		if top && column >= 0 {
			s.note(shape, column, span{from, i})
			if s.nulls > nulls {
				s.odd[column] = true
			}
		}
		switch {
		case treatment == Drop && kept:
			s.edits = append(s.edits[:mark], edit{span: span{previousEnd, i}})
		case treatment == Drop:
			s.edits = s.edits[:mark]
			cutFrom = start
		default:
			kept = true
			if c != nil && c.As != "" {
				s.rename(name, c.As, mark)
				mark++
			}
			if treatment != Keep {
				s.edits = s.edits[:mark]
				s.treat(span{from, i}, member, treatment)
			}
		}
		previousEnd = i
		i = s.space(i)
		switch s.b[i] {
		case ',':
			i = s.space(i + 1)
		case '}':
			if cutFrom >= 0 {
				s.edits = append(s.edits, edit{span: span{cutFrom, i}})
			}
			s.depth--
			return i + 1
		default:
			return s.fail(i, "no comma or closing brace")
		}
	}
}

// rename gives a member another name. Its edit stands before those of its value, which begin at
// mark.
func (s *scanner) rename(name span, as string, mark int) {
	s.replace(name, `"`+as+`"`)
	last := len(s.edits) - 1
	e := s.edits[last]
	copy(s.edits[mark+1:], s.edits[mark:last])
	s.edits[mark] = e
}

// note remembers what a top-level column tells about its record.
func (s *scanner) note(shape *Shape, column int, value span) {
	if shape.Columns[column].Key {
		if s.b[value.from] == 'n' {
			s.fail(value.from, fmt.Sprintf("a record whose %s is null", shape.Columns[column].Name))
		}
		s.keys++
		s.key = value
	}
	if column == s.mark {
		s.marked = value
	}
	if column == s.watch {
		s.watched = value
	}
	if s.seen[column] == s.record {
		s.twice = true
	}
	s.seen[column] = s.record
}

// find returns the index of the column of that name, which comes with its escapes, or -1. Records
// of one list have their columns in the same order, so what followed the previous column last time
// is tried first.
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
