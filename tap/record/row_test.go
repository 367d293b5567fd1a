package record

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A time is read as the standard library reads it, and what is no time is 0.
func TestMilliseconds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	layouts := []string{
		"2006-01-02T15:04:05.000Z", time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.0Z",
		"2006-01-02T15:04:05.000-07:00",
	}
	for range 5000 {
		at := time.Unix(random.Int64N(250_000_000_000)-62_000_000_000, random.Int64N(1e9)).UTC()
		text := at.Format(layouts[random.IntN(len(layouts))])
		want, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		assert.Equal(t, want.UnixMilli(), milliseconds([]byte(text)), text)
	}
	for _, text := range []string{"", "yesterday", "2026-02-30T00:00:00.000Z", "2026-01-31"} {
		assert.Zero(t, milliseconds([]byte(text)), text)
	}
}

// Rows are reported with their marks, whether they are left out or not; a flag is seen in the value
// that came, even if its column is dropped.
func TestRowsOfAPage(t *testing.T) {
	shape, err := ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},
		"name":{"type":["string","null"]},"at":{"type":["string","null"],"format":"date-time"}}}`))
	require.NoError(t, err)
	shape.Column("id").Key = true
	shape = shape.Treat(func(path []string, c *Column) (own, unknown Treatment) {
		if path[0] == "name" {
			return Drop, Drop
		}
		return c.Treatment, Keep
	})
	s := NewSplitter(shape, Options{IDs: true, Mark: "at", Flag: Flag{"name", "gone"}})
	page := `[{"id":7,"name" : "gone","at":"2026-01-01T00:00:00.000Z"},{"id":5,"at":null},` +
		`{"id":4,"name":"gone!","at":"2025-12-31T23:59:59.999Z"}]`
	res, err := s.Split([]byte(page))
	require.NoError(t, err)
	ms := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	assert.Equal(t, []Row{{7, ms}, {5, 0}, {4, ms - 1}}, res.IDs)
	assert.True(t, res.Flagged)
	assert.Len(t, res.Records, 3)

	s.Since("2026-01-01T00:00:00.000Z", nil)
	res, err = s.Split([]byte(page))
	require.NoError(t, err)
	assert.Len(t, res.Records, 2)
	assert.Len(t, res.IDs, 3)
	s.Since("2026-02-01T00:00:00.000Z", func(r Row) bool { return r.ID != 7 })
	res, err = s.Split([]byte(page))
	require.NoError(t, err)
	assert.Len(t, res.Records, 2, "one that is asked to stay, and one without a mark")

	res, err = s.Split([]byte(`[{"id":1,"name":"gone!"}]`))
	require.NoError(t, err)
	assert.False(t, res.Flagged)
}
