package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// Every line of a JSON log has the keys that Meltano parses.
func TestJSONLog(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	r := e2e.Run(t, "--config", e2e.File(t, "c.json",
		e2e.With(s, map[string]any{"streams": []string{"users"}})), "--log-format", "json")
	require.Zero(t, r.Code, r.Err)
	for line := range strings.Lines(r.Err) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		for _, key := range []string{
			"level", "pid", "logger_name", "ts", "thread_name", "app_name",
			"message",
		} {
			assert.Contains(t, e, key)
		}
	}
	assert.Contains(t, r.Err, `"stream_name":"users"`)
	records := strings.Count(r.Out, `"type":"RECORD"`)
	assert.Contains(t, r.Err, fmt.Sprintf(`"metric_info":{"type":"counter","metric":"record_count","value":%d,"tags":{"stream":"users"}}`, records))
	assert.Contains(t, r.Err, fmt.Sprintf(`"message":"stream is complete (stream: users, records: %d)"`, records),
		"Meltano shows only the message")
	t.Setenv("TAP_GREENHOUSE_LOG_FORMAT", "json")
	assert.True(t, strings.HasPrefix(e2e.Run(t, "--nonsense").Err, "{"))
}

func initWith(t *testing.T, in string, args ...string) e2e.Result {
	t.Helper()
	var out, err strings.Builder
	code := cli.Run(t.Context(), append([]string{"init"}, args...),
		cli.Streams{In: strings.NewReader(in), Out: &out, Err: &err})
	return e2e.Result{Code: code, Out: out.String(), Err: err.String()}
}

func TestInitWithoutATerminal(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	path := filepath.Join(t.TempDir(), "c.json")
	at := []string{
		"--config", path, "--client-id", sandbox.ClientID, "--client-secret-stdin",
		"--api-url", s.URL(), "--auth-url", s.URL() + "/token",
	}
	r := initWith(t, "wrong\n", at...)
	assert.Equal(t, 2, r.Code)
	assert.NoFileExists(t, path, "nothing is written for a credential that does not work")
	r = initWith(t, sandbox.ClientSecret+"\n", at...)
	require.Zero(t, r.Code, r.Err)
	assert.NotContains(t, r.Err+r.Out, sandbox.ClientSecret)
	assert.Contains(t, r.Err, "harvest:notes:list")
	for line := range strings.Lines(r.Err) {
		if !strings.Contains(line, path) { // as long as its user made it
			assert.LessOrEqual(t, len(line), 81, line)
		}
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Zero(t, e2e.Run(t, "--config", path).Code)
	r = initWith(t, sandbox.ClientSecret, at...)
	assert.Equal(t, 2, r.Code)
	assert.Contains(t, r.Err, "--force")
	t.Run("addresses from the environment", func(t *testing.T) {
		t.Setenv("TAP_GREENHOUSE_API_URL", s.URL())
		t.Setenv("TAP_GREENHOUSE_AUTH_URL", s.URL()+"/token")
		t.Setenv("TAP_GREENHOUSE_CLIENT_SECRET", "another one")
		r := initWith(t, sandbox.ClientSecret, append([]string{"--force"}, at[:5]...)...)
		assert.Zero(t, r.Code, r.Err)
	})
	t.Run("the environment alone", func(t *testing.T) {
		for key, value := range map[string]string{
			"API_URL": s.URL(), "AUTH_URL": s.URL() + "/token",
			"CLIENT_ID": sandbox.ClientID, "CLIENT_SECRET": sandbox.ClientSecret,
		} {
			t.Setenv("TAP_GREENHOUSE_"+key, value)
		}
		r := initWith(t, "", "--force", "--config", path)
		require.Zero(t, r.Code, r.Err)
		assert.NotContains(t, r.Err, sandbox.ClientSecret)
	})
	assert.Zero(t, e2e.Run(t, "--config", path).Code, "the file has the credential")
	assert.Zero(t, initWith(t, sandbox.ClientSecret, append(at, "--force")...).Code)
	assert.Equal(t, 2, initWith(t, "",
		append(at[2:], "--config", filepath.Join(path, "no", "folder"))...).Code)
	assert.Equal(t, 2, initWith(t, "", append(at, "--force")...).Code, "no secret came")
}

func TestReport(t *testing.T) {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewReferenceLoader("file://" +
		absolute(t, "../../docs/report.schema.json")))
	require.NoError(t, err)
	s := e2e.Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list", "harvest:jobs:list"}})
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	r := e2e.Run(t, "--config", e2e.File(t, "c.json", s.Config()), "--report", path)
	require.Zero(t, r.Code, r.Err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	result, err := schema.Validate(gojsonschema.NewBytesLoader(data))
	require.NoError(t, err)
	assert.Empty(t, result.Errors())
	var account struct {
		Streams []struct {
			Stream, Status string
			Records        int
		}
		Requests struct{ Lists int }
	}
	require.NoError(t, json.Unmarshal(data, &account))
	records := map[string]int{}
	for line := range strings.Lines(r.Out) {
		var m struct{ Type, Stream string }
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		if m.Type == "RECORD" {
			records[m.Stream]++
		}
	}
	for _, st := range account.Streams {
		assert.Equal(t, records[st.Stream], st.Records, st.Stream)
		assert.Equal(t, map[bool]string{true: "complete", false: "skipped"}[records[st.Stream] > 0],
			st.Status, st.Stream)
	}
	_, status, _ := s.Requests()
	assert.Equal(t, status[200]+status[403], account.Requests.Lists)

	page := filepath.Join(dir, "run.html")
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Path == "/v3/users" {
			return sandbox.Status404
		}
		return sandbox.NoFault
	})
	r = e2e.Run(t, "--config", e2e.File(t, "c.json", s.Config()), "--report", page)
	assert.Equal(t, 1, r.Code)
	data, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Less(t, len(data), 300_000)
	assert.NotContains(t, string(data), "<script")
	n := len(e2e.ByDefault(t))
	assert.Contains(t, string(data), fmt.Sprintf(
		"1 of %d streams failed: users. Of the others, 1 is complete, %d were skipped.", n, n-2))
	assert.Less(t, strings.Index(string(data), "<td>users</td>"),
		strings.Index(string(data), "<td>candidates</td>"), "what failed stands first")
}

// A run that cannot start leaves its own report, not that of an earlier one, in both protocols.
func TestReportOfARunThatCouldNotStart(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	schema, err := gojsonschema.NewSchema(gojsonschema.NewReferenceLoader("file://" +
		absolute(t, "../../docs/report.schema.json")))
	require.NoError(t, err)
	good := e2e.File(t, "c.json", s.Config())
	bad := e2e.File(t, "c.json", e2e.With(s, map[string]any{"budget": "half"}))
	catalog := e2e.File(t, "x.json", "{")
	configured := e2e.File(t, "y.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"budget", []string{"--config", bad}},
		{"x.json, line 1", []string{"--config", good, "--catalog", catalog}},
		{"y.json", []string{"--config", good, "--catalog", configured}},
		{"nowhere.json", []string{"--config", "nowhere.json"}},
		{"budget", []string{"read", "--config", bad, "--catalog", configured}},
		{"x.json, line 1", []string{"read", "--config", good, "--catalog", catalog}},
	} {
		path := e2e.File(t, "run.json", `{"outcome":"yesterday"}`)
		r := e2e.Run(t, append(c.args, "--report", path)...)
		assert.Equal(t, 2, r.Code, c.says)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		result, err := schema.Validate(gojsonschema.NewBytesLoader(data))
		require.NoError(t, err)
		assert.Empty(t, result.Errors(), c.says)
		var a struct{ Outcome string }
		require.NoError(t, json.Unmarshal(data, &a))
		assert.Contains(t, a.Outcome, "The run failed: ")
		assert.Contains(t, a.Outcome, c.says)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	require.NoError(t, err)
	return abs
}
