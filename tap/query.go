package tap

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Query is what is asked of a stream: which columns to request, the shape of the resulting records,
// and the fingerprint by which the state recognizes it. [Choice.Select] makes it; nothing changes
// it.
type Query struct {
	Stream *Stream
	// Shape is the shape of the resulting records; unwanted columns are marked to be dropped. It is
	// nil if Choice.Select had none.
	Shape *record.Shape
	// Fields are the columns to request; nil for all, including unknown ones.
	Fields []string
	// FullTable reads the whole list every time, whatever the state says.
	FullTable bool
	// Generation distinguishes full reads, on platforms that count them: an unfinished read is
	// continued only in its own generation.
	Generation string
	// Notes are what a person should know about what was selected.
	Notes []string
	// Err is why the stream cannot be read as selected, if that is already known. The stream then
	// fails like any other.
	Err error
	// Transform changes a page before it is read, to add columns that the API does not have; nil
	// for none. It appends the new page to dst.
	Transform func(dst, page []byte) ([]byte, error)
}

// Maker makes columns that the API does not have from those that it has.
type Maker interface {
	// Make returns how to change the pages of a stream so that they have the columns of shape that
	// are not dropped, and the columns to request for that. nil changes nothing; fields are the
	// columns that would be requested without it, nil for all.
	Make(s *Stream, shape *record.Shape, fields []string) (
		transform func(dst, page []byte) ([]byte, error), request []string)
}

// Select returns the query for a choice. shape is the shape of the stream's records, with custom
// columns and the treatment of each column; nil if the stream cannot be read. maker adds columns to
// its pages; nil for none. The key and the bookmark are always read.
func (c *Choice) Select(shape *record.Shape, maker Maker) *Query {
	q := &Query{
		Stream: c.Stream, FullTable: c.FullTable, Generation: c.Generation, Err: c.Err,
	}
	if shape == nil {
		return q
	}
	for _, name := range c.Unwanted {
		if shape.Column(name) == nil {
			shape = shape.With(record.Column{Name: name, Shape: &record.Shape{}})
		}
	}
	c.unknown(shape)
	q.Shape, q.Fields = c.treat(shape)
	if maker != nil {
		q.Transform, q.Fields = maker.Make(c.Stream, q.Shape, q.Fields)
	}
	if q.Fields != nil && q.Shape.Unknown != record.Drop {
		q.Shape = q.Shape.WithUnknown(record.Drop, false) // only known columns are requested
	}
	c.follow(q.Shape)
	q.Notes = c.Notes
	return q
}

// treat drops the columns that are not wanted, and returns the API's columns to request; nil for
// all.
func (c *Choice) treat(shape *record.Shape) (treated *record.Shape, fields []string) {
	all := true
	whole := map[string]bool{} // columns of which all members come
	treated = shape.Treat(func(path []string, col *record.Column) (column, unknown record.Treatment) {
		name, parent := strings.Join(path, "\x00"), strings.Join(path[:len(path)-1], "\x00")
		automatic := len(path) == 1 && c.Stream.Automatic(path[0])
		if col.Treatment != record.Drop && (automatic || whole[parent] || c.wants(path)) {
			whole[name] = whole[parent] || !c.wantsBelow(path, col)
			return col.Treatment, col.Members().Unknown
		}
		if len(path) == 1 && !col.Added {
			all = false
		}
		return record.Drop, record.Drop
	})
	if all {
		return treated, nil
	}
	for i := range treated.Columns {
		if col := &treated.Columns[i]; col.Treatment != record.Drop && !col.Added {
			fields = append(fields, col.Name)
		}
	}
	return treated, fields
}

func (c *Choice) wants(path []string) bool { return c.Wanted == nil || c.Wanted(path...) }

// wantsBelow reports whether a member of a column is wanted. If none is, the catalog's tool could
// not select members: a selected column is no wish for empty objects.
func (c *Choice) wantsBelow(path []string, col *record.Column) bool {
	for i := range col.Members().Columns {
		member := &col.Members().Columns[i]
		if member.Treatment != record.Drop && c.wants(append(slices.Clone(path), member.Name)) {
			return true
		}
	}
	return false
}

// Learnt returns the shape with what earlier runs have learnt of its columns. What they learnt of
// columns that this query leaves out, which is all of it if it cannot be read, is leftOut.
func (q *Query) Learnt(columns map[string]jsontext.Value) (shape *record.Shape,
	leftOut map[string]jsontext.Value, err error,
) {
	leftOut = map[string]jsontext.Value{}
	if q.Shape == nil {
		return nil, maps.Clone(columns), nil
	}
	read := map[string]jsontext.Value{}
	for column, schema := range columns {
		into := read
		if c := q.Shape.Column(column); c == nil && q.Shape.Unknown == record.Drop ||
			c != nil && c.Treatment == record.Drop {
			into = leftOut
		}
		into[column] = schema
	}
	shape, err = q.Shape.Learnt(read)
	return shape, leftOut, err
}

// Fingerprint identifies what is requested. A cursor continues its own query only, so a cursor in
// the state is valid only for the same query.
func (query *Query) Fingerprint() string {
	q := strings.Join(query.Fields, ",")
	if !query.Incremental() {
		q = "full " + query.Generation + ":" + q
	}
	for _, name := range slices.Sorted(maps.Keys(query.Stream.Params)) {
		q += "&" + name + "=" + query.Stream.Params[name]
	}
	return q
}

// Incremental reports whether only what changed since the bookmark is read.
func (q *Query) Incremental() bool { return q.Stream.Bookmark != "" && !q.FullTable }

// Resumable reports whether a later run may continue an unfinished read: a full table belongs to
// one run, or to one generation on platforms that count them, since loaders may replace theirs.
func (q *Query) Resumable() bool {
	return q.Stream.Bookmark != "" && (!q.FullTable || q.Generation != "")
}

// LeavesOut reports whether the catalog deselects a column that this program adds.
func (q *Query) LeavesOut(column string) bool {
	if q.Shape == nil {
		return false
	}
	c := q.Shape.Column(column)
	return c != nil && c.Treatment == record.Drop
}
