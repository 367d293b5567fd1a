package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// marks are the bookmarks of a state, as far as they are looked at here.
func marks(t *testing.T, state []byte) map[string]struct {
	Until   string `json:"replication_key_value"`
	Version int64
} {
	t.Helper()
	var s struct {
		Bookmarks map[string]struct {
			Until   string `json:"replication_key_value"`
			Version int64
		}
	}
	require.NoError(t, json.Unmarshal(state, &s))
	return s.Bookmarks
}

// A stream that is refreshed is read from the start, though refresh_every would leave it alone; the
// others go on, all go on afterwards, and with deletes the rows keep their version.
func TestRefreshReadsFromTheStart(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]any{
		"alone":        {},
		"with deletes": {"deletes": map[string]any{"store": "file://" + t.TempDir()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Serve(t, sandbox.Options{})
			more["streams"] = []string{"users", "user_emails", "jobs", "candidates"}
			more["refresh_every"] = map[string]any{"user*": "1d"}
			cfg := File(t, "c.json", With(s, more))
			r := Run(t, "--config", cfg)
			require.Zero(t, r.Code, r.Err)
			first := LastState(t, r.Out)

			r = Run(t, "--config", cfg, "--state", File(t, "s.json", first),
				"--refresh", "user*", "--refresh", "jobs")
			require.Zero(t, r.Code, r.Err)
			var l loader.Loader
			require.NoError(t, l.Load(strings.NewReader(r.Out), false))
			Complete(t, s, &l, "users", "user_emails", "jobs")
			assert.NotContains(t, r.Out, `"type":"RECORD","stream":"candidates"`)
			second := LastState(t, r.Out)
			for stream, mark := range marks(t, second) {
				assert.Equal(t, marks(t, first)[stream].Version, mark.Version, stream)
				assert.NotEmpty(t, mark.Until, stream)
			}

			r = Run(t, "--config", cfg, "--state", File(t, "s.json", second))
			require.Zero(t, r.Code, r.Err)
			assert.NotContains(t, r.Out, `"type":"RECORD"`)
		})
	}
}

// A stream whose last complete read is recent enough is left alone: no request, no failure.
func TestRefreshEvery(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	cfg := map[string]any{"streams": []string{
		"users", "jobs", "job_posts",
		"demographic_questions",
	}, "refresh_every": map[string]any{
		"job*": "1d", "jobs": "0s",
		"demographic_*": "2h",
	}}
	r := Run(t, "--config", File(t, "c.json", With(s, cfg)))
	require.Zero(t, r.Code, r.Err)
	s.ResetRequests()
	state := LastState(t, r.Out)
	r = Run(t, "--config", File(t, "c.json", With(s, cfg)), "--state", File(t, "s.json", state))
	require.Zero(t, r.Code, r.Err)
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"users": 1, "jobs": 1}, lists)
	assert.Contains(t, r.Err, "left alone: demographic_questions, job_posts")
}
