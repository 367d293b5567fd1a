package tap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Selection is what is to be read of a stream.
type Selection struct {
	Stream *Stream
	// Shape is that of the records to come out: columns that nobody wants are marked to be dropped.
	Shape *record.Shape
	// Fields are the columns to ask the API for; nil for all, also those that no schema knows.
	Fields []string
	// FullTable reads the whole list every time, whatever the state says.
	FullTable bool
	// Generation tells one full read from the next, where a platform counts them: a read that was
	// left under way is only gone on with where it was of the same.
	Generation string
	// NewColumns is what becomes of columns that no schema knows.
	NewColumns NewColumns
	// NullOdd makes values of another type than their column's null, in place of widening the
	// column.
	NullOdd bool
	// Unknown is what becomes of columns that no schema knows, once they are learnt; Drop leaves
	// them out.
	Unknown record.Treatment
	// Policy is a mark of how personal data is treated, kept in the state.
	Policy string
	// NoDeletes leaves the stream out of what is looked for as gone.
	NoDeletes bool
	// Version is that of the stream's records, where what is gone is looked for; 0 where it is not.
	Version int64
	// Key is that of hashes.
	Key []byte
	// Err is why the stream cannot be read as it was chosen, where that is known before; nil for no
	// reason. It ends as any stream that fails.
	Err error
	// Transform changes a page before it is read, where people asked for columns that the API does
	// not have; nil for none. It appends the new page to dst.
	Transform func(dst, page []byte) ([]byte, error)
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

// Select returns the selection of those columns of shape, which is the stream's own or has custom
// ones as well, for which wanted is true. It is asked for every column with the path of names that
// leads to it; a column that is left out takes all below it along. Key and bookmark are always
// read.
func (s *Stream) Select(shape *record.Shape, wanted func(path ...string) bool) *Selection {
	sel := &Selection{Stream: s, NewColumns: Keep}
	all := true
	sel.Shape = shape.Treat(func(path []string, c *record.Column) (own, unknown record.Treatment) {
		if c.Treatment != record.Drop && (len(path) == 1 && s.Automatic(path[0]) || wanted(path...)) {
			return c.Treatment, c.Members().Unknown
		}
		if len(path) == 1 && !c.Made {
			all = false
		}
		return record.Drop, record.Drop
	})
	if !all {
		for i := range sel.Shape.Columns {
			if c := &sel.Shape.Columns[i]; c.Treatment != record.Drop && !c.Made {
				sel.Fields = append(sel.Fields, c.Name)
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

// Selections gathers what a catalog selects. The zero value is ready for use.
type Selections struct {
	List []*Selection
}

// Add adds the selection of a stream, which is nil where there is none of that name. Errors name
// the stream.
func (s *Selections) Add(name string, stream *Stream, selection func() (*Selection, error)) error {
	if stream == nil {
		return fmt.Errorf("stream %q is selected, but there is none of that name", name)
	}
	for _, other := range s.List {
		if other.Stream.Name == name {
			return fmt.Errorf("stream %q stands there twice", name)
		}
	}
	sel, err := selection()
	if err != nil {
		return fmt.Errorf("stream %q: %w", name, err)
	}
	s.List = append(s.List, sel)
	return nil
}
