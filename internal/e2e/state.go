package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Bookmark returns the time of a stream's bookmark in a Singer state; zero if there is none.
func Bookmark(t testing.TB, state []byte, stream string) time.Time {
	t.Helper()
	var s struct {
		Bookmarks map[string]struct {
			Key   string `json:"replication_key"`
			Value string `json:"replication_key_value"`
		} `json:"bookmarks"`
	}
	require.NoError(t, json.Unmarshal(state, &s))
	b, ok := s.Bookmarks[stream]
	if !ok || b.Value == "" {
		return time.Time{}
	}
	require.Equal(t, "updated_at", b.Key)
	at, err := time.Parse(time.RFC3339Nano, b.Value)
	require.NoError(t, err)
	return at
}

// LastState is the value of the last STATE message.
func LastState(t testing.TB, out string) []byte {
	t.Helper()
	var last []byte
	for line := range strings.Lines(out) {
		var m struct {
			Type  string
			Value json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		if m.Type == "STATE" {
			last = m.Value
		}
	}
	return last
}
