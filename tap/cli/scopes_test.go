package cli_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestScopes(t *testing.T) {
	for _, introspection := range []bool{true, false} {
		s := serve(t, sandbox.Options{
			Scopes:          []string{"harvest:users:list"},
			NoIntrospection: !introspection,
		})
		r := run(t, "scopes", "--probe", "--format", "json", "--config",
			file(t, "c.json", s.Config()))
		require.Zero(t, r.code, r.err)
		var rows []map[string]string
		require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
		assert.Len(t, rows, len(byDefault(t)))
		for _, row := range rows {
			want := "no scope"
			if row["stream"] == "users" {
				want = "yes"
			}
			assert.Equal(t, want, row["reach"], row["stream"])
		}
		lists, _, _ := s.Requests()
		assert.Equal(t, introspection, len(lists) == 0)
		assert.Contains(t, run(t, "check", "--config", file(t, "c.json", s.Config())).out,
			"SUCCEEDED")
	}
	admin := serve(t, sandbox.Options{NotAdmin: true})
	r := run(t, "check", "--config", file(t, "c.json", admin.Config()))
	assert.Zero(t, r.code)
	assert.Contains(t, r.out, "FAILED")
	assert.Contains(t, r.out, "Site Admin")
	assert.Contains(t, run(t, "scopes").out, "harvest:users:list")
}

func TestDiscoveryDeselectsUnreadableStreams(t *testing.T) {
	for _, introspection := range []bool{true, false} {
		s := serve(t, sandbox.Options{Scopes: []string{
			"harvest:users:list",
			"harvest:custom_field_options:list",
		}, NoIntrospection: !introspection})
		r := run(t, "--config", file(t, "c.json", s.Config()), "--discover", "--probe")
		require.Zero(t, r.code, r.err)
		catalog := file(t, "catalog.json", r.out)
		var l loader.Loader
		r = run(t, "--config", file(t, "c.json", s.Config()), "--catalog", catalog)
		require.Zero(t, r.code, r.err)
		require.NoError(t, l.Load(strings.NewReader(r.out), false))
		assert.ElementsMatch(t, []string{"users", "custom_field_options"},
			slices.Collect(maps.Keys(l.Schemas)))
		assert.Contains(t, r.err, "skipped: none")
		complete(t, s, &l, "users", "custom_field_options")
	}
}

// The lists of scopes fit the screen, and name a stream where its scope does not.
func TestScopesFitTheScreen(t *testing.T) {
	s := serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	some := map[string]any{
		"streams": []string{"users", "bulk_requests", "scorecard_question_candidate_attributes"},
	}
	cfg := file(t, "c.json", with(s, some))
	plain := run(t, "scopes", "--config", file(t, "plain.json", some)).out // no credential
	assert.Contains(t, plain, "\n  harvest:users:list\n")
	probed := run(t, "scopes", "--probe", "--config", cfg).out
	assert.Regexp(t, `harvest:users:list +yes\n`, probed)
	assert.Regexp(t, `harvest:openings:create \(bulk_requests\) +no scope\n`, probed)
	assert.Contains(t, probed, "1 of 3 streams can be read")
	for line := range strings.Lines(plain + probed) {
		assert.LessOrEqual(t, len(line), 81, line)
	}
}
