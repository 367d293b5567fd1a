// Package e2e is for tests of whole runs: the program in the test's own process, or in one of its
// own, against a sandbox, and a strict loader of what it writes. Its own tests are about what runs
// do; those of tap/cli are about the command line.
package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// Serve starts a sandbox that ends with the test. It has no request limit by default, so that tests
// need not wait.
func Serve(t testing.TB, opts sandbox.Options) *sandbox.Server {
	t.Helper()
	if opts.Limit == 0 {
		opts.Limit = -1
	}
	if opts.Candidates == 0 {
		opts.Candidates = 20
	}
	s, err := sandbox.New(opts)
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// With returns the config of a sandbox with more keys; a nil value removes one.
func With(s *sandbox.Server, more map[string]any) map[string]any {
	cfg := s.Config()
	for k, v := range more {
		if v == nil {
			delete(cfg, k)
			continue
		}
		cfg[k] = v
	}
	return cfg
}

// Only returns a config that reads these streams.
func Only(s *sandbox.Server, streams ...string) map[string]any {
	return With(s, map[string]any{"streams": streams})
}

// File writes a file in the test's folder; values other than strings and bytes are written as JSON.
func File(t testing.TB, name string, content any) string {
	t.Helper()
	var data []byte
	switch c := content.(type) {
	case string:
		data = []byte(c)
	case []byte:
		data = c
	default:
		var err error
		data, err = json.Marshal(c)
		require.NoError(t, err)
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// Load runs a Singer sync and loads its output; state may be nil.
func Load(t testing.TB, l *loader.Loader, config map[string]any, state []byte) Result {
	t.Helper()
	args := []string{"--config", File(t, "config.json", config)}
	if state != nil {
		args = append(args, "--state", File(t, "state.json", state))
	}
	r := Run(t, args...)
	NoSecrets(t, r)
	require.NoError(t, l.Load(strings.NewReader(r.Out), false), r.Err)
	return r
}

// NoSecrets asserts that the program's output contains no secret.
func NoSecrets(t testing.TB, r Result) {
	t.Helper()
	for _, secret := range []string{
		sandbox.ClientSecret, sandbox.APIKey, "sandbox-token-",
		"sandbox-refresh-token-",
	} {
		assert.NotContains(t, r.Err, secret)
		for line := range strings.Lines(r.Out) {
			if strings.Contains(line, secret) && !strings.Contains(line, `"CONNECTOR_CONFIG"`) {
				assert.Fail(t, "a secret is printed", line)
			}
		}
	}
}

// ByDefault returns the names of the streams that are selected by default.
func ByDefault(t testing.TB) []string {
	t.Helper()
	return Named(t, (*tap.Stream).SelectedByDefault)
}

// IsList reports whether a stream is no view of another.
func IsList(s *tap.Stream) bool { return s.ViewOf == "" }

// Named returns the names of some streams.
func Named(t testing.TB, which func(*tap.Stream) bool) (names []string) {
	t.Helper()
	all, err := schemas.Load()
	require.NoError(t, err)
	for _, s := range all {
		if which(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Complete asserts that every row of the sandbox was loaded, as it is now.
func Complete(t testing.TB, s *sandbox.Server, l *loader.Loader, streams ...string) {
	t.Helper()
	if len(streams) == 0 {
		streams = ByDefault(t)
	}
	for _, name := range streams {
		rows, err := s.Rows(name)
		require.NoError(t, err)
		missing, stale, err := l.Missing(name, rows)
		require.NoError(t, err)
		assert.Empty(t, missing, "rows of %s that did not come out", name)
		assert.Empty(t, stale, "rows of %s that came out with old values", name)
	}
}
