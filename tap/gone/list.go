package gone

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The listing of a sweep: the pages, and what they show to be missing or outdated.

// savedPages is the number of pages between entries of a listing under way.
const savedPages = 20

// list returns the listing that the run's read was, or makes one, from where an earlier run
// stopped; nil if none is due, or the run ended before.
func (l *Ledger) list(ctx context.Context, w World, s Sweep) (*Listing, error) {
	if err := l.outdated(ctx, s); err != nil {
		return nil, err
	}
	l.mu.Lock()
	whole, due := l.fromRead, l.listingDue(s)
	if whole != nil && whole.done() && l.listing == nil {
		l.mu.Unlock()
		return whole, nil
	}
	if !due {
		l.mu.Unlock()
		return nil, nil //nolint:nilnil // nothing is due
	}
	passes := l.passes
	if l.newest = (newest{unknown: l.listing != nil}); l.listing == nil {
		l.listing = newListing(passes)
		l.log.Info("sweeping: listing all ids", "stream", l.stream)
	}
	listing := l.listing
	l.mu.Unlock()
	for !listing.done() {
		l.found.Listed = true
		if w.Over() {
			return nil, nil //nolint:nilnil // the next run continues
		}
		pass := listing.current()
		rows, next, asked, err := w.List(ctx, pass, listing.Passes[pass].Cursor)
		switch {
		case errors.Is(err, ErrExpired):
			l.mu.Lock()
			l.listing, l.newest = newListing(passes), newest{}
			listing = l.listing
			l.mu.Unlock()
			continue
		case err != nil:
			return nil, err
		}
		if err := l.listPage(ctx, listing, pass, rows, next, asked); err != nil {
			return nil, err
		}
	}
	return listing, nil
}

// outdated drops a listing that an earlier run finished, if a new one was asked for: it does not
// show what happened since. One that an earlier run broke off goes on.
func (l *Ledger) outdated(ctx context.Context, s Sweep) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.Force || l.listing == nil || !l.listing.done() {
		return nil
	}
	l.listing = nil
	return l.save(ctx, kindDropped, nil)
}

// listPage adds a page of a listing, and finds rows that are missing or stale in the warehouse.
func (l *Ledger) listPage(ctx context.Context, listing *Listing, pass int, shown []record.Row,
	next string, asked time.Time,
) error {
	rows := stamped(shown, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	begins := listing.ID == ""
	if begins {
		listing.ID = Token{l.run, l.number + 1}.String()
	}
	l.newest.saw(shown, l.leftOut)
	missing := listing.page(pass, &l.rows, rows, next, asked)
	var stale []int64
	for _, row := range shown {
		if !l.upToDate(row) {
			stale = append(stale, row.ID)
		}
	}
	listing.Stale = append(listing.Stale, stale...)
	l.addNews(listing, news{
		New: begins, Pass: pass, Stale: stale, Rows: len(rows), Pages: Pass{
			Low: listing.Passes[pass].Low, Cursor: next, Done: next == "", Missing: missing,
		},
	})
	if l.pages++; l.pages < savedPages {
		return nil
	}
	return l.flush(ctx)
}

// addNews notes what is new of a listing that the ledger keeps.
func (l *Ledger) addNews(listing *Listing, p news) {
	p.ID, p.Began, p.Passes = listing.ID, listing.Began, len(listing.Passes)
	l.pending = l.entry(l.pending, kindListing, toJSON(p))
}

// inherits reports whether an earlier run made a listing.
func (l *Ledger) inherits(listing *Listing) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return listing != nil && listing == l.listing && !l.found.Listed
}

// vanished returns the known rows that a listing does not have, and those among others.
func (l *Ledger) vanished(listing *Listing, others []int64) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(descending(append(listing.missing(), others...)),
		func(id int64) bool {
			_, known := l.rows.Get(id)
			return !known
		})
}

// drop forgets the listing: the next one begins anew.
func (l *Ledger) drop(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropLocked(ctx)
}

func (l *Ledger) dropLocked(ctx context.Context) error {
	l.fromRead = nil
	if l.listing == nil {
		return nil
	}
	l.listing = nil
	return l.save(ctx, kindDropped, nil)
}
