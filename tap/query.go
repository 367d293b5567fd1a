package tap

import (
	"maps"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Query is what is asked of a stream: which columns to request, the shape of the resulting records,
// and the fingerprints by which the state recognizes the query.
type Query struct {
	Stream *Stream
	Handling
	// Shape is the shape of the resulting records; unwanted columns are marked to be dropped.
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

// Handling is how the values of all streams are treated.
type Handling struct {
	// NewColumns says how to treat unknown columns; empty for Keep.
	NewColumns NewColumns
	// NullOdd replaces values by null if their type does not fit their column, instead of widening
	// the column.
	NullOdd bool
	// Unknown is the treatment of unknown columns under a privacy policy; Drop leaves them out.
	Unknown record.Treatment
	// Key is the key of hashes.
	Key []byte
	// Policy is a fingerprint of the privacy policy, kept in the state.
	Policy string
	// ReplacesTables means that the loader replaces the whole table after a full read, so that
	// deleted rows need not be reported.
	ReplacesTables bool
}

// NewColumns says how to treat columns that no schema has.
type NewColumns string

// Keep widens the schema, Drop leaves the column out, and Warn widens the schema and logs a
// warning.
const (
	Keep NewColumns = "keep"
	Drop NewColumns = "drop"
	Warn NewColumns = "warn"
)

// Select returns the query for a choice. shape is the shape of the stream's records, with custom
// columns and the treatment of each column. The key and the bookmark are always read.
func (c *Choice) Select(shape *record.Shape, h Handling) *Query {
	q := &Query{
		Stream: c.Stream, Handling: h, FullTable: c.FullTable,
		Generation: c.Generation, Err: c.Err,
	}
	if c.Err != nil {
		return q
	}
	for _, name := range c.Unwanted {
		if shape.Column(name) == nil {
			shape = shape.With(record.Column{Name: name, Shape: &record.Shape{}})
		}
	}
	c.unknown(shape)
	all := true
	whole := map[string]bool{} // columns of which all members come
	q.Shape = shape.Treat(func(path []string, col *record.Column) (own, below record.Treatment) {
		name, parent := strings.Join(path, "\x00"), strings.Join(path[:len(path)-1], "\x00")
		automatic := len(path) == 1 && c.Stream.Automatic(path[0])
		if col.Treatment != record.Drop && (automatic || whole[parent] || c.wants(path)) {
			whole[name] = whole[parent] || !c.wantsBelow(path, col)
			return col.Treatment, col.Members().Unknown
		}
		if len(path) == 1 && !col.Made {
			all = false
		}
		return record.Drop, record.Drop
	})
	if !all {
		for i := range q.Shape.Columns {
			if col := &q.Shape.Columns[i]; col.Treatment != record.Drop && !col.Made {
				q.Fields = append(q.Fields, col.Name)
			}
		}
	}
	c.follow(q.Shape)
	q.Notes = c.Notes
	return q
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

// Options returns how the pages of the query are split.
func (q *Query) Options() record.Options {
	opts := record.Options{
		DropUnknown: q.NewColumns == Drop || q.Fields != nil || q.Unknown == record.Drop,
		Watch:       "created_at",
		Mark:        q.Stream.Bookmark, Unknown: q.Unknown, NullOdd: q.NullOdd, Key: q.Key,
		Unclassified: q.NewColumns != Drop && q.Unknown == record.Drop,
	}
	if a := q.Stream.Anonymized; a != nil {
		opts.Flag = record.Flag{Column: a.Column, Value: a.Value}
	}
	if c := q.Shape.Column("created_at"); c == nil || c.Treatment == record.Drop {
		opts.Watch = q.Stream.Bookmark
	}
	return opts
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
