//go:build unix

package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/internal/platform"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A bookmark of another column than updated_at does not tell what was updated: the stream is read
// from the start.
func TestBookmarkOfAnotherColumnIsIgnored(t *testing.T) {
	s := serve(t, sandbox.Options{})
	state := `{"bookmarks":{"jobs":{"replication_key":"created_at","replication_key_value":"2026-11-01T00:00:00Z"}}}`
	var l loader.Loader
	r := load(t, &l, with(s, map[string]any{"streams": []string{"jobs"}}), []byte(state))
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, "created_at")
	complete(t, s, &l, "jobs")
}

// A selected stream that Greenhouse no longer has is INCOMPLETE; the others are loaded.
func TestReadContinuesWithoutARemovedStream(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", s.Config())
	var p platform.Platform
	catalog := `{"streams":[{"stream":{"name":"gone_list","json_schema":{"type":"object"}},"sync_mode":"full_refresh","destination_sync_mode":"append"},
		{"stream":{"name":"users","json_schema":{"type":"object"}},"sync_mode":"full_refresh","destination_sync_mode":"append"}]}`
	require.NoError(t, p.Catalog([]byte(catalog)))
	r := run(t, "read", "--config", cfg, "--catalog", file(t, "x.json", catalog))
	require.NoError(t, p.Read(strings.NewReader(r.out), false), r.out)
	assert.Equal(t, 1, r.code)
	assert.Equal(t, []string{"STARTED", "INCOMPLETE"}, p.Statuses["gone_list"])
	assert.Equal(t, []string{"STARTED", "RUNNING", "COMPLETE"}, p.Statuses["users"])
	require.Len(t, p.Errors, 1)
	assert.Equal(t, "config_error", p.Errors[0].FailureType)
	for name, state := range map[string]string{"no JSON": "{", "an object": `{"bookmarks":{}}`} {
		r := run(t, "read", "--config", cfg, "--catalog", file(t, "x.json", catalog), "--state",
			file(t, "s.json", state))
		assert.Equal(t, 2, r.code, name)
		assert.Contains(t, r.out, `"TRACE"`, name)
	}
}

// NUL stops loaders, and PostgreSQL silently truncates names to 63 bytes.
func TestNamesAndTextsThatStopLoaders(t *testing.T) {
	long := strings.Repeat("a_very_long_name_", 5)
	fields := []field{
		{key: long + "one", valueType: "short_text", value: "1"},
		{key: long + "two", valueType: "short_text", value: "nul \u0000 here"},
		{key: "odd", valueType: "short_text", value: "ok"},
	}
	s := defined(t, &fields)
	var l loader.Loader
	r := load(t, &l, columnsOf(s), nil)
	require.Zero(t, r.code, r.err)
	columns := customs(t, l.LastSchema["candidates"])
	assert.Len(t, columns, 3)
	for name := range columns {
		assert.LessOrEqual(t, len(name), 63)
	}
	assert.NotContains(t, r.out, `\u0000`)
	again := load(t, &loader.Loader{}, columnsOf(s), nil)
	for name := range columns {
		assert.Contains(t, again.out, name, "the same way every time")
	}
}

// A catalog that selects nothing is an error.
func TestCatalogThatSelectsNothingIsAnError(t *testing.T) {
	s := serve(t, sandbox.Options{})
	r := run(t, "--config", file(t, "c.json", s.Config()), "--catalog",
		file(t, "x.json", `{"streams":[]}`))
	assert.Equal(t, 2, r.code)
	assert.Contains(t, r.err, "selects no stream")
}

// The summary of a stopped run says what is complete and what is not, and --test writes no state.
func TestSummaryOfAStoppedRun(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{Limit: 5, Window: 2 * time.Second})
	streams := []string{"job*", "candidate*", "scorecard*"}
	cfg := file(t, "c.json", with(s,
		map[string]any{"max_run_time": "1s", "concurrency": 2, "streams": streams}))
	r := run(t, "--config", cfg)
	assert.Zero(t, r.code, r.err)
	assert.Contains(t, r.err, "not finished: ")
	assert.NotContains(t, r.err, "failed: ")
	r = run(t, "--config", cfg, "--test")
	assert.NotContains(t, r.out, `"STATE"`)
}

// A full table is complete each time. The simulator tests it with pieces and kills.
func TestFullTableOfALongList(t *testing.T) {
	long.Only(t)
	s := serve(t, sandbox.Options{Candidates: 50_000})
	var catalog map[string]any
	require.NoError(t, json.Unmarshal([]byte(run(t, "--discover").out), &catalog))
	for _, e := range catalog["streams"].([]any) {
		entry := e.(map[string]any)
		meta := entry["metadata"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
		meta["selected"], meta["replication-method"] = entry["tap_stream_id"] == "candidates",
			"FULL_TABLE"
	}
	path := file(t, "catalog.json", catalog)
	for range 2 {
		var l loader.Loader
		r := run(t, "--config", file(t, "c.json", s.Config()), "--catalog", path)
		require.Zero(t, r.code, r.err)
		require.NoError(t, l.Load(strings.NewReader(r.out), false))
		assert.Len(t, l.Rows["candidates"], 50_000)
	}
}
