package cli_test

import (
	"bytes"
	"context"
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
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// serve starts a sandbox that ends with the test. It has no request limit by default, so that tests
// need not wait.
func serve(t testing.TB, opts sandbox.Options) *sandbox.Server {
	t.Helper()
	if opts.Limit == 0 {
		opts.Limit = -1
	}
	if opts.Candidates == 0 {
		opts.Candidates = 60
	}
	s, err := sandbox.New(opts)
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// with returns the config of a sandbox with more keys; a nil value removes one.
func with(s *sandbox.Server, more map[string]any) map[string]any {
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

// file writes a file in the test's folder; values other than strings and bytes are written as JSON.
func file(t testing.TB, name string, content any) string {
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

// result is how a call of the program ended.
type result struct {
	code     int
	out, err string
}

// run runs the program in this process.
func run(t testing.TB, args ...string) result {
	t.Helper()
	return runContext(t.Context(), args...)
}

func runContext(ctx context.Context, args ...string) result {
	var out, err bytes.Buffer
	code := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return result{code, out.String(), err.String()}
}

// load runs a Singer sync and loads its output; state may be nil.
func load(t testing.TB, l *loader.Loader, config map[string]any, state []byte) result {
	t.Helper()
	args := []string{"--config", file(t, "config.json", config)}
	if state != nil {
		args = append(args, "--state", file(t, "state.json", state))
	}
	r := run(t, args...)
	noSecrets(t, r)
	require.NoError(t, l.Load(strings.NewReader(r.out), false), r.err)
	return r
}

// noSecrets asserts that the program's output contains no secret.
func noSecrets(t testing.TB, r result) {
	t.Helper()
	for _, secret := range []string{
		sandbox.ClientSecret, sandbox.APIKey, "sandbox-token-",
		"sandbox-refresh-token-",
	} {
		assert.NotContains(t, r.err, secret)
		for line := range strings.Lines(r.out) {
			if strings.Contains(line, secret) && !strings.Contains(line, `"CONNECTOR_CONFIG"`) {
				assert.Fail(t, "a secret is printed", line)
			}
		}
	}
}

// byDefault returns the names of the streams that are selected by default.
func byDefault(t testing.TB) []string {
	t.Helper()
	return named(t, (*tap.Stream).SelectedByDefault)
}

// isList reports whether a stream is no view of another.
func isList(s *tap.Stream) bool { return s.ViewOf == "" }

// named returns the names of some streams.
func named(t testing.TB, which func(*tap.Stream) bool) (names []string) {
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

// complete asserts that every row of the sandbox was loaded, as it is now.
func complete(t testing.TB, s *sandbox.Server, l *loader.Loader, streams ...string) {
	t.Helper()
	if len(streams) == 0 {
		streams = byDefault(t)
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
