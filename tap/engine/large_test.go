package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// heavy is a list of rows of which some are too large for full pages. Its cursors keep the size of
// their pages, and lead to the rows below a number.
type heavy struct {
	rows  int
	fits  func(first, perPage int) bool // whether a page of this size that begins with a row fits
	mu    sync.Mutex
	sizes []int // asked for
}

func (l *heavy) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	perPage, first := req.PerPage, l.rows
	if req.Cursor != "" {
		if _, err := fmt.Sscanf(req.Cursor, "%d-%d", &perPage, &first); err != nil {
			return err
		}
	}
	if perPage == 0 {
		perPage = 500
	}
	l.mu.Lock()
	l.sizes = append(l.sizes, perPage)
	l.mu.Unlock()
	if !l.fits(first, perPage) {
		return tap.Errorf(tap.TooLarge, "reading list x", "the answer is larger than 64 MiB")
	}
	last := max(1, first-perPage+1)
	var rows []string
	for id := first; id >= last; id-- {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, id))
	}
	page := tap.Page{Body: []byte("[" + strings.Join(rows, ",") + "]"), Asked: simWorld}
	if last > 1 {
		page.Next = fmt.Sprintf("%d-%d", perPage, last-1)
	}
	return take(page)
}

// A list whose pages are too large is read with smaller ones, wherever the large rows are, and no
// row is missing.
func TestPagesThatAreTooLargeAreReadSmaller(t *testing.T) {
	for name, c := range map[string]struct {
		rows  int
		fits  func(first, perPage int) bool
		sizes []int // of the requests, each once
		fails bool
	}{
		"the first page": {400, func(_, perPage int) bool { return perPage <= 125 }, []int{500, 125}, false},
		"a later page":   {2000, func(first, perPage int) bool { return first > 700 || perPage <= 31 }, []int{500, 125, 31}, false},
		"one row by one": {3, func(_, perPage int) bool { return perPage == 1 }, []int{500, 125, 31, 7, 1}, false},
		"one row alone":  {3, func(first, perPage int) bool { return first-perPage >= 2 }, []int{500, 125, 31, 7, 1}, true},
		"all pages fit":  {1200, func(int, int) bool { return true }, []int{500}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			l := &heavy{rows: c.rows, fits: c.fits}
			sum, err := runEngine(t, t.Context(), l, &out, nil, "x")
			require.NoError(t, err)
			var sizes []int
			for _, n := range l.sizes {
				if len(sizes) == 0 || sizes[len(sizes)-1] != n {
					sizes = append(sizes, n)
				}
			}
			assert.Equal(t, c.sizes, sizes)
			if c.fails {
				assert.Equal(t, tap.TooLarge, tap.KindOf(sum.Streams[0].Err))
				return
			}
			assert.Equal(t, "complete", sum.Streams[0].Status)
			ids := map[string]bool{}
			for _, id := range regexp.MustCompile(`{"id":\d+}`).FindAllString(out.String(), -1) {
				ids[id] = true
			}
			assert.Len(t, ids, c.rows)
		})
	}
}
