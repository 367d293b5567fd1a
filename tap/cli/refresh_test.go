package cli_test

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
	for name, more := range map[string]map[string]any{
		"alone":        {},
		"with deletes": {"deletes": map[string]any{"store": "file://" + t.TempDir()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, sandbox.Options{})
			more["streams"] = []string{"users", "user_emails", "jobs", "candidates"}
			more["refresh_every"] = map[string]any{"user*": "1d"}
			cfg := file(t, "c.json", with(s, more))
			r := run(t, "--config", cfg)
			require.Zero(t, r.code, r.err)
			first := lastState(t, r.out)

			r = run(t, "--config", cfg, "--state", file(t, "s.json", first),
				"--refresh", "user*", "--refresh", "jobs")
			require.Zero(t, r.code, r.err)
			var l loader.Loader
			require.NoError(t, l.Load(strings.NewReader(r.out), false))
			complete(t, s, &l, "users", "user_emails", "jobs")
			assert.NotContains(t, r.out, `"type":"RECORD","stream":"candidates"`)
			second := lastState(t, r.out)
			for stream, mark := range marks(t, second) {
				assert.Equal(t, marks(t, first)[stream].Version, mark.Version, stream)
				assert.NotEmpty(t, mark.Until, stream)
			}

			r = run(t, "--config", cfg, "--state", file(t, "s.json", second))
			require.Zero(t, r.code, r.err)
			assert.NotContains(t, r.out, `"type":"RECORD"`)
		})
	}
}

// A pattern that refreshes nothing is a mistake, and nothing is read.
func TestRefreshOfNothingIsAnError(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", with(s, map[string]any{"streams": []string{"users"}}))
	for pattern, want := range map[string]string{
		"jobs": "matches no selected stream", "usres": `did you mean \"users\"?`,
		"[": "no valid pattern",
	} {
		r := run(t, "--config", cfg, "--refresh", pattern)
		assert.Equal(t, 2, r.code)
		assert.Contains(t, r.err, want)
		assert.Empty(t, r.out)
	}
}

// --log-level goes before the environment, and is checked.
func TestLogLevel(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", with(s, map[string]any{"streams": []string{"users"}, "unknown": 1}))
	for _, c := range []struct {
		environment, level string
		info, warning      bool
	}{
		{"", "debug", true, true},
		{"", "info", true, true},
		{"ERROR", "WARNING", false, true},
		{"DEBUG", "error", false, false},
		{"WARNING", "", false, true},
		{"", "", true, true},
	} {
		t.Setenv("LOGLEVEL", c.environment)
		args := []string{"--config", cfg}
		if c.level != "" {
			args = append(args, "--log-level", c.level)
		}
		r := run(t, args...)
		require.Zero(t, r.code, r.err)
		assert.Equal(t, c.info, strings.Contains(r.err, "summary: "), c)
		assert.Equal(t, c.warning, strings.Contains(r.err, "unknown key"), c)
	}
	r := run(t, "--config", cfg, "--log-level=loud")
	assert.Equal(t, 2, r.code)
	assert.Contains(t, r.err, "--log-level must be debug, info, warning or error")
	assert.Contains(t, run(t, "--version", "--log-level").err, "--log-level")
}
