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

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestBadInputIsOneLineThatSaysWhere(t *testing.T) {
	s := serve(t, sandbox.Options{})
	good := func(more map[string]any) string { return file(t, "config.json", with(s, more)) }
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
				file(t, "c.json", "{\n  \"client_id\": oops\n}"),
			},
			[]string{"c.json, line 2, column 16: invalid JSON"},
		},
		"config is an array": {
			[]string{"--config", file(t, "c.json", "[]")},
			[]string{"c.json", "object"},
		},
		"no client_id": {
			[]string{"--config", file(t, "c.json", "{}")},
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
			file(t, "x.json", "{\"streams\": [}"),
		}, []string{"x.json", "line 1, column 14"}},
		"catalog without list": {[]string{
			"--config", good(nil), "--catalog",
			file(t, "x.json", "{}"),
		}, []string{"x.json", "streams"}},
		"catalog of unknown stream": {
			[]string{
				"--config", good(nil), "--catalog",
				file(t, "x.json", `{"streams":[{"tap_stream_id":"nonsense","metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}]}`),
			},
			[]string{"x.json", "nonsense"},
		},
		"catalog with unknown method": {
			[]string{
				"--config", good(nil), "--catalog",
				file(t, "x.json", `{"streams":[{"tap_stream_id":"users","metadata":[{"breadcrumb":[],"metadata":{"selected":true,"replication-method":"LOG_BASED"}}]}]}`),
			},
			[]string{"users", "LOG_BASED"},
		},
		"state is no JSON": {[]string{
			"--config", good(nil), "--state",
			file(t, "s.json", "{\"bookmarks\"}"),
		}, []string{"s.json", "line 1"}},
		"state without time": {
			[]string{
				"--config", good(nil), "--state",
				file(t, "s.json", `{"bookmarks":{"users":{"replication_key_value":"soon"}}}`),
			},
			[]string{"users", "soon"},
		},
		"state with a number": {
			[]string{
				"--config", good(nil), "--state",
				file(t, "s.json", `{"bookmarks":{"users":{"replication_key_value":7}}}`),
			},
			[]string{"users", "not a time"},
		},
		"state with odd progress": {
			[]string{
				"--config", good(nil), "--state",
				file(t, "s.json", `{"bookmarks":{"users":{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[null]}}}}`),
			}, []string{"users"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, c.args...)
			assert.Equal(t, 2, r.code, r.err)
			assert.Empty(t, r.out)
			for _, text := range c.says {
				assert.Contains(t, strings.ReplaceAll(r.err, `\"`, `"`), text)
			}
			assert.NotContains(t, r.err, "goroutine")
			assert.NotContains(t, r.err, "hunter22")
			assert.NotContains(t, r.err, "12345678")
			noSecrets(t, r)
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
	s := serve(t, sandbox.Options{})
	r := run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"auth_url": "http://127.0.0.1:9/token", "max_retry_time": "1s"})))
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.err, "127.0.0.1:9")
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
	r := run(t, "--config", file(t, "c.json", cfg))
	assert.Equal(t, 1, r.code, r.err)
	assert.Contains(t, r.err, "certificate")
	assert.NotContains(t, r.err, "trying again", "a repeat does not mend it")
	assert.False(t, asked, "no credential has gone there")
}

func TestUnknownKeyIsAWarning(t *testing.T) {
	s := serve(t, sandbox.Options{})
	r := run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"streams": []string{"users"}, "flattening_enabled": false})))
	assert.Zero(t, r.code)
	assert.Contains(t, r.err, "flattening_enabled")
}

func TestConfigFromTheEnvironment(t *testing.T) {
	s := serve(t, sandbox.Options{})
	for key, value := range map[string]string{
		"CLIENT_ID":     sandbox.ClientID,
		"CLIENT_SECRET": sandbox.ClientSecret, "API_URL": s.URL(), "AUTH_URL": s.URL() + "/token",
		"STREAMS": "users, job*", "CONCURRENCY": "3",
	} {
		t.Setenv("TAP_GREENHOUSE_"+key, value)
	}
	catalog := file(t, "x.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
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
		r := run(t, command...)
		assert.Zero(t, r.code, "%v: %s", command, r.err+r.out)
		assert.NotContains(t, r.out, "FAILED")
		assert.NotEmpty(t, r.out, command)
	}
	var l loader.Loader
	r := run(t)
	require.Zero(t, r.code, r.err)
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	complete(t, s, &l, "users", "jobs", "job_posts")
	t.Setenv("TAP_GREENHOUSE_CONCURRENCY", "three")
	assert.Equal(t, 2, run(t).code)
}

func TestCatalogFileIsWhatDiscoveryPrints(t *testing.T) {
	want, err := os.ReadFile("../../catalog.json")
	require.NoError(t, err)
	r := run(t, "--discover")
	require.Zero(t, r.code, r.err)
	assert.Equal(t, string(want), r.out, "go run . --discover > catalog.json")
}

func TestSelection(t *testing.T) {
	s := serve(t, sandbox.Options{})
	var catalog map[string]any
	require.NoError(t, json.Unmarshal([]byte(run(t, "--discover").out), &catalog))
	for _, e := range catalog["streams"].([]any) {
		entry := e.(map[string]any)
		name := entry["tap_stream_id"].(string)
		for _, m := range entry["metadata"].([]any) {
			crumb, meta := m.(map[string]any)["breadcrumb"].([]any),
				m.(map[string]any)["metadata"].(map[string]any)
			switch {
			case len(crumb) == 0:
				meta["selected"] = name == "candidates" || name == "eeoc" || name == "degrees"
				if name == "eeoc" {
					meta["replication-method"] = "FULL_TABLE"
				}
			case name == "candidates" && len(crumb) == 2:
				meta["selected"] = crumb[1] == "first_name" || crumb[1] == "email_addresses"
			case name == "eeoc" && len(crumb) == 4:
				meta["selected"] = crumb[3] != "id"
			}
		}
	}
	var l loader.Loader
	path := file(t, "catalog.json", catalog)
	r := run(t, "--config", file(t, "c.json", s.Config()), "--properties", path)
	require.Zero(t, r.code, r.err)
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	assert.Len(t, l.Rows, 3)
	complete(t, s, &l, "degrees")
	for _, row := range l.Rows["candidates"] {
		var c map[string]any
		require.NoError(t, json.Unmarshal(row, &c))
		assert.Len(t, c, 4)
		items, _ := c["email_addresses"].([]any) // some are null
		for _, m := range items {
			assert.Contains(t, m, "type", "items come whole")
		}
	}
	assert.NotContains(t, string(l.LastSchema["candidates"]), "last_name")
	for _, row := range l.Rows["eeoc"] {
		assert.NotContains(t, string(row), `"gender":{"id"`)
	}
	before := l.Records["eeoc"]
	r = run(t, "--config", file(t, "c.json", s.Config()), "--catalog", path, "--state",
		file(t, "s.json", l.LastState()))
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	assert.Equal(t, 2*before, l.Records["eeoc"], "a full table comes whole again")
}

func TestTestReadsOneRecordAStream(t *testing.T) {
	s := serve(t, sandbox.Options{})
	var l loader.Loader
	r := run(t, "--config", file(t, "c.json", s.Config()), "--test")
	require.Zero(t, r.code, r.err)
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	for name, n := range l.Records {
		assert.Equal(t, 1, n, name)
	}
	assert.Len(t, l.Schemas, len(byDefault(t)))
	assert.Empty(t, l.States)
}

func TestAbout(t *testing.T) {
	var about map[string]any
	r := run(t, "--about", "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(r.out), &about))
	for _, key := range []string{
		"name", "description", "version", "sdk_version",
		"supported_python_versions", "capabilities", "settings",
	} {
		assert.Contains(t, about, key)
	}
	assert.Contains(t, run(t, "--about", "--format", "markdown").out, "`client_id`")
}

func FuzzBadFiles(f *testing.F) {
	s := serve(f, sandbox.Options{Candidates: 5})
	for _, seed := range []string{
		`{}`, `{"bookmarks":{"users":{}}}`,
		`{"streams":[{"tap_stream_id":"users"}]}`, `{"client_id":"a","client_secret":"b"}`, `[`,
		`null`, `{"bookmarks":{"users":{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":9}]}}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		config := file(t, "c.json", with(s,
			map[string]any{"streams": []string{"job_posts"}, "max_retry_time": "1ms"}))
		odd := file(t, "odd.json", content)
		for _, args := range [][]string{
			{"--config", config, "--state", odd},
			{"--config", config, "--catalog", odd},
			{"--config", odd, "--discover"},
		} {
			r := run(t, args...)
			assert.NotContains(t, r.err, "goroutine")
		}
	})
}

// A refresh token without a file, which each use replaces, is not used.
func TestRefreshTokenOfTheEnvironmentIsNotUsed(t *testing.T) {
	s := serve(t, sandbox.Options{})
	for key, value := range map[string]string{
		"CLIENT_ID": sandbox.ClientID, "CLIENT_SECRET": sandbox.ClientSecret, "API_URL": s.URL(),
		"AUTH_URL": s.URL() + "/token", "REFRESH_TOKEN": s.CurrentRefreshToken(),
	} {
		t.Setenv("TAP_GREENHOUSE_"+key, value)
	}
	catalog := file(t, "x.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
	for _, command := range [][]string{{"check"}, {"read", "--catalog", catalog}, {}} {
		r := run(t, command...)
		assert.Contains(t, r.out+r.err, "refresh_token needs a config file", command)
	}
	_, _, tokens := s.Requests()
	assert.Zero(t, tokens)
}
