package engine

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// pace is how much of a list's time its pages cover so far, from which its length is estimated: a
// list comes newest first, so what is left is as long as the rest of its time at the same pace.
type pace struct {
	pages   int
	covered time.Duration
	top     time.Time // when its newest row was made
}

// page adds a page of a piece, whose last page reaches to the piece's lower bound, or to the oldest
// row of the account.
func (p *pace) page(piece *tap.Piece, h head, oldest time.Time) {
	top, bottom := h.top, h.bottom
	if top.IsZero() || bottom.IsZero() {
		return
	}
	if h.next == "" {
		bottom = oldest
	}
	if !piece.Before.IsZero() && top.After(piece.Before) {
		top = piece.Before
	}
	if bottom.Before(piece.From) {
		bottom = piece.From
	}
	p.pages++
	p.covered += max(0, top.Sub(bottom))
	if h.top.After(p.top) {
		p.top = h.top
	}
}

// expected estimates the pages of a list that is read in this many passes; 0 if the pages do not
// tell.
func (p *pace) expected(oldest time.Time, passes int) int {
	reach := p.top.Sub(oldest)
	if oldest.IsZero() || reach < trustedAge || p.covered <= 0 {
		return 0
	}
	return max(p.pages, int(float64(p.pages*passes)*float64(reach)/float64(p.covered)+0.5))
}
