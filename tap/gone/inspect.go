package gone

import (
	"context"
	"slices"
	"time"
)

// Status is what a ledger says, as a state sees it.
type Status struct {
	Stream string `json:"stream"`
	Ledger string `json:"ledger"` // where it is
	// Version is that of the stream's rows; 0 if nothing is known of them.
	Version int64 `json:"version"`
	// Rows are in the warehouse. Of those that are unsure, nobody knows whether they are, and how.
	Rows   int `json:"rows"`
	Unsure int `json:"unsure"`
	// Reported are rows that were reported as gone, which no state has acknowledged yet.
	Reported []int64 `json:"reported"`
	// Swept is when the last complete listing began; zero for never.
	Swept time.Time `json:"swept,omitzero"`
	// Listing is a listing under way; nil for none.
	Listing *ListingStatus `json:"listing"`
	// Place is the latest place that a state has acknowledged, and State the place in the state.
	Place string `json:"place"`
	State string `json:"state"`
	// Belongs reports whether ledger and state belong together. Why says what is wrong if not.
	Belongs bool   `json:"belongs"`
	Why     string `json:"why"`
}

// ListingStatus is a listing under way.
type ListingStatus struct {
	Began   time.Time `json:"began"`
	Rows    int       `json:"rows"` // so far
	Missing int       `json:"missing"`
	Stale   int       `json:"stale"`
	// Done means that all pages were read: rows are being asked for.
	Done bool `json:"done"`
}

// Inspect returns what the ledger of a stream says. It changes nothing.
func Inspect(ctx context.Context, store Store, o Opening) (*Status, error) {
	in, err := load(ctx, store, o)
	if err != nil {
		return nil, err
	}
	s := &Status{
		Stream: o.Stream, Ledger: store.Name(o.Stream), Version: in.Version, Rows: in.rows.Len(),
		Reported: idsOf(slices.Collect(in.reported.All())), Swept: in.swept,
		Place: in.head.String(), State: o.Token.String(), Belongs: in.trusted, Why: in.why,
	}
	for row := range in.rows.All() {
		if row.Stamp == Unsure {
			s.Unsure++
		}
	}
	if l := in.listing; l != nil {
		s.Listing = &ListingStatus{
			Began: l.Began, Rows: l.Rows, Missing: len(l.missing()), Stale: len(l.Stale),
			Done: l.done(),
		}
	}
	return s, nil
}
