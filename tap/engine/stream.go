package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// stream is a selected stream in one run.
type stream struct {
	query    *tap.Query
	options  record.Options
	base     *record.Shape             // before anything was learnt; empty if it cannot be read
	leftOut  map[string]jsontext.Value // learnt by earlier runs, and left out by this one
	bookmark tap.Bookmark              // as the run found it
	report   report
	list     list
	// ended means that the end of the stream was reported: its tasks are dropped.
	ended atomic.Bool

	out output // the writer owns it

	// What follows is set when the stream's turn comes, before its first page is requested.

	read        *progress.Read // from then on, the writer owns it
	ledger      *gone.Ledger   // what is known of its rows; nil without deletes
	keptVersion int64          // the version that a run without deletes keeps; 0 for none
}

// list is what is known of a stream's list. Its lock guards it from the workers.
type list struct {
	mu sync.Mutex
	schema
	refused refused
	nulled  map[string]int // warnings of values that became null, by column
	onePage bool           // it fits on a page, so it is requested without bounds
	perPage int            // records per page, after a page was too large; 0 for the maximum
}

// schema is the shape of a stream's records, as far as it is known.
type schema struct {
	shape    *record.Shape
	revision int // incremented with each wider shape
	// learnt is what the state keeps of it, beyond the stream's file; nil for nothing.
	learnt map[string]jsontext.Value
}

// refused are the optional parts of a request that the API refused. They are not sent again in this
// run.
type refused struct{ fields, before, from bool }

// newStream prepares a query, with the shape that earlier runs learnt.
func (r *run) newStream(q *tap.Query, bookmark tap.Bookmark) (*stream, error) {
	st := &stream{query: q, base: q.Shape, bookmark: bookmark}
	st.out.verified = bookmark.Verified
	if st.base == nil {
		st.base = record.NewObject(nil) // it cannot be read: q.Err says why
	}
	st.options = r.splitting(q, st.base)
	st.report.Stream, st.report.Status = q.Stream.Name, tap.Unfinished
	st.list.shape = st.base
	shape, leftOut, err := q.Learnt(bookmark.Learnt)
	if err != nil {
		return nil, &tap.Error{
			Kind: tap.BadInput, Op: "state of stream " + q.Stream.Name, Err: err,
		}
	}
	st.leftOut = leftOut
	if q.Shape != nil && shape != q.Shape {
		st.list.schema = schema{shape: shape, learnt: st.keep(shape)}
	}
	return st, nil
}

// splitting returns how the pages of a query are split.
func (r *run) splitting(q *tap.Query, shape *record.Shape) record.Options {
	opts := record.Options{
		Watch: "created_at", Mark: q.Stream.Bookmark,
		NullUnfit: r.TypeChanges == tap.Null, Key: r.PrivacyKey,
	}
	if a := q.Stream.Anonymized; a != nil {
		opts.Flag = record.Flag{Column: a.Column, Value: a.Value}
	}
	if c := shape.Column("created_at"); c == nil || c.Treatment == record.Drop {
		opts.Watch = q.Stream.Bookmark
	}
	return opts
}

// keep returns what the state keeps of a shape: what it has beyond the stream's file, and what
// earlier runs learnt of columns that this one does not read.
func (st *stream) keep(shape *record.Shape) map[string]jsontext.Value {
	keep := maps.Clone(st.leftOut)
	maps.Copy(keep, shape.Differences(st.base))
	return keep
}

// version is the version of the stream's records; 0 for none.
func (st *stream) version() int64 {
	if st.ledger == nil {
		return st.keptVersion
	}
	return st.ledger.Version()
}

// current returns the shape as it is known now.
func (st *stream) current() schema {
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	return st.list.schema
}

// request returns the request for the start of a task's piece.
func (st *stream) request(t *task) tap.Request {
	st.list.mu.Lock()
	refused := st.list.refused
	if t.cursor == "" {
		t.perPage = st.list.perPage
	}
	st.list.mu.Unlock()
	p := t.piece
	req := tap.Request{
		Stream: st.query.Stream, Params: st.query.Stream.ReadParams()[p.Pass], From: p.From,
		Before: p.Before, Fields: st.query.Fields, PerPage: t.perPage,
	}
	if refused.fields {
		req.Fields = nil
	}
	if refused.before {
		req.Before = time.Time{}
	}
	if refused.from {
		req.From = time.Time{}
	}
	return req
}

// reduce notes which optional part of a refused request to leave out from now on; false if there is
// none. If the API names parameters that were sent, only those are left out.
func (st *stream) reduce(req tap.Request, named []string) (what string, ok bool) {
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	if !slices.ContainsFunc(named, req.Sends) {
		named = nil
	}
	may := func(name string) bool { return named == nil || slices.Contains(named, name) }
	switch {
	case req.Cursor != "":
		return "", false
	case len(req.Fields) > 0 && may("fields"):
		st.list.refused.fields = true
		return "fields", true
	case !req.Before.IsZero() && may(req.Stream.Bookmark):
		st.list.refused.before = true
		return "the upper bound", true
	case !req.From.IsZero() && may(req.Stream.Bookmark):
		st.list.refused.from = true
		return "the lower bound", true
	}
	return "", false
}

// shrink notes that pages of a size are too large, and reports whether smaller ones may be asked
// for. If another piece was faster, the size is smaller already.
func (st *stream) shrink(perPage int) (smaller int, ok bool) {
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	if st.list.perPage == perPage {
		if perPage == 1 {
			return 0, false
		}
		st.list.perPage = max(1, cmp.Or(perPage, tap.PageRows)/4)
	}
	return st.list.perPage, true
}

// fitsOnePage reports whether the list is requested as a whole, because it fits on a page.
func (st *stream) fitsOnePage() bool {
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	return st.list.onePage
}

// fits notes whether the list fits on a page.
func (st *stream) fits(onePage bool) {
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	st.list.onePage = onePage
}

// learn widens the stream's shape to admit a page. If another goroutine was faster, it does
// nothing.
func (w *worker) learn(page []byte, seen *record.Shape) error {
	st := w.stream
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	if st.list.shape != seen {
		return nil
	}
	wider, columns, err := record.Learn(st.list.shape, page, st.options)
	if err != nil {
		return fmt.Errorf("learning new columns: %w", err)
	}
	for _, name := range columns {
		level, what := slog.LevelInfo, "a column has a value of another type: widening its schema"
		isNew := st.list.shape.Column(name) == nil
		st.report.changed(name, isNew)
		if isNew {
			what = "a new column: adding it to the schema"
			if w.NewColumns == tap.Warn {
				level = slog.LevelWarn
			}
		}
		w.Log.Log(context.Background(), level, what, "stream", st.query.Stream.Name, "column", name)
	}
	st.list.schema = schema{shape: wider, revision: st.list.revision + 1, learnt: st.keep(wider)}
	return nil
}

// maxUndated is how many texts of one column that are no dates are named.
const maxUndated = 20

// warnNulled warns of values that became null: of another type once per column, of a text that is
// no date by the id of its record.
func (st *stream) warnNulled(nulled []record.Nulled, log *slog.Logger) {
	if len(nulled) == 0 {
		return
	}
	st.list.mu.Lock()
	defer st.list.mu.Unlock()
	if st.list.nulled == nil {
		st.list.nulled = map[string]int{}
	}
	for _, n := range nulled {
		what, most := "a value was replaced by null: its type does not fit its column", 1
		if n.Date {
			what, most = "a text that is no date was replaced by null", maxUndated
		}
		st.list.nulled[n.Column]++
		switch count := st.list.nulled[n.Column]; {
		case count > most:
			continue
		case count == maxUndated:
			what += "; further ones of this column are not named"
		}
		log.Warn(what, "stream", st.query.Stream.Name, "column", n.Column, "id", n.ID)
	}
}
