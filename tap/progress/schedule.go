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

// A list is left alone after quietReads that brought nothing, for the share 1/firstShare of
// max_staleness at first, and then twice as long after each further one. It stays at 1/nightShare
// for longer than a night and most of a weekend, so that a list that is busy by day is fresh in the
// morning.
const (
	quietReads = 2
	firstShare = 128
	nightShare = 16
	nightReads = 3 * nightShare
	mostReads  = quietReads + 3 + nightReads + 4
)

// share returns the part of max_staleness for which a list is left alone after some quiet reads, as
// what to divide it by; 0 for not at all.
func share(quiet int) time.Duration {
	switch doubled := quiet - quietReads; {
	case doubled < 0:
		return 0
	case doubled <= 3:
		return firstShare >> doubled
	case doubled <= 3+nightReads:
		return nightShare
	default:
		return time.Duration(max(1, nightShare>>(doubled-3-nightReads)))
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
	case s.MaxStaleness > 0 && share(b.Quiet) > 0:
		return last.Add(s.MaxStaleness / share(b.Quiet))
	}
	return time.Time{}
}

// Leaves reports whether a stream is left alone now. before is when the run before was: with
// MaxStaleness, the stream is read now if it would be too old by the next one.
func (s Schedule) Leaves(b tap.Bookmark, now, before time.Time) bool {
	if !now.Before(s.Due(b)) {
		return false
	}
	return s.RefreshEvery > 0 || now.Sub(b.Last())+now.Sub(before) < s.MaxStaleness
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
