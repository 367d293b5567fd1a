package gone

import (
	"context"
	"fmt"
	"slices"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The repair of a sweep: rows that are missing or outdated are read by their ids.

// repair reads rows that are missing or stale, and all rows that are unsure. It returns the known
// ones that no longer exist, and reports whether it reached the end.
func (l *Ledger) repair(ctx context.Context, w World, listing *Listing) (
	dead []int64, done bool, err error,
) {
	stale := l.unsure(listing)
	if len(stale) == 0 {
		return nil, true, nil
	}
	l.log.Warn("rows in Greenhouse are missing or outdated in what was delivered: reading them",
		"stream", l.stream, "rows", len(stale))
	for batch := range slices.Chunk(stale, tap.MaxIDs) {
		if w.Over() {
			return nil, false, nil
		}
		living, err := w.Ask(ctx, batch)
		if err != nil {
			return nil, false, fmt.Errorf("asking for rows that are missing or outdated: %w", err)
		}
		for _, id := range batch {
			if !slices.Contains(living, id) {
				dead = append(dead, id)
				l.newest.unknown = true // it may be the row
			}
		}
		l.settled(living)
	}
	l.found.Repaired = len(stale) - len(dead)
	return dead, true, nil
}

// unsure returns the rows that a listing found to be stale or missing in the warehouse, and those
// of which nobody knows whether they are there, but for those that it does not have.
func (l *Ledger) unsure(listing *Listing) []int64 {
	missing := map[int64]bool{}
	for _, id := range l.vanished(listing, nil) {
		missing[id] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := slices.Clone(listing.Stale)
	for row := range l.rows.All() {
		if row.Stamp == Unsure && !missing[row.ID] {
			ids = append(ids, row.ID)
		}
	}
	return descending(ids)
}

// descending sorts ids, the highest first, each once.
func descending(ids []int64) []int64 {
	slices.SortFunc(ids, lower)
	return slices.Compact(ids)
}

// settled notes that rows were asked for, in the listing that the ledger keeps.
func (l *Ledger) settled(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listing != nil && len(ids) > 0 {
		p := news{Settled: ids}
		l.listing.settle(ids)
		l.addNews(l.listing, p)
	}
}
