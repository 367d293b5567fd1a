package tap

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzBookmarkTime checks that a written time reads as the same time.
func FuzzBookmarkTime(f *testing.F) {
	for _, seed := range []string{
		"2026-01-31T08:15:30Z", "2026-01-31", "2026-01-31 08:15:30.123+02:00",
		"2026-01-31T08:15:30.123456", "2026-01-31T08:15:30+0000",
		"", "yesterday", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59.999Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text)
		if err != nil {
			assert.Contains(t, err.Error(), "is not a time")
			return
		}
		if at.Year() < 0 || at.Year() > 9999 {
			return // its offset moved it out of the years that can be written
		}
		again, err := ParseTime(FormatTime(at))
		require.NoError(t, err)
		assert.False(t, again.After(at),
			"a bookmark is never later than the time that it stands for")
		assert.Less(t, at.Sub(again), time.Millisecond)
	})
}

func TestSelectedByDefault(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		s    Stream
		want bool
	}{
		{Stream{}, true},
		{Stream{Default: &yes}, true},
		{Stream{Default: &no}, false},
		{Stream{ViewOf: "x"}, false},
		{Stream{ViewOf: "x", Default: &yes}, false},
	} {
		assert.Equal(t, c.want, c.s.SelectedByDefault())
	}
	s := Stream{Key: []string{"id"}, Bookmark: "updated_at"}
	assert.Equal(t, []bool{true, true, false},
		[]bool{s.Automatic("id"), s.Automatic("updated_at"), s.Automatic("name")})
}
