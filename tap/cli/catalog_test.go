package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A catalog may be older than the program: a stream that is no more fails alone, and its bookmark
// stays. Only a catalog of nothing else is refused.
func TestStreamThatIsNoMoreFailsAlone(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", s.Config())
	entry := func(name string) string {
		return `{"tap_stream_id":"` + name + `","metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}`
	}
	state := file(t, "s.json", `{"bookmarks":{"job_stages":{"replication_key_value":"2026-01-01T00:00:00Z"}}}`)
	r := run(t, "--config", cfg, "--state", state, "--catalog",
		file(t, "x.json", `{"streams":[`+entry("job_stages")+","+entry("users")+`]}`))
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.err, "stream job_stages: Greenhouse has no such list")
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	complete(t, s, &l, "users")
	assert.Len(t, l.Schemas, 1)
	assert.Contains(t, string(l.LastState()),
		`"job_stages":{"replication_key_value":"2026-01-01T00:00:00Z"}`)

	r = run(t, "--config", cfg, "--test=schema", "--catalog",
		file(t, "x.json", `{"streams":[`+entry("job_stages")+","+entry("users")+`]}`))
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.out, `"stream":"users"`)

	r = run(t, "--config", cfg, "--catalog", file(t, "x.json", `{"streams":[`+entry("job_stages")+`]}`))
	assert.Equal(t, 2, r.code)
	assert.Empty(t, r.out)
	assert.Contains(t, r.err, "nothing but streams that do not exist: job_stages")
	r = run(t, "read", "--config", cfg, "--catalog", file(t, "x.json",
		`{"streams":[{"stream":{"name":"job_stages","json_schema":{}},"sync_mode":"incremental"}]}`))
	assert.Equal(t, 2, r.code)
	assert.Contains(t, r.out, `"type":"ERROR"`)
}

// What a catalog's schema says is text comes as text, in both protocols.
func TestTextOfTheCatalogIsKeptTo(t *testing.T) {
	s := serve(t, sandbox.Options{})
	cfg := file(t, "c.json", s.Config())
	schema := `{"type":"object","properties":{"id":{"type":"integer"},"deactivated":{"type":["string","null"]},
"custom_fields":{"type":"string"},"created_at":{"type":"string"},"primary_email":{"type":"object"}}}`
	for _, args := range [][]string{
		{"--catalog", file(t, "x.json", `{"streams":[{"stream":"users","selected":true,"schema":`+schema+`}]}`)},
		{"--catalog", file(t, "y.json", `{"streams":[{"stream":{"name":"users","json_schema":`+schema+
			`},"sync_mode":"full_refresh"}]}`)},
	} {
		call := append([]string{"--config", cfg}, args...)
		if strings.Contains(args[1], "y.json") {
			call = append([]string{"read"}, call...)
		}
		r := run(t, call...)
		require.Zero(t, r.code, r.err)
		assert.Regexp(t, `"deactivated":"(true|false)"`, r.out)
		assert.Regexp(t, `"custom_fields":"\{`, r.out)
		assert.Contains(t, r.err+r.out, "primary_email the type object, which is not followed")
	}
}
