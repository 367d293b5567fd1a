package gone

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// World is what a sweep asks for rows, and reports them to. Its methods are called one after the
// other.
type World interface {
	// List reads a page of keys and times of change.
	List(ctx context.Context, pass int, cursor string) (rows []record.Row, next string,
		asked time.Time, err error)
	// Ask reads rows by their ids, and returns the ids of those that exist. It writes those that
	// the ledger does not know as of their latest change.
	Ask(ctx context.Context, ids []int64) (living []int64, err error)
	// Report reports rows as gone, and passes number to [Ledger.Wrote] when that is written. False
	// means that they could not be reported yet.
	Report(ctx context.Context, ids []int64, number uint64) (reported bool, err error)
	// Over reports whether the run should end.
	Over() bool
	// Proven reports whether the user may see anything at all. It may ask for a row to find out.
	Proven(ctx context.Context) bool
}

// ErrExpired means that the cursor of a listing is no longer valid. List returns it.
var ErrExpired = errors.New("the cursor expired")

// TooManyError says that implausibly many rows are gone.
type TooManyError struct{ Gone, Of int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d of %d rows are gone", e.Gone, e.Of)
}

// Plain is the same: it holds numbers only.
func (e *TooManyError) Plain() string { return e.Error() }

// Sweep says how to compare a list.
type Sweep struct {
	// Every is the time between listings of a long list.
	Every time.Duration
	// MaxShare is the share of the rows that may be gone; if more are gone, and more than
	// [fewGone], the sweep fails. Accept allows any number.
	MaxShare float64
	Accept   bool
	// Force makes a listing due.
	Force bool
	// Now is the server's time.
	Now time.Time
}

// Found is the result of a sweep.
type Found struct {
	// Compared reports whether a listing was compared with what was delivered, all of it. Then
	// every row is as it was at Until, or newer.
	Compared bool
	Until    time.Time
	// Listed reports whether the sweep made requests for the listing.
	Listed bool
	// Rows is the number of rows that were delivered and exist, Sum the sum of their ids.
	Rows int
	Sum  *big.Int
	// Newest is the latest time of change of these rows; zero if they have none, or if it is not
	// known.
	Newest time.Time
	// Repaired is the number of rows that were missing or stale, and Gone that of rows reported as
	// gone.
	Repaired, Gone int
	// Swept is when the latest complete listing began.
	Swept time.Time
}

// Due reports whether there is something to sweep.
func (l *Ledger) Due(s Sweep) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reported.Len() > 0 || l.listingDue(s) || l.fromRead != nil && l.fromRead.done() ||
		l.unnoted()
}

// unnoted reports whether the ledger is new and has nothing to note. It must not look lost to the
// next run.
func (l *Ledger) unnoted() bool { return l.initial && l.appended == 0 }

func (l *Ledger) listingDue(s Sweep) bool {
	if l.swept.IsZero() && l.initial {
		// The first read has just written all rows: it need not cost twice the requests.
		return s.Force || l.listing != nil
	}
	// The server's clock is known to about a second: with an interval of zero, it must not matter.
	return s.Force || l.listing != nil || l.swept.IsZero() || s.Every == 0 ||
		s.Now.Sub(l.swept) >= s.Every ||
		l.swept.After(s.Now.Add(time.Hour)) // the server's clock was ahead once
}

// Swept is when the last complete listing began; zero for never.
func (l *Ledger) Swept() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.swept
}

// Sweep reports again what no state has acknowledged, and compares the list with what was
// delivered, if it is due or the read was a listing. Rows that are missing or stale are read by
// their ids; rows that vanished are asked for, and reported if they are gone.
func (l *Ledger) Sweep(ctx context.Context, w World, s Sweep) (Found, error) {
	l.found = Found{Swept: l.Swept()}
	err := l.sweep(ctx, w, s)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, errors.Join(err, l.flush(context.WithoutCancel(ctx)))
}

func (l *Ledger) sweep(ctx context.Context, w World, s Sweep) error {
	again, err := l.begin(ctx)
	if err != nil {
		return err
	}
	if len(again) > 0 && !l.foreign {
		if !w.Proven(ctx) {
			l.unproven()
			return nil
		}
		if done, err := l.confirm(ctx, w, again); err != nil || !done {
			return err
		}
	}
	listing, err := l.list(ctx, w, s)
	if err == nil && l.inherits(listing) && len(l.vanished(listing, nil)) > 0 &&
		!w.Proven(ctx) {
		// Whether the user may still see anything, a new one shows.
		if err = l.drop(ctx); err == nil {
			s.Force = true
			listing, err = l.list(ctx, w, s)
		}
	}
	if err != nil || listing == nil {
		return err
	}
	dead, done, err := l.repair(ctx, w, listing)
	if err != nil || !done {
		return err
	}
	gone := l.vanished(listing, dead)
	if len(gone) > 0 && !w.Proven(ctx) {
		l.unproven()
		return nil
	}
	if err := l.tooMany(ctx, len(gone), s); err != nil {
		return err
	}
	if l.foreign {
		err = l.forget(ctx, gone)
	} else {
		if done, err = l.confirm(ctx, w, gone); err == nil && !done {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return l.finish(ctx, listing, s)
}

// unproven warns that nobody knows whether the user may see any row.
func (l *Ledger) unproven() {
	l.log.Warn("no list had a row in this run: no row is reported as gone", "stream", l.stream)
}

// begin returns the rows that were reported as gone, and that no state has acknowledged.
func (l *Ledger) begin(ctx context.Context) (again []int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unnoted() {
		err = l.save(ctx, kindHeader, toJSON(l.header))
	}
	return idsOf(slices.Collect(l.reported.All())), err
}

// finish notes that a listing was compared.
func (l *Ledger) finish(ctx context.Context, listing *Listing, s Sweep) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := new(big.Int)
	for row := range l.rows.All() {
		sum.Add(sum, big.NewInt(row.ID))
	}
	l.found.Compared, l.found.Until, l.found.Swept = true, listing.Began, listing.Began
	l.found.Rows, l.found.Sum, l.found.Newest = l.rows.Len(), sum, l.newest.time()
	// A list that fits on a page is compared in every run. That need not be noted each time.
	note := l.listing != nil || l.appended > 0 || l.swept.IsZero() || l.length != listing.Rows ||
		listing.Began.Sub(l.swept) >= s.Every/2 || l.swept.After(listing.Began)
	l.listing, l.fromRead = nil, nil
	if !note {
		return nil
	}
	l.swept, l.length = listing.Began, listing.Rows
	return l.save(ctx, kindSwept, toJSON(swept{l.swept, l.length}))
}
