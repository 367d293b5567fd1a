package tap

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// streamRun is the reading of one stream in one sync. Its plan does not change, its progress
// belongs to the workers, under the lock, and what stdout has of it belongs to the output's
// goroutine.
type streamRun struct {
	plan
	mu sync.Mutex
	progress
	out written
}

// plan says what to read of a stream, and how.
type plan struct {
	sel     *Selection
	options record.Options
	reading reading
	base    *record.Shape // as in the stream's file
	unread  map[string]jsontext.Value
	late    time.Time // the state's bookmark; zero for none
	before  time.Time // when the last complete read began; zero for never
	rest    time.Duration
	whole   bool       // the list is read whole, whatever the bookmark says
	from    *time.Time // the lower bound of that read; nil for the start date
	track   *tracking  // what is known of its rows; nil without deletes
}

// progress is how much has been read.
type progress struct {
	known   known
	open    int       // pieces that have not ended
	resumed bool      // an earlier run began this read
	cut     bool      // the list is read in parts
	follows bool      // what is read follows a full table
	began   time.Time // when the first page was asked for
	refused refused
	err     error
	skipped bool // left out for lack of a scope
	rested  bool // its last complete read is recent enough
	pages   int
	records int
	bytes   int64
	first   time.Time // when the first request was made, by this machine's clock
	last    time.Time // when the latest page was written
	changes []string  // columns that are new or had a value of another type
	gone    int       // rows that were reported as gone
	said    bool      // it was read, and no more anonymized rows will turn up in it
	untold  bool      // rows are gone, but could not be reported yet
	odd     int       // rows that contain only a message
	shown   written   // a copy of what stdout has, for observers
	// expected is the estimated number of pages; 0 if unknown.
	expected int
	nulled   map[string]bool // columns with a value that became null because of its type
}

// written is what stdout has of a stream.
type written struct {
	started, announced, ended bool
	version, learnt, records  int
}

// expect notes the estimated number of pages of one pass, and returns the estimate for all passes:
// at least one more than were read.
func (r *streamRun) expect(pages int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = max(r.expected+pages, r.pages+1)
	return r.expected
}

// refused are the optional parts of a request that the API refused. They are not sent again in this
// run.
type refused struct{ fields, before, from bool }

// known is the shape of a stream's records, as far as it is known.
type known struct {
	shape   *record.Shape
	version int // incremented with each wider shape
	// what the state keeps of it, beyond the stream's file; nil for nothing
	learnt map[string]jsontext.Value
}

// newRun plans the read of a selection, with the shape that earlier runs learnt.
func (s *syncer) newRun(sel *Selection) (*streamRun, error) {
	b := s.state.Of(sel.Stream.Name)
	if sel.Shape == nil {
		sel.Shape = record.NewObject(nil) // it cannot be read: sel.Err says why
	}
	r := &streamRun{plan: plan{
		sel: sel, options: sel.options(), base: sel.Shape, unread: map[string]jsontext.Value{},
		late: b.Until, before: b.last(),
		reading: reading{
			query: sel.query(), passes: len(sel.Stream.passes()), full: !sel.incremental(),
			timed:    sel.Stream.Bookmark != "",
			lookback: s.Lookback, readAs: s.ReadAs, policy: sel.Policy, startDate: s.StartDate,
		},
	}}
	if s.Refresh != nil {
		r.rest = s.Refresh(sel.Stream.Name)
	}
	if err := s.track(s.ctx, r, b); err != nil {
		sel.Err = err // of this stream alone
	}
	r.known.shape = sel.Shape
	learnt := map[string]jsontext.Value{}
	for column, schema := range b.Learnt {
		into := learnt
		if c := sel.Shape.Column(column); c == nil && r.options.DropUnknown || c != nil &&
			c.Treatment == record.Drop {
			into = r.unread
		}
		into[column] = schema
	}
	if len(learnt) > 0 {
		shape, err := sel.Shape.Learnt(learnt, r.options.Unknown)
		if err != nil {
			return nil, &Error{Kind: BadInput, Op: "state of stream " + sel.Stream.Name, Err: err}
		}
		r.known = known{shape: shape, learnt: r.keep(shape)}
	}
	return r, nil
}

// keep returns what the state keeps of a shape: what it has beyond the stream's file, and what
// earlier runs learnt of columns that this one does not read.
func (r *streamRun) keep(shape *record.Shape) map[string]jsontext.Value {
	keep := maps.Clone(r.unread)
	maps.Copy(keep, shape.Differences(r.base))
	return keep
}

func (r *streamRun) current() known {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known
}

func (r *streamRun) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil
}

// asked notes when a first page was requested. A list of several passes that continues is read in
// parts: see [Progress.Cut].
func (r *streamRun) asked(at time.Time, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = r.cut || more && r.reading.passes > 1 && !r.follows
	if r.began.IsZero() || at.Before(r.began) {
		r.began = at
	}
}

// reduce notes which optional part of a refused request to leave out from now on; false if there is
// none. If the API names parameters that were sent, only those are left out.
func (r *streamRun) reduce(req Request, named []string) (what string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(named, req.sends) {
		named = nil
	}
	may := func(name string) bool { return named == nil || slices.Contains(named, name) }
	switch {
	case req.Cursor != "":
		return "", false
	case len(req.Fields) > 0 && may("fields"):
		r.refused.fields = true
		return "fields", true
	case !req.Before.IsZero() && may(req.Stream.Bookmark):
		r.refused.before = true
		return "the upper bound", true
	case !req.From.IsZero() && may(req.Stream.Bookmark):
		r.refused.from = true
		return "the lower bound", true
	}
	return "", false
}

// learn widens the run's shape to admit a page. If another goroutine was faster, it does nothing.
func (r *streamRun) learn(page []byte, seen *record.Shape, log *slog.Logger) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known.shape != seen {
		return nil
	}
	wider, columns, err := record.Learn(r.known.shape, page, r.options)
	if err != nil {
		return fmt.Errorf("learning new columns: %w", err)
	}
	for _, name := range columns {
		if !slices.Contains(r.changes, name) {
			r.changes = append(r.changes, name)
		}
		level, what := slog.LevelInfo, "a column has a value of another type: widening its schema"
		if r.known.shape.Column(name) == nil {
			what = "a new column: adding it to the schema"
			if r.sel.NewColumns == Warn {
				level = slog.LevelWarn
			}
		}
		log.Log(context.Background(), level, what, "stream", r.sel.Stream.Name, "column", name)
	}
	r.known = known{shape: wider, version: r.known.version + 1, learnt: r.keep(wider)}
	return nil
}
