package progress

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Schedule says when a stream may be left alone.
type Schedule struct {
	// RefreshEvery is how long it is left alone after each complete read; it goes before
	// MaxStaleness.
	RefreshEvery time.Duration
	// MaxStaleness is how old the last complete read of a list that brings nothing may become; 0
	// for reading it in every run.
	MaxStaleness time.Duration
}

// A list is left alone after quietReads that brought nothing, for firstRest at first, and then
// twice as long after each further one. It stays at nightRest for 64 hours, longer than a night and
// a weekend, so that a list that is busy by day is fresh in the morning. No rest is longer than
// MaxStaleness.
const (
	quietReads = 2
	firstRest  = 10 * time.Minute
	doublings  = 3
	nightRest  = firstRest << doublings
	nightReads = 48
	longest    = 13 // doublings from nightRest, to more than a year
	mostReads  = quietReads + doublings + nightReads + longest
)

// rest returns for how long a list is left alone after some quiet reads, whatever MaxStaleness is.
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
func (s Schedule) Due(b tap.Bookmark) time.Time {
	switch last := b.Last(); {
	case last.IsZero():
		return time.Time{}
	case s.RefreshEvery > 0:
		return last.Add(s.RefreshEvery)
	case s.MaxStaleness > 0 && rest(b.Quiet) > 0:
		return last.Add(min(rest(b.Quiet), s.MaxStaleness))
	}
	return time.Time{}
}

// Leaves reports whether a stream is left alone now. lastRun is when the run before was: with
// MaxStaleness, the stream is read now if it would be too old by the next one.
func (s Schedule) Leaves(b tap.Bookmark, now, lastRun time.Time) bool {
	if !now.Before(s.Due(b)) {
		return false
	}
	return s.RefreshEvery > 0 || now.Sub(b.Last())+now.Sub(lastRun) < s.MaxStaleness
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
