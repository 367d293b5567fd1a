package gone

import (
	"math"
	"slices"
	"time"
)

// Listing is a listing of all rows of a stream under way. Lists come by id, the highest first, so a
// page shows all rows between the one before and its own last row: known rows in between that it
// does not have are missing.
type Listing struct {
	// ID tells it from other listings: the run that began it, and the number of its first entry.
	ID string `json:"id"`
	// Began is when its first page was requested, by the server's clock.
	Began time.Time `json:"began"`
	// Passes together make up the list.
	Passes []*Pass `json:"passes"`
	// Stale are rows that changed since they were delivered, or that were never delivered.
	Stale []int64 `json:"stale,omitzero"`
	// Rows is the number of rows that its pages had.
	Rows int `json:"rows"`
}

// Pass is one pass of a listing.
type Pass struct {
	// Low is the lowest id that pages have covered so far.
	Low int64 `json:"low"`
	// Cursor leads to the next page; empty at the start.
	Cursor string `json:"cursor,omitzero"`
	Done   bool   `json:"done,omitzero"`
	// Missing are known rows that this pass does not have.
	Missing []int64 `json:"missing,omitzero"`
}

func newListing(passes int) *Listing {
	l := &Listing{}
	for range passes {
		l.Passes = append(l.Passes, &Pass{Low: math.MaxInt64})
	}
	return l
}

// done reports whether every pass reached its end.
func (l *Listing) done() bool {
	return !slices.ContainsFunc(l.Passes, func(p *Pass) bool { return !p.Done })
}

// current returns the number of the first pass that is not done.
func (l *Listing) current() int {
	return slices.IndexFunc(l.Passes, func(p *Pass) bool { return !p.Done })
}

// page notes a page of a pass, before its rows are added to the known ones, and returns the known
// rows that it should have and does not. The rows are in [Sorted] order.
func (l *Listing) page(pass int, known *Rows, shown []Row, next string, asked time.Time) []int64 {
	if l.Began.IsZero() || asked.Before(l.Began) {
		l.Began = asked
	}
	l.Rows += len(shown)
	p := l.Passes[pass]
	if p.Low == math.MinInt64 {
		return nil // nothing is below it
	}
	high, low := p.Low, int64(math.MinInt64)
	if high != math.MaxInt64 {
		high--
	}
	if next != "" {
		low = p.Low
		if n := len(shown); n > 0 {
			low = min(low, shown[n-1].ID)
		}
	}
	var missing []int64
	for row := range known.Between(high, low) {
		for len(shown) > 0 && shown[0].ID > row.ID {
			shown = shown[1:]
		}
		if len(shown) == 0 || shown[0].ID != row.ID {
			missing = append(missing, row.ID)
		}
	}
	p.Missing = append(p.Missing, missing...)
	p.Low, p.Cursor, p.Done = low, next, next == ""
	return missing
}

// missing returns the known rows that no pass has, the highest id first.
func (l *Listing) missing() []int64 {
	if len(l.Passes) == 0 {
		return nil
	}
	gone := slices.Clone(l.Passes[0].Missing)
	for _, p := range l.Passes[1:] {
		in := map[int64]bool{}
		for _, id := range p.Missing {
			in[id] = true
		}
		gone = slices.DeleteFunc(gone, func(id int64) bool { return !in[id] })
	}
	return descending(gone)
}

// news is what is new of a listing since the entry before: the body of an entry.
type news struct {
	ID string `json:"id"`
	// New means that the listing begins with this page.
	New    bool      `json:"new,omitzero"`
	Began  time.Time `json:"began"`
	Passes int       `json:"passes"`
	Pass   int       `json:"pass"`
	Pages  Pass      `json:"page"`
	Stale  []int64   `json:"stale,omitzero"`
	Rows   int       `json:"rows,omitzero"`
	// Settled are missing or stale rows that were asked for since.
	Settled []int64 `json:"settled,omitzero"`
}

// settle removes rows that were asked for.
func (l *Listing) settle(ids []int64) {
	done := make(map[int64]bool, len(ids))
	for _, id := range ids {
		done[id] = true
	}
	is := func(id int64) bool { return done[id] }
	l.Stale = slices.DeleteFunc(l.Stale, is)
	for _, p := range l.Passes {
		p.Missing = slices.DeleteFunc(p.Missing, is)
	}
}

// add adds the news that an entry notes. What belongs to another listing is ignored: two runs
// may have continued one listing, which is over when one of them reached its end.
func (l *Listing) add(p news) *Listing {
	if p.New {
		l = newListing(p.Passes)
		l.ID = p.ID
	}
	if l == nil || l.ID != p.ID {
		return l
	}
	l.Began = p.Began
	if len(p.Settled) > 0 {
		l.settle(p.Settled)
		return l
	}
	if p.Pass < 0 || p.Pass >= len(l.Passes) {
		return l
	}
	pass := l.Passes[p.Pass]
	pass.Low, pass.Cursor, pass.Done = p.Pages.Low, p.Pages.Cursor, p.Pages.Done
	pass.Missing = append(pass.Missing, p.Pages.Missing...)
	l.Rows += p.Rows
	l.Stale = append(l.Stale, p.Stale...)
	return l
}
