package record

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Options say how the pages of a stream are read.
type Options struct {
	// NullUnfit replaces values by null if their type does not fit their column, instead of widening
	// the column.
	NullUnfit bool
	// Key is the key of hashes, required if anything is hashed.
	Key []byte
	// IDs reports the rows of a page: the values of a single numeric key, with their marks.
	IDs bool
	// Mark names the column by which [Splitter.Since] leaves out records.
	Mark string
	// Watch names the column whose value in the first and the last record of a page is reported.
	Watch string
	// Flag is a value to look for in a column, as it comes from the API, before it is treated.
	Flag Flag
}

// Flag is a text value of a top-level column.
type Flag struct{ Column, Value string }

// Row is the numeric key of a record and its mark, in milliseconds since 1970; 0 if it has none.
type Row struct{ ID, Mark int64 }

// Splitter reads the pages of one stream, one after the other. It is not safe for concurrent use.
type Splitter struct {
	opts  Options
	shape *Shape
	keys  int
	scan  scanner
	page  []byte // the latest page, as it was split
	since []byte // records with an earlier mark are left out; nil for none
	// without reports whether to leave out a row whose mark is earlier; nil leaves out all of them
	without func(Row) bool

	records [][]byte
	changed []byte // records that differ from the page
}

// NewSplitter returns a splitter that checks records against shape.
func NewSplitter(shape *Shape, opts Options) *Splitter {
	s := &Splitter{opts: opts}
	s.scan.nullUnfit, s.scan.hasher = opts.NullUnfit, newHasher(opts.Key)
	s.scan.flagText = `"` + opts.Flag.Value + `"`
	s.Use(shape)
	return s
}

// Use sets the shape that records are checked against from now on.
func (s *Splitter) Use(shape *Shape) {
	if s.shape == shape {
		return
	}
	s.shape, s.keys, s.scan.watch, s.scan.mark, s.scan.flag = shape, 0, -1, -1, -1
	s.scan.tops = make([]topColumn, len(shape.Columns))
	for i, c := range shape.Columns {
		if c.Key {
			s.keys++
		}
		if c.Name == s.opts.Watch {
			s.scan.watch = i
		}
		if s.opts.Mark != "" && c.Name == s.opts.Mark {
			s.scan.mark = i
		}
		if s.opts.Flag.Column != "" && c.Name == s.opts.Flag.Column {
			s.scan.flag = i
		}
		s.scan.tops[i].values = knownTexts(&c)
		s.scan.tops[i].noted = c.Key || i == s.scan.watch || i == s.scan.mark || i == s.scan.flag ||
			s.scan.tops[i].values != nil
	}
	s.scan.successors = make([]int, len(shape.Columns)+1)
	for i := range s.scan.successors {
		s.scan.successors[i] = i
	}
}

// knownTexts returns the known values of a column as JSON; nil for any, and for a column whose
// values do not come as they are.
func knownTexts(c *Column) map[string]bool {
	if c.Shape == nil || c.Shape.Values == nil || c.Treatment != Keep {
		return nil
	}
	texts := make(map[string]bool, len(c.Shape.Values))
	for _, v := range c.Shape.Values {
		texts[string(appendString(nil, v))] = true
	}
	return texts
}

// Since leaves out records whose mark is before a time, which is written as the API writes times;
// empty for none. Their ids are still reported. If without is not nil, it is asked for each such
// record whether to leave it out.
func (s *Splitter) Since(at string, without func(Row) bool) {
	s.since, s.without = nil, without
	if at != "" {
		s.since = []byte(at)
	}
}

// old reports whether to leave out the latest record. A mark in another format counts as new.
func (s *Splitter) old(row Row) bool {
	m := s.scan.marked
	if s.since == nil || m.to-m.from != len(s.since)+2 || s.scan.b[m.from] != '"' {
		return false
	}
	return bytes.Compare(s.scan.b[m.from+1:m.to-1], s.since) < 0 &&
		(s.without == nil || s.without(row))
}

// ErrDrift means that a page is well-formed but contains a value or a column that the shape does
// not admit: [Learn] returns a shape that does.
var ErrDrift = errors.New("a record that its schema does not admit")

// Split returns the records of a page. The error is [ErrDrift], or a [MalformedError] if the page
// is not an array of records with their keys; then there are no records.
//
// Invalid Unicode and NUL become replacement characters, and each record is on one line. If a known
// column or member appears twice, the last one counts. Split uses [Padding] bytes of page's
// capacity; if there are fewer, it copies the page.
func (s *Splitter) Split(page []byte) (Result, error) {
	s.page = page
	res, err := s.split(page)
	if errors.Is(err, errUnclean) {
		s.page = clean(page)
		res, err = s.split(s.page)
	}
	if errors.Is(err, errTwice) {
		s.page = lastOnly(s.page)
		res, err = s.split(s.page)
	}
	return res, err
}

// errTwice means that a column appears twice in a record.
var errTwice = errors.New("a column that appears twice")

// Page returns the latest page, in valid Unicode, for [Learn].
func (s *Splitter) Page() []byte { return s.page }

var errUnclean = errors.New("text that is not valid Unicode, or contains NUL")

func (s *Splitter) split(page []byte) (Result, error) {
	sc := &s.scan
	page = append(page, padding...)
	sc.b, page = page, page[:len(page)-Padding]
	sc.err, sc.drift, sc.unclean, sc.repeated, sc.depth = nil, false, false, false, 0
	sc.flagged = false
	s.records, s.changed = s.records[:0], s.changed[:0]
	var res Result
	fail := func(i int, what string) (Result, error) {
		sc.fail(i, what)
		return Result{}, sc.err
	}

	before := sc.record
	i := sc.space(0)
	if sc.b[i] != '[' {
		return fail(i, "missing opening bracket")
	}
	i = sc.space(i + 1)
	for sc.b[i] != ']' || res.Rows+res.Messages > 0 {
		if sc.b[i] != '{' {
			return fail(i, "missing record")
		}
		start := i
		sc.newlines, sc.keys, sc.watched, sc.marked, sc.edits, sc.texts, sc.lost = false, 0, span{},
			span{}, sc.edits[:0], sc.texts[:0], sc.lost[:0]
		sc.record++
		drift := sc.drift
		if i = sc.object(i, s.shape); i < 0 || sc.err != nil {
			return Result{}, sc.err
		}
		switch {
		case sc.keys == 0 && s.keys > 0 && onlyMessage(sc.b[start:i]):
			res.Messages++
			sc.drift = drift // its member is not a column
			if sc.dropped["message"] {
				delete(sc.dropped, "message")
			}
		case sc.keys < s.keys:
			return fail(start, "a record without its key")
		default:
			s.take(&res, span{start, i})
		}
		i = sc.space(i)
		if sc.b[i] == ']' {
			break
		}
		if sc.b[i] != ',' {
			return fail(i, "missing comma or closing bracket")
		}
		i = sc.space(i + 1)
	}
	if i = sc.space(i + 1); i != len(page) {
		return fail(i, "data after the array")
	}
	if sc.unclean {
		return Result{}, errUnclean
	}
	if sc.repeated {
		return Result{}, errTwice
	}
	if sc.drift {
		return Result{}, ErrDrift
	}
	res.Records, res.Dropped, res.Flagged = s.records, sc.newlyDropped(), sc.flagged
	res.Unlisted, sc.unlisted = sc.unlisted, nil
	if res.Rows > 0 {
		res.Absent = s.absent(before)
	}
	return res, nil
}

// take notes the record that was read last, and what it says about itself.
func (s *Splitter) take(res *Result, r span) {
	sc := &s.scan
	var row Row
	if s.opts.IDs {
		var err error
		if row, err = sc.row(); err == nil {
			res.IDs = append(res.IDs, row)
		}
	}
	if !s.old(row) {
		s.add(r)
		for _, l := range sc.lost {
			res.Nulled = append(res.Nulled, Nulled{
				Column: s.shape.Columns[l.column].Name,
				ID:     string(sc.b[sc.key.from:sc.key.to]), Date: l.date,
			})
		}
	}
	if res.Rows++; res.Rows == 1 {
		res.Key = sc.b[sc.key.from:sc.key.to]
	}
	if w := sc.watched; w.to > 0 {
		res.Last = sc.b[w.from:w.to]
		if res.Rows == 1 {
			res.First = res.Last
		}
	}
}

// onlyMessage reports whether a row's only member is message.
func onlyMessage(text []byte) bool {
	var row map[string]jsontext.Value
	if len(text) > maxMessage || json.Unmarshal(text, &row,
		jsontext.AllowInvalidUTF8(true)) != nil {
		return false
	}
	_, ok := row["message"]
	return ok && len(row) == 1
}

// maxMessage is the maximum size of such a row.
const maxMessage = 4 << 10

// add adds a record: the bytes of the page, or a copy with its edits and without line breaks.
func (s *Splitter) add(r span) {
	sc := &s.scan
	if len(sc.edits) == 0 && !sc.newlines {
		s.records = append(s.records, sc.b[r.from:r.to])
		return
	}
	start := len(s.changed)
	from := r.from
	for _, e := range sc.edits {
		s.changed = append(s.changed, sc.b[from:e.from]...)
		s.changed = append(s.changed, sc.texts[e.text.from:e.text.to]...)
		from = e.to
	}
	s.changed = append(s.changed, sc.b[from:r.to]...)
	if sc.newlines {
		s.changed = s.changed[:start+compact(s.changed[start:])]
	}
	s.records = append(s.records, s.changed[start:])
}
