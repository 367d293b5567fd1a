package record

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// topColumn is the scanner's state of a top-level column.
type topColumn struct {
	seen  int  // the number of the last record that had it
	noted bool // its value is used
	// values are its known values, as JSON, and the unlisted ones that were reported; nil for any
	values map[string]bool
}

// nulling is value for columns in which values of another type become null. Keys never do.
func (s *scanner) nulling(i int, c *Column) int {
	s.nullUnfit = !c.Key
	i = s.value(i, c.Shape)
	s.nullUnfit = true
	return i
}

// lost is a top-level column of which a value of the current record became null.
type lost struct {
	column int
	date   bool // the value is a text that is no date or time
}

// note saves the value of a top-level column that is used.
func (s *scanner) note(c *Column, column int, value span) {
	if c.Key {
		if s.b[value.from] == 'n' {
			s.fail(value.from, fmt.Sprintf("a record whose %s is null", c.Name))
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
	if column == s.flag && string(s.b[value.from:value.to]) == s.flagText {
		s.flagged = true
	}
	if known := s.tops[column].values; known != nil && s.b[value.from] == '"' &&
		!known[string(s.b[value.from:value.to])] {
		s.unlist(c, column, value)
	}
}

// maxUnlisted is how many unlisted values of a column are reported.
const maxUnlisted = 20

// unlist notes a value that is not among the known ones of its column.
func (s *scanner) unlist(c *Column, column int, value span) {
	at := &s.tops[column]
	at.values[string(s.b[value.from:value.to])] = true
	if len(at.values) == len(c.Shape.Values)+maxUnlisted {
		at.values = nil
	}
	text, err := jsontext.AppendUnquote(nil, s.b[value.from:value.to])
	if err != nil {
		return // invalid Unicode: the page is read again without it
	}
	if !slices.Contains(c.Shape.Values, string(text)) {
		s.unlisted = append(s.unlisted, Unlisted{c.Name, string(text)})
	}
}

// next returns the index of the column that is expected after the previous one. Records of a list
// have their columns in the same order, so it is the one that followed last time.
func (s *scanner) next(previous int, top bool) int {
	if top {
		return s.successors[previous+1]
	}
	return previous + 1
}

// stands reports whether a text is at i.
func (s *scanner) stands(i int, text string) bool {
	return len(s.b)-i >= len(text) && string(s.b[i:i+len(text)]) == text
}

// unknown are columns that no schema has, by their treatment.
var unknown = [...]Column{
	Keep: {}, Hash: {Treatment: Hash}, Mask: {Treatment: Mask},
	Drop: {Treatment: Drop},
}

// find returns the column with a name, which may contain escapes, and its index; -1 for an unknown
// one.
func (s *scanner) find(shape *Shape, name []byte, previous int, top bool) (int, *Column) {
	i, ok := shape.index[string(name)]
	if !ok && bytes.IndexByte(name, '\\') >= 0 {
		plain, err := jsontext.AppendUnquote(s.unquoted[:0],
			append(append([]byte{'"'}, name...), '"'))
		if err == nil {
			i, ok = shape.index[string(plain)]
		}
		s.unquoted = plain
	}
	switch {
	case ok:
		if top {
			s.successors[previous+1] = i
		}
		return i, &shape.Columns[i]
	case top && shape.Unknown != Drop: // it is learnt, with its treatment
		s.drift = true
		return -1, &unknown[Keep]
	case shape.Unclassified && shape.Unknown == Drop:
		s.drop(shape.path, name)
	}
	return -1, &unknown[shape.Unknown]
}

// maxDropped is the maximum number of dropped columns that are named: an object could have ids for
// names.
const maxDropped = 100

// drop notes the name of a column that is dropped because nobody classified it.
func (s *scanner) drop(path string, name []byte) {
	s.name = append(append(s.name[:0], path...), name...)
	if _, known := s.dropped[string(s.name)]; known || len(s.dropped) == maxDropped {
		return
	}
	if s.dropped == nil {
		s.dropped = map[string]bool{}
	}
	s.dropped[string(s.name)] = true
}
