package gone

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// What the read of a stream asks its ledger, and notes in it before and after rows are written.

// Version is the version of the stream's rows.
func (l *Ledger) Version() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.header.Version
}

// FitsOnePage reports whether the list is known to fit on a page: reading all of it costs the same
// single request, and shows what is gone.
func (l *Ledger) FitsOnePage() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.swept.IsZero() && max(l.rows.Len(), l.length) <= tap.PageRows && l.listing == nil
}

// Outgrown notes that the list no longer fits on a page.
func (l *Ledger) Outgrown(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.length > tap.PageRows {
		return nil // another pass has found out
	}
	l.length = tap.PageRows + 1
	return l.save(ctx, kindSwept, toJSON(swept{l.swept, l.length}))
}

// Delivered reports whether a row was delivered as of its latest change.
func (l *Ledger) Delivered(row record.Row) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	stamp, ok := l.rows.Get(row.ID)
	return ok && stamp == StampOf(row.Mark)
}

// UpToDate reports whether a row was delivered as of its latest change, or is left out on purpose.
func (l *Ledger) UpToDate(row record.Row) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.upToDate(row)
}

func (l *Ledger) upToDate(row record.Row) bool {
	stamp, ok := l.rows.Get(row.ID)
	return ok && stamp == StampOf(row.Mark) || l.leftOut(row)
}

// leftOut reports whether a row was never delivered, on purpose.
func (l *Ledger) leftOut(row record.Row) bool {
	_, ok := l.rows.Get(row.ID)
	return !ok && l.older(row)
}

// Page is a page whose rows are about to be written.
type Page struct {
	Rows []record.Row
	// Pass is the pass that it belongs to, Next leads to the next page, and Asked is when it was
	// requested, by the server's clock.
	Pass  int
	Next  string
	Asked time.Time
	// First is true for the first page of the pass.
	First bool
	// Without reports whether a row of the page is not written; nil for none.
	Without func(record.Row) bool
	// Partial means that the read is no listing: it has bounds, or was begun by another run.
	Partial bool
}

// Note notes the rows of a page before they are written: a row in the warehouse with an unknown id
// could vanish unnoticed. Known rows are noted again, since another run may report them as gone at
// the same time. It returns the number to pass to [Ledger.Wrote] afterwards; 0 if there is
// nothing to note.
func (l *Ledger) Note(ctx context.Context, p Page) (number uint64, err error) {
	shown, rows := stamped(p.Rows, nil), stamped(p.Rows, p.Without)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listed(p, shown)
	l.newest.saw(p.Rows, l.leftOut)
	if len(rows) == 0 {
		return 0, nil
	}
	ids := idsOf(rows)
	l.overlap(rows)
	var set Rows
	set.Put(rows)
	if err := l.save(ctx, kindWritten, set.Append(nil)); err != nil {
		return 0, err
	}
	l.rows.Put(rows)
	l.reported.Delete(ids)
	l.unwritten[l.number] = ids
	return l.number, nil
}

// stamped returns rows with their stamps, in [Sorted] order, but for those that without reports; nil
// for none.
func stamped(rows []record.Row, without func(record.Row) bool) []Row {
	all := make([]Row, 0, len(rows))
	for _, row := range rows {
		if without == nil || !without(row) {
			all = append(all, Row{row.ID, StampOf(row.Mark)})
		}
	}
	return Sorted(all)
}

// overlap makes rows unsure that another page has as of another change, which is noted and not
// written yet: pages that are read at the same time are written in any order, so nobody knows which
// one the loader gets last.
func (l *Ledger) overlap(rows []Row) {
	for _, ids := range l.unwritten {
		for i, row := range rows {
			if _, ok := slices.BinarySearchFunc(ids, row.ID, lower); !ok {
				continue
			}
			if noted, _ := l.rows.Get(row.ID); noted != row.Stamp || noted == Any {
				rows[i].Stamp = Unsure
			}
		}
	}
}

// lower compares ids for the order of [Sorted].
func lower(a, b int64) int { return cmp.Compare(b, a) }

// listed adds a page to the listing that the read is.
func (l *Ledger) listed(p Page, rows []Row) {
	switch {
	case p.Partial:
		l.fromRead = nil
	case l.fromRead == nil:
	case p.First && l.fromRead.Passes[p.Pass].Cursor != "":
		// The pass begins again, since its cursor expired.
		l.fromRead.Passes[p.Pass] = newListing(1).Passes[0]
		l.newest.unknown = true
		fallthrough
	default:
		l.fromRead.page(p.Pass, &l.rows, rows, p.Next, p.Asked)
	}
}

// Wrote notes that the rows of an entry were written.
func (l *Ledger) Wrote(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unwritten, number)
}

// Token is what a state may say now: everything up to it was written before.
func (l *Ledger) Token() Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := l.appended
	for n := range l.unwritten {
		number = min(number, n-1)
	}
	if number == 0 {
		return l.token
	}
	return Token{l.run, number}
}

// Slow reports whether each change of the ledger costs a request.
func (l *Ledger) Slow() bool { return l.store.Slow() }
