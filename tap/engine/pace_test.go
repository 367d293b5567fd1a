package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// A list of 100 pages that is cut in two, and of which each part is read from its newest row on.
func TestEstimateFollowsThePagesThatWereRead(t *testing.T) {
	const pages = 100
	newest := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	oldest := newest.Add(-pages * day)
	at := newest.Add(-60 * day)
	newer, older := &tap.Piece{From: at}, &tap.Piece{Before: at}
	page := func(n int) head {
		h := head{top: newest.Add(-time.Duration(n) * day), next: "more"}
		h.bottom = h.top.Add(-day)
		return h
	}
	var p pace
	assert.Zero(t, p.expected(oldest, 1), "no page has come")
	for n := range 20 {
		p.page(newer, page(n), oldest)
		assert.Equal(t, pages, p.expected(oldest, 1))
		p.page(older, page(60+n), oldest)
		assert.Equal(t, pages, p.expected(oldest, 1))
	}
	assert.Zero(t, p.expected(newest.Add(-trustedAge/2), 1), "the account's age is not known")
	assert.Equal(t, 2*pages, p.expected(oldest, 2))

	last := page(80)
	last.next = "" // the list is shorter than the account is old
	p.page(older, last, oldest)
	assert.InDelta(t, 41*100/60, p.expected(oldest, 1), 1)
	p.page(older, head{}, oldest)
	assert.Equal(t, 41, p.pages, "rows without times tell nothing")
}
