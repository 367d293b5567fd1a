package cli_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// full is an output on a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: errors.New("no space left on device")}
}

// A command whose output cannot be written says what to do about it.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, args := range [][]string{{"privacy"}, {"scopes"}, {"--discover"}, {"spec"}, {"--help"}} {
		var log strings.Builder
		code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: full{}, Err: &log})
		assert.NotZero(t, code, args)
		assert.Contains(t, log.String(),
			"writing to stdout: no space left on device (check where standard output goes", args)
	}
}

func TestUntrustedCertificateIsRefused(t *testing.T) {
	asked := false
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request,
	) {
		asked = true
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	cfg := map[string]any{
		"client_id": sandbox.ClientID, "client_secret": sandbox.ClientSecret,
		"api_url": s.URL, "auth_url": s.URL + "/token", "max_retry_time": "10m",
	}
	r := e2e.Run(t, "--config", e2e.File(t, "c.json", cfg))
	assert.Equal(t, 1, r.Code, r.Err)
	assert.Contains(t, r.Err, "certificate")
	assert.NotContains(t, r.Err, "trying again", "a repeat does not mend it")
	assert.False(t, asked, "no credential has gone there")
}

func TestCatalogFileIsWhatDiscoveryPrints(t *testing.T) {
	want, err := os.ReadFile("../../catalog.json")
	require.NoError(t, err)
	r := e2e.Run(t, "--discover")
	require.Zero(t, r.Code, r.Err)
	if string(want) != r.Out { // a difference in a file of this size helps nobody
		t.Error("catalog.json is out of date: go run . --discover > catalog.json")
	}
}

func TestTestReadsOneRecordAStream(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	var l loader.Loader
	r := e2e.Run(t, "--config", e2e.File(t, "c.json", s.Config()), "--test")
	require.Zero(t, r.Code, r.Err)
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	for name, n := range l.Records {
		assert.Equal(t, 1, n, name)
	}
	assert.Len(t, l.Schemas, len(e2e.ByDefault(t)))
	assert.Empty(t, l.States)
}

func FuzzBadFiles(f *testing.F) {
	s := e2e.Serve(f, sandbox.Options{Candidates: 5})
	for _, seed := range []string{
		`{}`, `{"bookmarks":{"users":{}}}`,
		`{"streams":[{"tap_stream_id":"users"}]}`, `{"client_id":"a","client_secret":"b"}`, `[`,
		`null`, `{"bookmarks":{"users":{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":9}]}}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		config := e2e.File(t, "c.json", e2e.With(s,
			map[string]any{"streams": []string{"job_posts"}, "max_retry_time": "1ms"}))
		odd := e2e.File(t, "odd.json", content)
		for _, args := range [][]string{
			{"--config", config, "--state", odd},
			{"--config", config, "--catalog", odd},
			{"--config", odd, "--discover"},
		} {
			r := e2e.Run(t, args...)
			assert.NotContains(t, r.Err, "goroutine")
		}
	})
}
