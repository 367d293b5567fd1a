package engine

import (
	"strconv"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// How a long list is cut. A list comes by id, newest first, without a total; only time can name a
// part of it. After the first page the question is whether cutting is worth it, because each cut
// costs requests: the first page is read again in its piece, and a piece ends in a page that is not
// full. Pieces of 60 pages keep that below 4%, and a list that is a little longer than a piece is
// not cut.
const (
	// piecePages is the intended number of pages of a piece, if rows came at a constant rate.
	piecePages = 60
	// worthPages is the estimated number of pages from which a list is cut.
	worthPages = 80
	// plausibleAge is the assumed age of a list if nothing is known: Greenhouse began in 2012.
	plausibleAge = 10 * 365 * 24 * time.Hour
	// trustedAge is how old the oldest row of all streams must be to indicate the age of the
	// account.
	trustedAge = 60 * 24 * time.Hour
	// burst is how many times slower older rows may have come; beyond it, the first page was a
	// burst that says nothing.
	burst = 4
)

// head describes the first page of a range: when its first and last row were made, and how it
// continues.
type head struct {
	top, bottom time.Time
	next        string
	// most is how many pages like this one all ids from 1 to the highest would fill, more than the
	// list can have; 0 if it is not known.
	most float64
}

// span is the time in which the rows of the page came.
func (h head) span() time.Duration {
	if h.top.IsZero() || h.bottom.IsZero() {
		return 0
	}
	return h.top.Sub(h.bottom)
}

// pages estimates the length of the list: it assumes that the list reaches back to oldest, the time
// of the oldest row in any stream, at the rate of this page, and that it has a row for each id at
// most. It is 0 if the page does not tell.
func (h head) pages(oldest time.Time) float64 {
	span := h.span()
	if span <= 0 {
		return 0
	}
	reach := plausibleAge
	if !oldest.IsZero() && h.top.Sub(oldest) >= trustedAge {
		reach = h.top.Sub(oldest)
	}
	pages := float64(reach) / float64(span)
	if h.most > 0 {
		pages = min(pages, h.most)
	}
	return pages
}

// mostPages returns how many pages of so many rows all ids from 1 to the highest would fill; 0 if
// the highest, which a list begins with, is no id.
func mostPages(highest []byte, rows int) float64 {
	id, err := strconv.ParseInt(string(highest), 10, 64)
	if err != nil || id < int64(rows) {
		return 0
	}
	return float64(id) / float64(rows)
}

// expected estimates the pages to come: as many as an earlier read had if the page does not tell,
// and none older than the piece's lower bound.
func (h head) expected(t *task, oldest time.Time) float64 {
	pages := h.pages(oldest)
	if from := t.piece.From; pages > 0 && !from.IsZero() {
		pages = min(pages, float64(h.top.Sub(from))/float64(h.span()))
	}
	if pages == 0 {
		return t.weight
	}
	return pages
}

// split returns the time at which to cut the piece whose first page is h: one part has the older
// rows, the other the newer ones. False means that cutting is not worth it.
func (h head) split(p *tap.Piece, oldest time.Time) (time.Time, bool) {
	if h.next == "" || h.pages(oldest) < worthPages {
		return time.Time{}, false
	}
	at := h.top.Add(-piecePages * h.span()).Truncate(time.Millisecond)
	if !at.After(p.From) || !p.Before.IsZero() && !at.Before(p.Before) {
		return time.Time{}, false
	}
	return at, true
}

// confirms reports whether older, the first page of what lies before a cut, shows that the list is
// long: it continues, and its rows came at about the same rate.
func (h head) confirms(older head) bool {
	return older.next != "" && older.span() <= burst*h.span()
}
