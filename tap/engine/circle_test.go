package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// endless is a list whose pages lead from a beginning into a circle.
type endless struct{ way, circle, pages int }

func (e *endless) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	e.pages++
	n := 0
	if req.Cursor != "" {
		n, _ = strconv.Atoi(req.Cursor) // its own
	}
	if n++; n == e.way+e.circle {
		n = e.way
	}
	return take(tap.Page{
		Body: fmt.Appendf(nil, `[{"id":%d}]`, n), Next: strconv.Itoa(n), Asked: simWorld,
	})
}

// A list that leads in a circle ends with an error, however long the circle and the way to it.
func TestListsThatLeadInACircleEnd(t *testing.T) {
	for _, e := range []*endless{{1, 1, 0}, {1, 2, 0}, {1, 7, 0}, {30, 1, 0}, {20, 33, 0}} {
		sum, err := runEngine(t, t.Context(), e, &bytes.Buffer{}, nil, "x")
		require.NoError(t, err)
		assert.Equal(t, tap.Server, tap.KindOf(sum.Streams[0].Err))
		assert.ErrorContains(t, sum.Streams[0].Err, "leads back to an earlier one")
		assert.LessOrEqual(t, e.pages, 3*(e.way+e.circle)+3, "%+v", *e)
	}
	straight := &tap.Circle{}
	for n := range 10_000 {
		require.NoError(t, straight.Next("x", strconv.Itoa(n)))
	}
	assert.NoError(t, straight.Next("x", ""))
	assert.NoError(t, (&tap.Circle{}).Next("x", ""))
}
