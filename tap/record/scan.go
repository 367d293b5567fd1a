package record

import (
	"fmt"
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
	return fmt.Sprintf("not a JSON array of records: %s at byte %d", e.What, e.Offset)
}

// padding follows a page while it is read. A zero byte is valid nowhere in JSON, so no look-up
// needs a check against the end; eight of them let a word be read at any byte.
const padding = "\x00\x00\x00\x00\x00\x00\x00\x00"

// Padding is the capacity that a page should have to spare, in bytes; see [Splitter.Split].
const Padding = len(padding)

// scanner makes the pass over one page, which the padding follows.
type scanner struct {
	b   []byte
	err *MalformedError

	// What this page held so far.
	drift    bool // a value that the shape does not admit, or an unknown column
	unclean  bool // text that is not valid UTF-8, half a surrogate pair, or a NUL
	repeated bool // a known column or member appeared twice
	nulls    int  // values that became null because of their type
	undated  int  // texts that became null because they are no date or time
	record   int  // number of records, including those of earlier pages

	// The current record so far.
	newlines bool // a line break between tokens
	keys     int
	key      span   // the last value of a key
	watched  span   // the value of the watched column
	marked   span   // the value of the mark
	lost     []lost // values that became null
	edits    []edit // in the order of their positions
	texts    []byte // the replacements of edits

	// How columns are treated.
	tops       []topColumn
	successors []int // which top-level column followed which, shifted by one
	watch      int   // index of the top-level column whose value is reported, or -1
	mark       int   // the same, for the column by which records are left out
	flag       int   // the same, for the column in which a value is looked for
	flagText   string
	flagged    bool // this page has that value
	nullUnfit  bool // values of another type become null instead of drift
	hasher     *hasher

	unlisted []Unlisted      // values that are not among the known ones of their column
	dropped  map[string]bool // columns that nobody has classified; true if new
	depth    int
	open     [maxDepth]byte // buffer of [scanner.any]
	unquoted []byte         // buffer of [scanner.find]
	plain    []byte         // buffer of [scanner.asText]
	name     []byte         // buffer of [scanner.drop]
}

func (s *scanner) fail(i int, what string) int {
	if s.err == nil {
		s.err = &MalformedError{Offset: i, What: what}
	}
	return -1
}

// space skips white space between tokens. Most pages have none, or single blanks.
func (s *scanner) space(i int) int {
	if s.b[i] > ' ' {
		return i
	}
	return s.spaces(i)
}

func (s *scanner) spaces(i int) int {
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

// value reads the value at i and returns the index after it, or -1 after a failure. A nil shape
// admits everything.
func (s *scanner) value(i int, shape *Shape) int {
	if shape == nil || shape.Kinds == 0 {
		return s.any(i)
	}
	if shape.Text && s.b[i] != '"' && s.b[i] != 'n' {
		return s.asText(i)
	}
	before := len(s.edits)
	var end int
	admitted := true
	switch c := s.b[i]; c {
	case '"':
		end = s.text(i)
		if end > 0 {
			admitted = shape.Kinds&String != 0
			if admitted && shape.Format != NoFormat && !matches(shape.Format, s.b[i+1:end-1]) {
				s.undated++
				s.replace(span{i, end}, "null")
			}
		}
	case '{':
		admitted = shape.admits(Object)
		if shape.Columns == nil {
			end = s.any(i)
		} else {
			end = s.object(i, shape)
		}
	case '[':
		admitted = shape.admits(Array)
		if shape.Items == nil {
			end = s.any(i)
		} else {
			end = s.array(i, shape.Items)
		}
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
		s.refuse(span{i, end}, shape, before)
	}
	return end
}

// admits reports whether the shape admits a value of one of the kinds. A nil shape admits
// everything.
func (s *Shape) admits(k Kinds) bool { return s == nil || s.Kinds&k != 0 }

func matches(f Format, text []byte) bool {
	if f == Date {
		return isDate(text)
	}
	return isDateTime(text)
}

func (s *scanner) literal(i int, word string) int {
	if len(s.b)-i < len(word) || string(s.b[i:i+len(word)]) != word {
		return s.fail(i, "invalid value")
	}
	return i + len(word)
}

// array reads the array at i, whose items have a shape.
func (s *scanner) array(i int, items *Shape) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i, "values nested too deeply")
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
			return s.fail(i, "missing comma or closing bracket")
		}
	}
}

// object reads the object at i. Dropped members become edits, which include one comma.
func (s *scanner) object(i int, shape *Shape) int {
	if s.depth++; s.depth > maxDepth {
		return s.fail(i, "values nested too deeply")
	}
	i = s.space(i + 1)
	if s.b[i] == '}' {
		s.depth--
		return i + 1
	}
	top := s.depth == 1
	kept := false    // a member before this one is kept
	cutFrom := -1    // start of an edit that extends to the next member
	previousEnd := i // after the value of the previous member
	column := -1
	seen := uint64(0) // the known members of a nested object
	for {
		if s.b[i] != '"' {
			return s.fail(i, "missing member name")
		}
		start := i
		if cutFrom >= 0 {
			s.edits = append(s.edits, edit{span: span{cutFrom, start}})
			cutFrom = -1
		}
		var c *Column
		if next := s.next(column, top); next < len(shape.Columns) &&
			s.stands(i, shape.Columns[next].label) {
			column, c = next, &shape.Columns[next]
			i += len(c.label)
		} else {
			if i = s.text(i); i < 0 {
				return -1
			}
			column, c = s.find(shape, s.b[start+1:i-1], column, top)
			if i = s.space(i); s.b[i] != ':' {
				return s.fail(i, "missing colon")
			}
			i++
		}
		i = s.space(i)
		from, before := i, len(s.edits)
		nulls, undated := s.nulls, s.undated
		switch {
		case c.Treatment != Keep:
			i = s.any(i)
		case s.nullUnfit:
			i = s.nulling(i, c)
		default:
			i = s.value(i, c.Shape)
		}
		if i < 0 {
			return -1
		}
		switch {
		case column < 0:
		case top:
			if s.nulls > nulls || s.undated > undated {
				s.lost = append(s.lost, lost{column, s.undated > undated})
			}
			at := &s.tops[column]
			if at.seen == s.record {
				s.repeated = true
			}
			at.seen = s.record
			if at.noted {
				s.note(c, column, span{from, i})
			}
		case column < 64:
			s.repeated = s.repeated || seen&(1<<column) != 0
			seen |= 1 << column
		}
		switch {
		case c.Treatment == Drop && kept:
			s.edits = append(s.edits[:before], edit{span: span{previousEnd, i}})
		case c.Treatment == Drop:
			s.edits = s.edits[:before]
			cutFrom = start
		default:
			kept = true
			if c.As != "" {
				s.rename(start, c.As, before)
				before++
			}
			if c.Treatment != Keep {
				s.edits = s.edits[:before]
				s.treat(span{from, i}, c.Shape, c.Treatment)
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
			return s.fail(i, "missing comma or closing brace")
		}
	}
}
