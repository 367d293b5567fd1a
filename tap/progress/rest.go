package progress

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Rest says when a stream may be left alone.
type Rest struct {
	// Every is how long it is left alone after each complete read; it goes before Stale.
	Every time.Duration
	// Stale is how old the last complete read of a list that brings nothing may become; 0 for
	// reading it in every run.
	Stale time.Duration
}

// A list is left alone after quietReads that brought nothing, for firstRest at first, and then
// twice as long after each further one. It stays at nightRest for 64 hours, longer than a night and
// a weekend, so that a list that is busy by day is fresh in the morning. No rest is longer than
// Stale.
const (
	quietReads = 2
	firstRest  = 10 * time.Minute
	doublings  = 3
	nightRest  = firstRest << doublings
	nightReads = 48
	longest    = 13 // doublings from nightRest, to more than a year
	mostReads  = quietReads + doublings + nightReads + longest
)

// rest returns for how long a list is left alone after some quiet reads, whatever Stale is.
func rest(quiet int) time.Duration {
	switch doubled := quiet - quietReads; {
	case doubled < 0:
		return 0
	case doubled <= doublings:
		return firstRest << doubled
	default:
		return nightRest << min(max(0, doubled-doublings-nightReads), longest)
	}
}

// Due returns when a stream is to be read next; zero for in every run. One that brings rows is read
// in every run.
func (r Rest) Due(b tap.Bookmark) time.Time {
	switch last := b.Last(); {
	case last.IsZero():
		return time.Time{}
	case r.Every > 0:
		return last.Add(r.Every)
	case r.Stale > 0 && rest(b.Quiet) > 0:
		return last.Add(min(rest(b.Quiet), r.Stale))
	}
	return time.Time{}
}

// Leaves reports whether a stream is left alone now. before is when the run before was: with Stale,
// the stream is read now if it would be too old by the next one.
func (r Rest) Leaves(b tap.Bookmark, now, before time.Time) bool {
	if !now.Before(r.Due(b)) {
		return false
	}
	return r.Every > 0 || now.Sub(b.Last())+now.Sub(before) < r.Stale
}

// Quiet returns how many complete reads in a row have brought nothing, after a read with so many
// records of a stream with a bookmark. It stops to count where the number says nothing more.
func Quiet(before tap.Bookmark, records int, complete bool) int {
	switch {
	case records > 0 || before.Last().IsZero():
		return 0
	case !complete:
		return before.Quiet
	}
	return min(before.Quiet+1, mostReads)
}
