package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// Every line of a JSON log has the keys that Meltano parses.
func TestJSONLog(t *testing.T) {
	s := serve(t, sandbox.Options{})
	r := run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"streams": []string{"users"}})), "--log-format", "json")
	require.Zero(t, r.code, r.err)
	for line := range strings.Lines(r.err) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		for _, key := range []string{
			"level", "pid", "logger_name", "ts", "thread_name", "app_name",
			"message",
		} {
			assert.Contains(t, e, key)
		}
	}
	assert.Contains(t, r.err, `"stream_name":"users"`)
	records := strings.Count(r.out, `"type":"RECORD"`)
	assert.Contains(t, r.err, fmt.Sprintf(`"metric_info":{"type":"counter","metric":"record_count","value":%d,"tags":{"stream":"users"}}`, records))
	assert.Contains(t, r.err, fmt.Sprintf(`"message":"stream is complete (stream: users, records: %d)"`, records),
		"Meltano shows only the message")
	t.Setenv("TAP_GREENHOUSE_LOG_FORMAT", "json")
	assert.True(t, strings.HasPrefix(run(t, "--nonsense").err, "{"))
}

func initWith(t *testing.T, in string, args ...string) result {
	t.Helper()
	var out, err strings.Builder
	code := cli.Run(t.Context(), append([]string{"init"}, args...),
		cli.Streams{In: strings.NewReader(in), Out: &out, Err: &err})
	return result{code, out.String(), err.String()}
}

func TestInitWithoutATerminal(t *testing.T) {
	s := serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	path := filepath.Join(t.TempDir(), "c.json")
	at := []string{
		"--config", path, "--client-id", sandbox.ClientID, "--client-secret-stdin",
		"--api-url", s.URL(), "--auth-url", s.URL() + "/token",
	}
	r := initWith(t, "wrong\n", at...)
	assert.Equal(t, 2, r.code)
	assert.NoFileExists(t, path, "nothing is written for a credential that does not work")
	r = initWith(t, sandbox.ClientSecret+"\n", at...)
	require.Zero(t, r.code, r.err)
	assert.NotContains(t, r.err+r.out, sandbox.ClientSecret)
	assert.Contains(t, r.err, "harvest:notes:list")
	for line := range strings.Lines(r.err) {
		if !strings.Contains(line, path) { // as long as its user made it
			assert.LessOrEqual(t, len(line), 81, line)
		}
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Zero(t, run(t, "--config", path).code)
	r = initWith(t, sandbox.ClientSecret, at...)
	assert.Equal(t, 2, r.code)
	assert.Contains(t, r.err, "--force")
	t.Run("addresses from the environment", func(t *testing.T) {
		t.Setenv("TAP_GREENHOUSE_API_URL", s.URL())
		t.Setenv("TAP_GREENHOUSE_AUTH_URL", s.URL()+"/token")
		t.Setenv("TAP_GREENHOUSE_CLIENT_SECRET", "another one")
		r := initWith(t, sandbox.ClientSecret, append([]string{"--force"}, at[:5]...)...)
		assert.Zero(t, r.code, r.err)
	})
	assert.Zero(t, initWith(t, sandbox.ClientSecret, append(at, "--force")...).code)
	assert.Equal(t, 2, initWith(t, "",
		append(at[2:], "--config", filepath.Join(path, "no", "folder"))...).code)
	assert.Equal(t, 2, initWith(t, "", append(at, "--force")...).code, "no secret came")
}

func TestReport(t *testing.T) {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewReferenceLoader("file://" +
		absolute(t, "../../docs/report.schema.json")))
	require.NoError(t, err)
	s := serve(t, sandbox.Options{Scopes: []string{"harvest:users:list", "harvest:jobs:list"}})
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	r := run(t, "--config", file(t, "c.json", s.Config()), "--report", path)
	require.Zero(t, r.code, r.err)
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
	for line := range strings.Lines(r.out) {
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
	r = run(t, "--config", file(t, "c.json", s.Config()), "--report", page)
	assert.Equal(t, 1, r.code)
	data, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Less(t, len(data), 300_000)
	assert.NotContains(t, string(data), "<script")
	n := len(byDefault(t))
	assert.Contains(t, string(data), fmt.Sprintf(
		"1 of %d streams failed: users. Of the others, 1 is complete, %d were skipped.", n, n-2))
	assert.Less(t, strings.Index(string(data), "<td>users</td>"),
		strings.Index(string(data), "<td>candidates</td>"), "what failed stands first")
}

// A run that cannot start leaves its own report, not that of an earlier one, in both protocols.
func TestReportOfARunThatCouldNotStart(t *testing.T) {
	s := serve(t, sandbox.Options{})
	schema, err := gojsonschema.NewSchema(gojsonschema.NewReferenceLoader("file://" +
		absolute(t, "../../docs/report.schema.json")))
	require.NoError(t, err)
	good := file(t, "c.json", s.Config())
	bad := file(t, "c.json", with(s, map[string]any{"budget": "half"}))
	catalog := file(t, "x.json", "{")
	configured := file(t, "y.json", `{"streams":[{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}]}`)
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
		path := file(t, "run.json", `{"outcome":"yesterday"}`)
		r := run(t, append(c.args, "--report", path)...)
		assert.Equal(t, 2, r.code, c.says)
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

// A stream whose last complete read is recent enough is left alone: no request, no failure.
func TestRefreshEvery(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := map[string]any{"streams": []string{
		"users", "jobs", "job_posts",
		"demographic_questions",
	}, "refresh_every": map[string]any{
		"job*": "1d", "jobs": "0s",
		"demographic_*": "2h",
	}}
	r := run(t, "--config", file(t, "c.json", with(s, cfg)))
	require.Zero(t, r.code, r.err)
	s.ResetRequests()
	state := lastState(t, r.out)
	r = run(t, "--config", file(t, "c.json", with(s, cfg)), "--state", file(t, "s.json", state))
	require.Zero(t, r.code, r.err)
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"users": 1, "jobs": 1}, lists)
	assert.Contains(t, r.err, "left alone: demographic_questions, job_posts")
}

// lastState is the value of the last STATE message.
func lastState(t *testing.T, out string) []byte {
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

// A run that takes too long ends by itself, and the next one continues.
func TestMaxRunTime(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{Limit: 5, Window: 2 * time.Second})
	cfg := with(s, map[string]any{"max_run_time": "1s", "streams": []string{"*"}})
	r := run(t, "--config", file(t, "c.json", cfg))
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, "max_run_time was reached")
	assert.Contains(t, r.err, "not finished: ")
	assert.NotEmpty(t, lastState(t, r.out))
	assert.Contains(t, r.out, `"reason":"stopped: the run was stopped (max_run_time was reached)"`,
		"sync_log tells a run that is to go on from one that somebody stopped")
}

// A run whose last page arrives just as its time is over is complete.
func TestRunThatEndsJustInTimeIsComplete(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{Latency: 1200 * time.Millisecond})
	r := run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"max_run_time": "1s", "streams": []string{"users", "jobs"}})))
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, "summary: 2 of 2 streams complete")
	assert.NotContains(t, r.err, "max_run_time was reached")
}

// A report that cannot be written is an invalid flag, told before anything is read.
func TestUnwritableReports(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", with(s, map[string]any{"streams": []string{"users"}}))
	dir := filepath.Join(t.TempDir(), "run.html")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, says := range map[string]string{
		filepath.Join(t.TempDir(), "missing", "run.html"): "missing", dir: "it is a folder",
		"run.txt": "must end in .html or .json", filepath.Join(cfg, "run.json"): "run.json",
	} {
		for _, args := range [][]string{
			{"--config", cfg}, {"demo"}, {"read", "--config", cfg, "--catalog", cfg},
		} {
			r := run(t, append(args, "--report", name)...)
			assert.Equal(t, 2, r.code, name)
			assert.Contains(t, r.err+r.out, "--report")
			assert.Contains(t, r.err+r.out, says)
			assert.NotContains(t, r.out, "RECORD")
		}
	}
	lists, _, _ := s.Requests()
	assert.Empty(t, lists)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
