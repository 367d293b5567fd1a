//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/platform"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A bookmark of another column than updated_at does not tell what was updated: the stream is read
// from the start.
func TestBookmarkOfAnotherColumnIsIgnored(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	state := `{"bookmarks":{"jobs":{"replication_key":"created_at","replication_key_value":"2026-11-01T00:00:00Z"}}}`
	var l loader.Loader
	r := Load(t, &l, With(s, map[string]any{"streams": []string{"jobs"}}), []byte(state))
	require.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "created_at")
	Complete(t, s, &l, "jobs")
}

// A selected stream that Greenhouse no longer has is INCOMPLETE; the others are loaded.
func TestReadContinuesWithoutARemovedStream(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	cfg := File(t, "c.json", s.Config())
	var p platform.Platform
	catalog := `{"streams":[{"stream":{"name":"gone_list","json_schema":{"type":"object"}},"sync_mode":"full_refresh","destination_sync_mode":"append"},
		{"stream":{"name":"users","json_schema":{"type":"object"}},"sync_mode":"full_refresh","destination_sync_mode":"append"}]}`
	require.NoError(t, p.Catalog([]byte(catalog)))
	r := Run(t, "read", "--config", cfg, "--catalog", File(t, "x.json", catalog))
	require.NoError(t, p.Read(strings.NewReader(r.Out), false), r.Out)
	assert.Equal(t, 1, r.Code)
	assert.Equal(t, []string{"STARTED", "INCOMPLETE"}, p.Statuses["gone_list"])
	assert.Equal(t, []string{"STARTED", "RUNNING", "COMPLETE"}, p.Statuses["users"])
	require.Len(t, p.Errors, 1)
	assert.Equal(t, "config_error", p.Errors[0].FailureType)
	for name, state := range map[string]string{"no JSON": "{", "an object": `{"bookmarks":{}}`} {
		r := Run(t, "read", "--config", cfg, "--catalog", File(t, "x.json", catalog), "--state",
			File(t, "s.json", state))
		assert.Equal(t, 2, r.Code, name)
		assert.Contains(t, r.Out, `"TRACE"`, name)
	}
}

// NUL stops loaders, and PostgreSQL silently truncates names to 63 bytes.
func TestNamesAndTextsThatStopLoaders(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a_very_long_name_", 5)
	fields := []field{
		{key: long + "one", valueType: "short_text", value: "1"},
		{key: long + "two", valueType: "short_text", value: "nul \u0000 here"},
		{key: "odd", valueType: "short_text", value: "ok"},
	}
	s := defined(t, &fields)
	var l loader.Loader
	r := Load(t, &l, columnsOf(s), nil)
	require.Zero(t, r.Code, r.Err)
	columns := customs(t, l.LastSchema["candidates"])
	assert.Len(t, columns, 3)
	for name := range columns {
		assert.LessOrEqual(t, len(name), 63)
	}
	assert.NotContains(t, r.Out, `\u0000`)
	again := Load(t, &loader.Loader{}, columnsOf(s), nil)
	for name := range columns {
		assert.Contains(t, again.Out, name, "the same way every time")
	}
}
