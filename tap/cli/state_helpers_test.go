package cli_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bookmark returns the time of a stream's bookmark in a Singer state; zero if there is none.
func bookmark(t testing.TB, state []byte, stream string) time.Time {
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
