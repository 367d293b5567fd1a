package record

import (
	"bytes"
	"errors"
)

// Options say how the pages of a stream are read.
type Options struct {
	// DropUnknown cuts top-level columns that the shape does not know, in place of learning them.
	DropUnknown bool
	// Watch names the column whose value in the first and the last record of a page is reported.
	Watch string
}

// Splitter reads the pages of one stream one after the other. It is not safe for use by several goroutines.
type Splitter struct {
	opts  Options
	shape *Shape
	keys  int
	scan  scanner
}

// NewSplitter returns a splitter that holds records against shape.
func NewSplitter(shape *Shape, opts Options) *Splitter {
	s := &Splitter{opts: opts}
	s.scan.cutUnknown = opts.DropUnknown
	s.Use(shape)
	return s
}

// Shape is the one that records are held against.
func (s *Splitter) Shape() *Shape { return s.shape }

// Use sets the shape that records are held against from now on.
func (s *Splitter) Use(shape *Shape) {
	if s.shape == shape {
		return
	}
	s.shape, s.keys, s.scan.watch = shape, 0, -1
	for i := range shape.Columns {
		if shape.Columns[i].Key {
			s.keys++
		}
		if shape.Columns[i].Name == s.opts.Watch {
			s.scan.watch = i
		}
	}
	s.scan.successors = make([]int, len(shape.Columns)+1)
	for i := range s.scan.successors {
		s.scan.successors[i] = i
	}
}

// Result tells what a page held.
type Result struct {
	Records int
	// First and Last are the values of the watched column in the first and the last record, as JSON; nil where it is missing.
	// They point into the page.
	First, Last []byte
}

// ErrDrift says that a page is well-formed but holds a value or a column that the shape does not admit:
// [Learn] tells the shape that does.
var ErrDrift = errors.New("a record that its schema does not admit")

// Split appends to dst, for each record of the page, prefix, the record's bytes and suffix. After an error dst comes back
// as it was: [ErrDrift], or a [MalformedError] where the page is not one whole array of records with their keys.
//
// Text that is not valid Unicode comes out with replacement characters, and records always on one line; duplicate members
// are passed on as they came, each held against the shape. Page's capacity is used for one byte behind its end.
func (s *Splitter) Split(dst, page, prefix, suffix []byte) ([]byte, Result, error) {
	out, res, err := s.split(dst, page, prefix, suffix)
	if errors.Is(err, errUnclean) {
		out, res, err = s.split(dst, clean(page), prefix, suffix)
	}
	return out, res, err
}

var errUnclean = errors.New("text that is not valid Unicode")

func (s *Splitter) split(dst, page, prefix, suffix []byte) ([]byte, Result, error) {
	sc := &s.scan
	page = append(page, 0)
	sc.b, page = page, page[:len(page)-1]
	sc.err, sc.drift, sc.unclean, sc.depth = nil, false, false, 0
	var res Result
	out := dst
	fail := func(i int, what string) ([]byte, Result, error) {
		sc.fail(i, what)
		return dst, Result{}, sc.err
	}

	i := sc.space(0)
	if sc.b[i] != '[' {
		return fail(i, "no opening bracket")
	}
	i = sc.space(i + 1)
	for sc.b[i] != ']' || res.Records > 0 {
		if sc.b[i] != '{' {
			return fail(i, "no record")
		}
		start := i
		sc.newlines, sc.keys, sc.watched, sc.cuts = false, 0, span{}, sc.cuts[:0]
		if i = sc.object(i, s.shape); i < 0 || sc.err != nil {
			return dst, Result{}, sc.err
		}
		if sc.keys < s.keys {
			return fail(start, "a record without its key")
		}
		out = append(out, prefix...)
		out = sc.appendRecord(out, span{start, i})
		out = append(out, suffix...)
		res.Records++
		if w := sc.watched; w.to > 0 {
			res.Last = sc.b[w.from:w.to]
			if res.Records == 1 {
				res.First = res.Last
			}
		}
		i = sc.space(i)
		if sc.b[i] == ']' {
			break
		}
		if sc.b[i] != ',' {
			return fail(i, "no comma or closing bracket")
		}
		i = sc.space(i + 1)
	}
	if i = sc.space(i + 1); i != len(page) {
		return fail(i, "something behind the array")
	}
	if sc.unclean {
		return dst, Result{}, errUnclean
	}
	if sc.drift {
		return dst, Result{}, ErrDrift
	}
	return out, res, nil
}

// appendRecord appends the record without its cuts, on one line.
func (s *scanner) appendRecord(out []byte, r span) []byte {
	start := len(out)
	from := r.from
	for _, c := range s.cuts {
		out = append(out, s.b[from:c.from]...)
		from = c.to
	}
	out = append(out, s.b[from:r.to]...)
	if s.newlines {
		out = out[:start+compact(out[start:])]
	}
	return out
}

// compact takes the white space out of b, which is one valid JSON value, and returns the new length.
func compact(b []byte) int {
	n := 0
	quoted := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted && c == '\\':
			b[n] = c
			n, i = n+1, i+1
			c = b[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		b[n] = c
		n++
	}
	return n
}

// clean returns a copy of a page with U+FFFD for every byte that is no UTF-8 and every half of a surrogate pair.
func clean(page []byte) []byte {
	valid := bytes.ToValidUTF8(page, []byte("\uFFFD"))
	out := make([]byte, 0, len(valid)+1)
	for i := 0; i < len(valid); {
		if valid[i] != '\\' {
			out = append(out, valid[i])
			i++
			continue
		}
		n := min(2, len(valid)-i)
		if u, ok := hex4(valid, i+2); n == 2 && valid[i+1] == 'u' && ok {
			n = 6
			if u >= 0xd800 && u <= 0xdfff {
				low, ok := uint(0), false
				if u < 0xdc00 && i+8 <= len(valid) && valid[i+6] == '\\' && valid[i+7] == 'u' {
					low, ok = hex4(valid, i+8)
				}
				if !ok || low < 0xdc00 || low > 0xdfff {
					out = append(out, `\ufffd`...)
					i += n
					continue
				}
				n = 12
			}
		}
		out = append(out, valid[i:i+n]...)
		i += n
	}
	return out
}
