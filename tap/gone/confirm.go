package gone

import (
	"context"
	"fmt"
	"slices"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The end of a row: it is asked for, and reported as gone, unless too many are.

const (
	// confirmRows is the number of rows that are confirmed before they are reported, so that a run
	// that ends early makes progress.
	confirmRows = 500
	// fewGone is the number of rows that may be gone whatever their share.
	fewGone = 20
)

// confirm asks for rows: those that exist are written if they are missing or stale, and the known
// ones that do not are reported as gone. It reports whether it reached the end.
func (l *Ledger) confirm(ctx context.Context, w World, ids []int64) (done bool, err error) {
	for some := range slices.Chunk(ids, confirmRows) {
		var dead, asked []int64
		for batch := range slices.Chunk(some, tap.MaxIDs) {
			if w.Over() {
				break
			}
			living, err := w.Ask(ctx, batch)
			if err != nil {
				return false, fmt.Errorf("asking for rows that a listing missed: %w", err)
			}
			for _, id := range batch {
				if !slices.Contains(living, id) {
					dead = append(dead, id)
				}
			}
			asked = append(asked, batch...)
		}
		if reported, err := l.report(ctx, w, dead); err != nil || !reported {
			return false, err
		}
		l.settled(asked)
		if len(asked) < len(some) {
			return false, nil
		}
	}
	return true, nil
}

// report reports the known rows among some that do not exist.
func (l *Ledger) report(ctx context.Context, w World, dead []int64) (ok bool, err error) {
	l.mu.Lock()
	dead = slices.DeleteFunc(dead, func(id int64) bool {
		_, known := l.rows.Get(id)
		_, reported := l.reported.Get(id)
		return !known && !reported
	})
	if len(dead) == 0 {
		l.mu.Unlock()
		return true, nil
	}
	rows := unsureRows(dead)
	err = l.save(ctx, kindReported, rows.Append(nil))
	number := l.number
	if err == nil {
		l.rows.Delete(dead)
		l.reported.Put(slices.Collect(rows.All()))
		l.unwritten[number] = dead
	}
	l.mu.Unlock()
	if err != nil {
		return false, err
	}
	if ok, err = w.Report(ctx, dead, number); ok {
		l.found.Gone += len(dead)
	}
	return ok, err
}

// tooMany is the error of a stream of which implausibly many rows have vanished. The listing is
// dropped: the next run makes a new one, in which they may be back.
func (l *Ledger) tooMany(ctx context.Context, gone int, s Sweep) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.rows.Len()
	if l.foreign || s.Accept || gone <= fewGone || float64(gone) <= s.MaxShare*float64(all) {
		return nil
	}
	if err := l.dropLocked(ctx); err != nil {
		return err
	}
	return &TooManyError{Gone: gone, Of: all}
}

// forget removes rows that another credential saw, and this one does not: nobody knows whether they
// exist. So it does with rows that were reported, and that no state has acknowledged: one that
// lives again would be reported once more.
func (l *Ledger) forget(ctx context.Context, ids []int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids = descending(append(ids, idsOf(slices.Collect(l.reported.All()))...))
	if len(ids) > 0 {
		rows := unsureRows(ids)
		if err := l.save(ctx, kindForgotten, rows.Append(nil)); err != nil {
			return err
		}
		l.rows.Delete(ids)
		l.reported.Delete(ids)
		l.log.Warn("rows that only another credential or user_id saw are not reported as gone",
			"stream", l.stream, "rows", len(ids))
	}
	l.foreign, l.ReadAs = false, l.as
	return l.save(ctx, kindHeader, toJSON(l.header))
}
