package cli_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestScopes(t *testing.T) {
	for _, introspection := range []bool{true, false} {
		s := e2e.Serve(t, sandbox.Options{
			Scopes:          []string{"harvest:users:list"},
			NoIntrospection: !introspection,
		})
		r := e2e.Run(t, "scopes", "--probe", "--format", "json", "--config",
			e2e.File(t, "c.json", s.Config()))
		require.Zero(t, r.Code, r.Err)
		var rows []map[string]string
		require.NoError(t, json.Unmarshal([]byte(r.Out), &rows))
		assert.Len(t, rows, len(e2e.ByDefault(t)))
		for _, row := range rows {
			want := "no scope"
			if row["stream"] == "users" {
				want = "yes"
			}
			assert.Equal(t, want, row["reach"], row["stream"])
		}
		lists, _, _ := s.Requests()
		assert.Equal(t, introspection, len(lists) == 0)
		assert.Contains(t, e2e.Run(t, "check", "--config", e2e.File(t, "c.json", s.Config())).Out,
			"SUCCEEDED")
	}
	admin := e2e.Serve(t, sandbox.Options{NotAdmin: true})
	r := e2e.Run(t, "check", "--config", e2e.File(t, "c.json", admin.Config()))
	assert.Zero(t, r.Code)
	assert.Contains(t, r.Out, "FAILED")
	assert.Contains(t, r.Out, "Site Admin")
	assert.Contains(t, e2e.Run(t, "scopes").Out, "harvest:users:list")
}

func TestDiscoveryDeselectsUnreadableStreams(t *testing.T) {
	for _, introspection := range []bool{true, false} {
		s := e2e.Serve(t, sandbox.Options{Scopes: []string{
			"harvest:users:list",
			"harvest:custom_field_options:list",
		}, NoIntrospection: !introspection})
		r := e2e.Run(t, "--config", e2e.File(t, "c.json", s.Config()), "--discover", "--probe")
		require.Zero(t, r.Code, r.Err)
		catalog := e2e.File(t, "catalog.json", r.Out)
		var l loader.Loader
		r = e2e.Run(t, "--config", e2e.File(t, "c.json", s.Config()), "--catalog", catalog)
		require.Zero(t, r.Code, r.Err)
		require.NoError(t, l.Load(strings.NewReader(r.Out), false))
		assert.ElementsMatch(t, []string{"users", "custom_field_options"},
			slices.Collect(maps.Keys(l.Schemas)))
		assert.Contains(t, r.Err, "skipped: none")
		e2e.Complete(t, s, &l, "users", "custom_field_options")
	}
}

// The lists of scopes fit the screen, and name a stream where its scope does not.
func TestScopesFitTheScreen(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	some := map[string]any{
		"streams": []string{"users", "bulk_requests", "scorecard_question_candidate_attributes"},
	}
	cfg := e2e.File(t, "c.json", e2e.With(s, some))
	plain := e2e.Run(t, "scopes", "--config", e2e.File(t, "plain.json", some)).Out // no credential
	assert.Contains(t, plain, "\n  harvest:users:list\n")
	probed := e2e.Run(t, "scopes", "--probe", "--config", cfg).Out
	assert.Regexp(t, `harvest:users:list +yes\n`, probed)
	assert.Regexp(t, `harvest:openings:create \(bulk_requests\) +no scope\n`, probed)
	assert.Contains(t, probed, "1 of 3 streams can be read")
	for line := range strings.Lines(plain + probed) {
		assert.LessOrEqual(t, len(line), 81, line)
	}
}
