package cli_test

import (
	"encoding/json"
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

func TestBadInputIsOneLineThatSaysWhere(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	good := func(more map[string]any) string { return e2e.File(t, "config.json", e2e.With(s, more)) }
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"no config":       {nil, []string{"--config is missing"}},
		"unknown flag":    {[]string{"--nonsense"}, []string{"--nonsense"}},
		"unknown command": {[]string{"nonsense"}, []string{"nonsense"}},
		"no such file": {
			[]string{"--config", "nowhere.json"},
			[]string{"config nowhere.json: no such file or directory (tap-greenhouse init makes one)"},
		},
		"config is no JSON": {
			[]string{
				"--config",
				e2e.File(t, "c.json", "{\n  \"client_id\": oops\n}"),
			},
			[]string{"c.json, line 2, column 16: invalid JSON"},
		},
		"config is an array": {
			[]string{"--config", e2e.File(t, "c.json", "[]")},
			[]string{"c.json", "object"},
		},
		"no client_id": {
			[]string{"--config", e2e.File(t, "c.json", "{}")},
			[]string{"client_id is missing"},
		},
		"no client_secret": {
			[]string{"--config", good(map[string]any{"client_secret": nil})},
			[]string{"client_secret is missing"},
		},
		"wrong type": {
			[]string{"--config", good(map[string]any{"concurrency": "many"})},
			[]string{"concurrency", "integer"},
		},
		"too small": {
			[]string{"--config", good(map[string]any{"concurrency": 0})},
			[]string{"concurrency", "at least 1"},
		},
		"secret of wrong type": {[]string{
			"--config",
			good(map[string]any{"client_secret": 12345678}),
		}, []string{"client_secret", "string"}},
		"not one of": {[]string{
			"--config",
			good(map[string]any{"on_forbidden": "maybe"}),
		}, []string{"on_forbidden", "skip"}},
		"no time": {[]string{
			"--config",
			good(map[string]any{"start_date": "yesterday"}),
		}, []string{"start_date", "yesterday"}},
		"no duration": {
			[]string{"--config", good(map[string]any{"lookback": "a while"})},
			[]string{"lookback", "a while"},
		},
		"unknown stream": {
			[]string{
				"--config",
				good(map[string]any{"streams": []string{"canidates"}}),
			},
			[]string{"streams", "canidates"},
		},
		"http elsewhere": {
			[]string{
				"--config",
				good(map[string]any{"api_url": "http://example.com"}),
			},
			[]string{"api_url", "https://"},
		},
		"password in address": {
			[]string{
				"--config",
				good(map[string]any{"api_url": "https://u:hunter22@example.com"}),
			},
			[]string{"api_url"},
		},
		"refresh from stdin": {[]string{"--config", "-"}, []string{"config -: it is empty"}},
		"catalog is no JSON": {[]string{
			"--config", good(nil), "--catalog",
			e2e.File(t, "x.json", "{\"streams\": [}"),
		}, []string{"x.json", "line 1, column 14"}},
		"catalog without list": {[]string{
			"--config", good(nil), "--catalog",
			e2e.File(t, "x.json", "{}"),
		}, []string{"x.json", "streams"}},
		"catalog of unknown stream": {
			[]string{
				"--config", good(nil), "--catalog",
				e2e.File(t, "x.json", `{"streams":[{"tap_stream_id":"nonsense","metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}]}`),
			},
			[]string{"x.json", "nonsense"},
		},
		"catalog with unknown method": {
			[]string{
				"--config", good(nil), "--catalog",
				e2e.File(t, "x.json", `{"streams":[{"tap_stream_id":"users","metadata":[{"breadcrumb":[],"metadata":{"selected":true,"replication-method":"LOG_BASED"}}]}]}`),
			},
			[]string{"users", "LOG_BASED"},
		},
		"state is no JSON": {[]string{
			"--config", good(nil), "--state",
			e2e.File(t, "s.json", "{\"bookmarks\"}"),
		}, []string{"s.json", "line 1"}},
		"state without time": {
			[]string{
				"--config", good(nil), "--state",
				e2e.File(t, "s.json", `{"bookmarks":{"users":{"replication_key_value":"soon"}}}`),
			},
			[]string{"users", "soon"},
		},
		"state with a number": {
			[]string{
				"--config", good(nil), "--state",
				e2e.File(t, "s.json", `{"bookmarks":{"users":{"replication_key_value":7}}}`),
			},
			[]string{"users", "not a time"},
		},
		"state with odd progress": {
			[]string{
				"--config", good(nil), "--state",
				e2e.File(t, "s.json", `{"bookmarks":{"users":{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[null]}}}}`),
			}, []string{"users"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := e2e.Run(t, c.args...)
			assert.Equal(t, 2, r.Code, r.Err)
			assert.Empty(t, r.Out)
			for _, text := range c.says {
				assert.Contains(t, strings.ReplaceAll(r.Err, `\"`, `"`), text)
			}
			assert.NotContains(t, r.Err, "goroutine")
			assert.NotContains(t, r.Err, "hunter22")
			assert.NotContains(t, r.Err, "12345678")
			e2e.NoSecrets(t, r)
		})
	}
}

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

func TestUnreachableAddressIsNamed(t *testing.T) {
	t.Parallel()
	s := e2e.Serve(t, sandbox.Options{})
	r := e2e.Run(t, "--config", e2e.File(t, "c.json",
		e2e.With(s, map[string]any{"auth_url": "http://127.0.0.1:9/token", "max_retry_time": "1s"})))
	assert.Equal(t, 1, r.Code)
	assert.Contains(t, r.Err, "127.0.0.1:9")
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

func TestUnknownKeyIsAWarning(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	r := e2e.Run(t, "--config", e2e.File(t, "c.json",
		e2e.With(s, map[string]any{"streams": []string{"users"}, "flattening_enabled": false})))
	assert.Zero(t, r.Code)
	assert.Contains(t, r.Err, "flattening_enabled")
}

func TestConfigFromTheEnvironment(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	for key, value := range map[string]string{
		"CLIENT_ID":     sandbox.ClientID,
		"CLIENT_SECRET": sandbox.ClientSecret, "API_URL": s.URL(), "AUTH_URL": s.URL() + "/token",
		"STREAMS": "users, job*", "CONCURRENCY": "3",
	} {
		t.Setenv("TAP_GREENHOUSE_"+key, value)
	}
	catalog := e2e.File(t, "x.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
	for _, command := range [][]string{
		{"check"},
		{"discover"},
		{"read", "--catalog", catalog},
		{"scopes"},
		{"privacy"},
		{"--discover"},
		{"--test"},
		{"--config", "ENV", "--test"},
		{"check", "--config", "ENV"},
	} {
		r := e2e.Run(t, command...)
		assert.Zero(t, r.Code, "%v: %s", command, r.Err+r.Out)
		assert.NotContains(t, r.Out, "FAILED")
		assert.NotEmpty(t, r.Out, command)
	}
	var l loader.Loader
	r := e2e.Run(t)
	require.Zero(t, r.Code, r.Err)
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	e2e.Complete(t, s, &l, "users", "jobs", "job_posts")
	t.Setenv("TAP_GREENHOUSE_CONCURRENCY", "three")
	assert.Equal(t, 2, e2e.Run(t).Code)
}

func TestCatalogFileIsWhatDiscoveryPrints(t *testing.T) {
	want, err := os.ReadFile("../../catalog.json")
	require.NoError(t, err)
	r := e2e.Run(t, "--discover")
	require.Zero(t, r.Code, r.Err)
	assert.Equal(t, string(want), r.Out, "go run . --discover > catalog.json")
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

func TestAbout(t *testing.T) {
	var about map[string]any
	r := e2e.Run(t, "--about", "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(r.Out), &about))
	for _, key := range []string{
		"name", "description", "version", "sdk_version",
		"supported_python_versions", "capabilities", "settings",
	} {
		assert.Contains(t, about, key)
	}
	assert.Contains(t, e2e.Run(t, "--about", "--format", "markdown").Out, "`client_id`")
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

// A refresh token without a file, which each use replaces, is not used.
func TestRefreshTokenOfTheEnvironmentIsNotUsed(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	for key, value := range map[string]string{
		"CLIENT_ID": sandbox.ClientID, "CLIENT_SECRET": sandbox.ClientSecret, "API_URL": s.URL(),
		"AUTH_URL": s.URL() + "/token", "REFRESH_TOKEN": s.CurrentRefreshToken(),
	} {
		t.Setenv("TAP_GREENHOUSE_"+key, value)
	}
	catalog := e2e.File(t, "x.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
	for _, command := range [][]string{{"check"}, {"read", "--catalog", catalog}, {}} {
		r := e2e.Run(t, command...)
		assert.Contains(t, r.Out+r.Err, "refresh_token needs a config file", command)
	}
	_, _, tokens := s.Requests()
	assert.Zero(t, tokens)
}
