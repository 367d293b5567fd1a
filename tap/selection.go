package tap

import (
	"maps"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Selection is the query of a stream: which columns to ask for, the shape of the records to come
// out, and the marks by which the state tells one query from another.
type Selection struct {
	Stream *Stream
	Handling
	// Shape is that of the records to come out: columns that nobody wants are marked to be dropped.
	Shape *record.Shape
	// Fields are the columns to ask the API for; nil for all, also those that no schema knows.
	Fields []string
	// FullTable reads the whole list every time, whatever the state says.
	FullTable bool
	// Generation tells one full read from the next, where a platform counts them: a read that was
	// left under way is only gone on with where it was of the same.
	Generation string
	// Version is that of the stream's records, where what is gone is looked for; 0 where it is not.
	Version int64
	// Err is why the stream cannot be read as it was chosen, where that is known before; nil for no
	// reason. It ends as any stream that fails.
	Err error
	// Transform changes a page before it is read, where people asked for columns that the API does
	// not have; nil for none. It appends the new page to dst.
	Transform func(dst, page []byte) ([]byte, error)
}

// Handling is how the values of all streams are treated.
type Handling struct {
	// NewColumns is what becomes of columns that no schema knows; empty for Keep.
	NewColumns NewColumns
	// NullOdd makes values of another type than their column's null, in place of widening the
	// column.
	NullOdd bool
	// Unknown is how personal data in columns that no schema knows is treated, once they are
	// learnt; Drop leaves them out.
	Unknown record.Treatment
	// Key is that of hashes.
	Key []byte
	// Policy is a mark of how personal data is treated, kept in the state.
	Policy string
	// ReplacesTables tells that the loader replaces the whole table after a full read: then nobody
	// needs to be told what is gone.
	ReplacesTables bool
}

// NewColumns is what becomes of columns that no schema knows.
type NewColumns string

// Keep widens the schema; Drop leaves the column out; Warn widens the schema and says so in the
// log.
const (
	Keep NewColumns = "keep"
	Drop NewColumns = "drop"
	Warn NewColumns = "warn"
)

// Select returns the query for what was chosen of a stream. shape is that of its records as the
// program knows them: the stream's own or with custom columns, each with its treatment. Key and
// bookmark are always read.
func (c *Choice) Select(shape *record.Shape, h Handling) *Selection {
	sel := &Selection{Stream: c.Stream, Handling: h, FullTable: c.FullTable, Generation: c.Generation, Err: c.Err}
	if c.Err != nil {
		return sel
	}
	for _, name := range c.Unwanted {
		if shape.Column(name) == nil {
			shape = shape.With(record.Column{Name: name, Shape: &record.Shape{}})
		}
	}
	all := true
	sel.Shape = shape.Treat(func(path []string, col *record.Column) (own, unknown record.Treatment) {
		automatic := len(path) == 1 && c.Stream.Automatic(path[0])
		if col.Treatment != record.Drop && (automatic || c.Wanted == nil || c.Wanted(path...)) {
			return col.Treatment, col.Members().Unknown
		}
		if len(path) == 1 && !col.Made {
			all = false
		}
		return record.Drop, record.Drop
	})
	if !all {
		for i := range sel.Shape.Columns {
			if col := &sel.Shape.Columns[i]; col.Treatment != record.Drop && !col.Made {
				sel.Fields = append(sel.Fields, col.Name)
			}
		}
	}
	return sel
}

func (sel *Selection) options() record.Options {
	opts := record.Options{
		DropUnknown: sel.NewColumns == Drop || sel.Fields != nil || sel.Unknown == record.Drop, Watch: "created_at",
		Mark: sel.Stream.Bookmark, Unknown: sel.Unknown, NullOdd: sel.NullOdd, Key: sel.Key,
	}
	if c := sel.Shape.Column("created_at"); c == nil || c.Treatment == record.Drop {
		opts.Watch = sel.Stream.Bookmark
	}
	return opts
}

// query is a mark of what is asked of the list. A cursor goes on with the query that it came from,
// so one that is kept in the state is only good for the same query.
func (sel *Selection) query() string {
	q := strings.Join(sel.Fields, ",")
	if !sel.incremental() {
		q = "full " + sel.Generation + ":" + q
	}
	for _, name := range slices.Sorted(maps.Keys(sel.Stream.Params)) {
		q += "&" + name + "=" + sel.Stream.Params[name]
	}
	return q
}

func (sel *Selection) incremental() bool { return sel.Stream.Bookmark != "" && !sel.FullTable }
