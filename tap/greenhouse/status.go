package greenhouse

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

// Status is how far each stream is, according to config, state and ledger.
type Status struct {
	tap.Identity
	Streams []StreamStatus `json:"streams"`
}

// StreamStatus is how far a stream is.
type StreamStatus struct {
	Stream string `json:"stream"`
	// CompleteUntil is the time up to which every change has been written; zero for never complete.
	CompleteUntil time.Time `json:"complete_until,omitzero"`
	// Unfinished is the number of parts of the list that are still to be read.
	Unfinished int `json:"unfinished_parts,omitzero"`
	// VerifiedUntil is the time up to which it is proven that nothing is missing; zero for never.
	VerifiedUntil time.Time `json:"verified_until,omitzero"`
	// Rows is the number of rows that the ledger knows; nil without deletes.
	Rows *int `json:"rows,omitzero"`
	// NextSweep is when the next sweep is due, and NextRead when the next read is; zero for in the
	// next run.
	NextSweep time.Time `json:"next_sweep,omitzero"`
	NextRead  time.Time `json:"next_read,omitzero"`
	// Learnt are the columns that the tap does not know, or knows with a narrower type.
	Learnt []string `json:"learnt,omitzero"`
	// Refused is since when every run that asked for the stream was refused; zero for not.
	Refused time.Time `json:"refused_since,omitzero"`
	// Scope is the scope that the credential lacks, as far as the API tells it.
	Scope string `json:"missing_scope,omitzero"`
}

// Status returns how far each stream is. It makes no request but those that tell whose the
// credential is, and writes nothing.
func (r *Run) Status(ctx context.Context) (*Status, error) {
	introspection, err := r.introspect(ctx, r.client)
	if err != nil {
		r.opts.Log.Warn("what the credential has is not shown: " + err.Error())
	}
	s := &Status{Identity: r.Identity(), Streams: []StreamStatus{}}
	for _, q := range r.queries {
		if q.Stream.Local {
			continue
		}
		one, err := r.statusOf(ctx, q)
		if err != nil {
			return nil, err
		}
		if introspection != nil && rights.Granted(introspection.Scopes(), introspection.Identity(),
			[]*tap.Stream{q.Stream})[q.Stream.Name] == rights.NoScope {
			one.Scope = q.Stream.Scope
		}
		s.Streams = append(s.Streams, one)
	}
	return s, nil
}

func (r *Run) statusOf(ctx context.Context, q *tap.Query) (StreamStatus, error) {
	name := q.Stream.Name
	bookmark := r.state.Of(name)
	s := StreamStatus{
		Stream: name, CompleteUntil: bookmark.Last(), Learnt: slices.Sorted(maps.Keys(bookmark.Learnt)),
		Refused: bookmark.Refused,
	}
	if p := bookmark.Progress; p != nil {
		s.Unfinished = len(p.Pieces)
	}
	if v := bookmark.Verified; v != nil {
		s.VerifiedUntil = v.Until
	}
	if schedule := r.scheduleOf(q); schedule.Leaves(*bookmark, r.client.Now(), r.before()) {
		s.NextRead = schedule.Due(*bookmark)
	}
	if d := r.cfg.Deletes; d != nil {
		rows, swept, err := r.look(ctx, name, bookmark)
		if err != nil {
			return s, err
		}
		s.Rows = &rows
		if !swept.IsZero() {
			s.NextSweep = swept.Add(d.Every)
		}
	}
	return s, nil
}

// look returns how many rows of a stream the ledger knows, and when it was last swept.
func (r *Run) look(ctx context.Context, stream string, b *tap.Bookmark) (
	rows int, swept time.Time, err error,
) {
	rows, swept, err = gone.Look(ctx, ledgers{r.cfg.Deletes.Store}, stream, gone.ParseToken(b.Ledger))
	if err != nil {
		err = &tap.Error{
			Kind: tap.Storage, Op: "loading the ids of " + stream, Err: err,
			Hint: "check that deletes.store exists and is readable",
		}
	}
	return rows, swept, err
}
