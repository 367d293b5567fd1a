package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A catalog may be older than the program: a stream that is no more fails alone, and its bookmark
// stays. Only a catalog of nothing else is refused.
func TestStreamThatIsNoMoreFailsAlone(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	cfg := File(t, "c.json", s.Config())
	entry := func(name string) string {
		return `{"tap_stream_id":"` + name + `","metadata":[{"breadcrumb":[],"metadata":{"selected":true}}]}`
	}
	state := File(t, "s.json", `{"bookmarks":{"job_stages":{"replication_key_value":"2026-01-01T00:00:00Z"}}}`)
	r := Run(t, "--config", cfg, "--state", state, "--catalog",
		File(t, "x.json", `{"streams":[`+entry("job_stages")+","+entry("users")+`]}`))
	assert.Equal(t, 1, r.Code)
	assert.Contains(t, r.Err, "stream job_stages: Greenhouse has no such list")
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	Complete(t, s, &l, "users")
	assert.Len(t, l.Schemas, 1)
	assert.Contains(t, string(l.LastState()),
		`"job_stages":{"replication_key_value":"2026-01-01T00:00:00Z"}`)

	r = Run(t, "--config", cfg, "--test=schema", "--catalog",
		File(t, "x.json", `{"streams":[`+entry("job_stages")+","+entry("users")+`]}`))
	assert.Equal(t, 1, r.Code)
	assert.Contains(t, r.Out, `"stream":"users"`)

	r = Run(t, "--config", cfg, "--catalog", File(t, "x.json", `{"streams":[`+entry("job_stages")+`]}`))
	assert.Equal(t, 2, r.Code)
	assert.Empty(t, r.Out)
	assert.Contains(t, r.Err, "nothing but streams that do not exist: job_stages")
	r = Run(t, "read", "--config", cfg, "--catalog", File(t, "x.json",
		`{"streams":[{"stream":{"name":"job_stages","json_schema":{}},"sync_mode":"incremental"}]}`))
	assert.Equal(t, 2, r.Code)
	assert.Contains(t, r.Out, `"type":"ERROR"`)
}

// What a catalog's schema says is text comes as text, in both protocols.
func TestTextOfTheCatalogIsKeptTo(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	cfg := File(t, "c.json", s.Config())
	schema := `{"type":"object","properties":{"id":{"type":"integer"},"deactivated":{"type":["string","null"]},
"custom_fields":{"type":"string"},"created_at":{"type":"string"},"primary_email":{"type":"object"}}}`
	for _, args := range [][]string{
		{"--catalog", File(t, "x.json", `{"streams":[{"stream":"users","selected":true,"schema":`+schema+`}]}`)},
		{"--catalog", File(t, "y.json", `{"streams":[{"stream":{"name":"users","json_schema":`+schema+
			`},"sync_mode":"full_refresh"}]}`)},
	} {
		call := append([]string{"--config", cfg}, args...)
		if strings.Contains(args[1], "y.json") {
			call = append([]string{"read"}, call...)
		}
		r := Run(t, call...)
		require.Zero(t, r.Code, r.Err)
		assert.Regexp(t, `"deactivated":"(true|false)"`, r.Out)
		assert.Regexp(t, `"custom_fields":"\{`, r.Out)
		assert.Contains(t, r.Err+r.Out, "primary_email the type object, which is not followed")
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var catalog map[string]any
	require.NoError(t, json.Unmarshal([]byte(Run(t, "--discover").Out), &catalog))
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
	path := File(t, "catalog.json", catalog)
	r := Run(t, "--config", File(t, "c.json", s.Config()), "--properties", path)
	require.Zero(t, r.Code, r.Err)
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	assert.Len(t, l.Rows, 3)
	Complete(t, s, &l, "degrees")
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
	r = Run(t, "--config", File(t, "c.json", s.Config()), "--catalog", path, "--state",
		File(t, "s.json", l.LastState()))
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	assert.Equal(t, 2*before, l.Records["eeoc"], "a full table comes whole again")
}

// A full table is complete each time. The simulator tests it with pieces and kills.
func TestFullTableOfALongList(t *testing.T) {
	long.Only(t)
	s := Serve(t, sandbox.Options{Candidates: 50_000})
	var catalog map[string]any
	require.NoError(t, json.Unmarshal([]byte(Run(t, "--discover").Out), &catalog))
	for _, e := range catalog["streams"].([]any) {
		entry := e.(map[string]any)
		meta := entry["metadata"].([]any)[0].(map[string]any)["metadata"].(map[string]any)
		meta["selected"], meta["replication-method"] = entry["tap_stream_id"] == "candidates",
			"FULL_TABLE"
	}
	path := File(t, "catalog.json", catalog)
	for range 2 {
		var l loader.Loader
		r := Run(t, "--config", File(t, "c.json", s.Config()), "--catalog", path)
		require.Zero(t, r.Code, r.Err)
		require.NoError(t, l.Load(strings.NewReader(r.Out), false))
		assert.Len(t, l.Rows["candidates"], 50_000)
	}
}
