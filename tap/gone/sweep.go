package gone

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

const (
	// tellRows is the number of rows that are confirmed before they are reported, so that a run
	// that ends early makes progress.
	tellRows = 500
	// savedPages is the number of pages between entries of a listing under way.
	savedPages = 20
	// fewGone is the number of rows that may be gone whatever their share.
	fewGone = 20
)

// World is what a sweep asks and tells. Its methods are called one after the other.
type World interface {
	// List reads a page of keys and times of change.
	List(ctx context.Context, pass int, cursor string) (rows []record.Row, next string,
		asked time.Time, err error)
	// Ask reads rows by their ids, and returns the ids of those that exist. It writes those that
	// the ledger does not know in the version that came.
	Ask(ctx context.Context, ids []int64) (living []int64, err error)
	// Tell reports rows as gone, and passes number to [Ledger.Wrote] when that is written. False
	// means that they could not be reported yet.
	Tell(ctx context.Context, ids []int64, number uint64) (told bool, err error)
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
	return l.reported.Len() > 0 || l.listingDue(s) || l.reading != nil && l.reading.done() ||
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
	return s.Force || l.listing != nil || l.swept.IsZero() || s.Now.Sub(l.swept) >= s.Every ||
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
	if done, err := l.settle(ctx, w, again); err != nil || !done {
		return err
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
		l.log.Warn("no list had a row in this run: no row is reported as gone", "stream", l.stream)
		return nil
	}
	if err := l.tooMany(ctx, len(gone), s); err != nil {
		return err
	}
	if l.foreign {
		err = l.forget(ctx, gone)
	} else {
		if done, err = l.settle(ctx, w, gone); err == nil && !done {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return l.finish(ctx, listing, s)
}

// begin returns the rows that were reported as gone, and that no state has acknowledged.
func (l *Ledger) begin(ctx context.Context) (again []int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unnoted() {
		err = l.write(ctx, kindHeader, toJSON(l.header))
	}
	return idsOf(slices.Collect(l.reported.All())), err
}

// list returns the listing that the read was, or makes one, from where an earlier run stopped; nil
// if none is due, or the run ended before.
func (l *Ledger) list(ctx context.Context, w World, s Sweep) (*Listing, error) {
	l.mu.Lock()
	read, due := l.reading, l.listingDue(s)
	if read != nil && read.done() && l.listing == nil {
		l.mu.Unlock()
		return read, nil
	}
	if !due {
		l.mu.Unlock()
		return nil, nil //nolint:nilnil // nothing is due
	}
	passes := l.passes
	if l.listing == nil {
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
			l.listing = newListing(passes)
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

// listPage adds a page of a listing, and finds rows that are missing or stale in the warehouse.
func (l *Ledger) listPage(ctx context.Context, listing *Listing, pass int, shown []record.Row,
	next string, asked time.Time,
) error {
	rows := make([]Row, len(shown))
	for i, row := range shown {
		rows[i] = Row{row.ID, MarkOf(row.Mark)}
	}
	rows = Sorted(rows)
	l.mu.Lock()
	defer l.mu.Unlock()
	begins := listing.ID == ""
	if begins {
		listing.ID = Token{l.run, l.number + 1}.String()
	}
	missing := listing.page(pass, &l.rows, rows, next, asked)
	var stale []int64
	for _, row := range shown {
		if !l.known(row) {
			stale = append(stale, row.ID)
		}
	}
	listing.Stale = append(listing.Stale, stale...)
	l.progress(listing, progress{
		New: begins, Pass: pass, Stale: stale, Rows: len(rows), Pages: Pass{
			Low: listing.Passes[pass].Low, Cursor: next, Done: next == "", Missing: missing,
		},
	})
	if l.pages++; l.pages < savedPages {
		return nil
	}
	return l.flush(ctx)
}

// progress notes what is new of a listing that the ledger keeps.
func (l *Ledger) progress(listing *Listing, p progress) {
	p.ID, p.Began, p.Passes = listing.ID, listing.Began, len(listing.Passes)
	l.pending = l.entry(l.pending, kindListing, toJSON(p))
}

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
		if row.Mark == Unsure && !missing[row.ID] {
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

// settle asks for rows: those that exist are written if they are missing or stale, and the known
// ones that do not are reported as gone. It reports whether it reached the end.
func (l *Ledger) settle(ctx context.Context, w World, ids []int64) (done bool, err error) {
	for some := range slices.Chunk(ids, tellRows) {
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
		if told, err := l.tell(ctx, w, dead); err != nil || !told {
			return false, err
		}
		l.settled(asked)
		if len(asked) < len(some) {
			return false, nil
		}
	}
	return true, nil
}

// tell reports the known rows among some that do not exist.
func (l *Ledger) tell(ctx context.Context, w World, dead []int64) (told bool, err error) {
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
	rows := make([]Row, len(dead))
	for i, id := range dead {
		rows[i].ID = id
	}
	var set Rows
	set.Put(rows)
	err = l.write(ctx, kindReported, set.Append(nil))
	number := l.number
	if err == nil {
		l.rows.Delete(dead)
		l.reported.Put(rows)
		l.unsent[number] = dead
	}
	l.mu.Unlock()
	if err != nil {
		return false, err
	}
	if told, err = w.Tell(ctx, dead, number); told {
		l.found.Gone += len(dead)
	}
	return told, err
}

// settled notes that rows were asked for, in the listing that the ledger keeps.
func (l *Ledger) settled(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listing != nil && len(ids) > 0 {
		p := progress{Settled: ids}
		l.listing.settle(ids)
		l.progress(l.listing, p)
	}
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

// drop forgets the listing: the next one begins anew.
func (l *Ledger) drop(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropLocked(ctx)
}

func (l *Ledger) dropLocked(ctx context.Context) error {
	l.reading = nil
	if l.listing == nil {
		return nil
	}
	l.listing = nil
	return l.write(ctx, kindDropped, nil)
}

// forget removes rows that another credential saw, and this one does not: nobody knows whether they
// exist.
func (l *Ledger) forget(ctx context.Context, ids []int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ids) > 0 {
		rows := make([]Row, len(ids))
		for i, id := range ids {
			rows[i].ID = id
		}
		var set Rows
		set.Put(rows)
		if err := l.write(ctx, kindForgotten, set.Append(nil)); err != nil {
			return err
		}
		l.rows.Delete(ids)
		l.log.Warn("rows that only another credential or user_id saw are not reported as gone",
			"stream", l.stream, "rows", len(ids))
	}
	l.foreign, l.ReadAs = false, l.as
	return l.write(ctx, kindHeader, toJSON(l.header))
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
	l.found.Rows, l.found.Sum = l.rows.Len(), sum
	// A list that fits on a page is compared in every run. That need not be noted each time.
	note := l.listing != nil || l.appended > 0 || l.swept.IsZero() || l.length != listing.Rows ||
		listing.Began.Sub(l.swept) >= s.Every/2 || l.swept.After(listing.Began)
	l.listing, l.reading = nil, nil
	if !note {
		return nil
	}
	l.swept, l.length = listing.Began, listing.Rows
	return l.write(ctx, kindSwept, toJSON(swept{l.swept, l.length}))
}
