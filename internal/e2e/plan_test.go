package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func planned(t testing.TB, args ...string) *greenhouse.Plan {
	t.Helper()
	r := Run(t, append([]string{"plan", "--format", "json"}, args...)...)
	require.Zero(t, r.Code, r.Err)
	p := &greenhouse.Plan{}
	require.NoError(t, json.Unmarshal([]byte(r.Out), p))
	return p
}

// A plan asks each list once at most, and is right about the requests of all within a factor of
// 1.5.
func TestPlanIsRightForOneRequestAStream(t *testing.T) {
	t.Parallel()
	for _, candidates := range long.Or([]int{1, 1100}, []int{1, 60, 2500}) {
		s := Serve(t, sandbox.Options{Candidates: candidates, Limit: 50000})
		config := File(t, "c.json", s.Config())
		p := planned(t, "--config", config)
		lists, _, _ := s.Requests()
		for list, n := range lists {
			assert.Equal(t, 1, n, list)
		}
		pages := 0
		for _, stream := range p.Streams {
			rows, err := s.Rows(stream.Stream)
			require.NoError(t, err)
			var all []any
			require.NoError(t, json.Unmarshal(rows, &all))
			pages += max(1, (len(all)+499)/500)
			if stream.Basis == "counted" && stream.Stream != "job_posts" {
				assert.Len(t, all, stream.Rows, stream.Stream)
			}
		}
		assert.InEpsilon(t, pages, p.First.Requests, 0.5, "%d candidates", candidates)
		assert.Len(t, p.Streams, len(ByDefault(t)))
		assert.Equal(t, len(ByDefault(t))+1, p.Quiet.Requests, "two for job_posts")
		assert.Equal(t, 50000, p.Limit.Requests)
		assert.Equal(t, "Sandbox Inc.", p.Organization.Name)
		assert.Empty(t, p.Missing)
	}
}

func TestPlanNamesMissingScopesAndFollowsTheState(t *testing.T) {
	t.Parallel()
	for _, introspection := range []bool{true, false} {
		s := Serve(t, sandbox.Options{
			Scopes: []string{"harvest:users:list", "harvest:candidates:list"}, Candidates: 1200,
			NoIntrospection: !introspection,
		})
		config := With(s, map[string]any{"streams": []string{"users", "candidates", "offers", "sync_log"}})
		var l loader.Loader
		Load(t, &l, config, nil)
		s.ResetRequests()
		path := File(t, "c.json", config)
		p := planned(t, "--config", path, "--state", File(t, "s.json", l.LastState()))
		lists, _, _ := s.Requests()
		assert.Equal(t, !introspection, lists["offers"] > 0, "what is known is not asked")
		assert.Equal(t, []string{"harvest:offers:list"}, p.Missing)
		assert.Equal(t, 3, p.Next.Requests, "a state makes it a run with little new")
		assert.Greater(t, p.First.Requests, 4)
		text := Run(t, "plan", "--config", path).Out
		assert.Regexp(t, `(?m)^ *\? .* offers$`, text)
		for line := range strings.Lines(text) {
			assert.LessOrEqual(t, len(line), 81, line)
		}
	}
}

// With a start date, the first read is of what changed since, and a sweep lists all rows all the
// same. A sweep that is due is part of the next run.
func TestPlanCountsWhatTheNextRunAsksFor(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 3000, Limit: 50000})
	streams := []string{"candidates", "users"}
	all := planned(t, "--config", File(t, "all.json", With(s, map[string]any{"streams": streams})))
	since := planned(t, "--config", File(t, "since.json", With(s, map[string]any{
		"streams": streams, "start_date": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339),
	})))
	assert.Greater(t, all.First.Requests, 4)
	assert.Equal(t, 2, since.First.Requests, "nothing changed since")
	for _, stream := range since.Streams {
		assert.Zero(t, stream.Rows, stream.Stream)
	}
	assert.Equal(t, all.Sweep, since.Sweep)

	config := With(s, map[string]any{
		"streams": streams, "deletes": map[string]any{"store": "file://" + t.TempDir()},
	})
	var l loader.Loader
	Load(t, &l, config, nil)
	state := l.LastState()
	for _, what := range []string{"a sweep is due", "none is"} {
		p := planned(t, "--config", File(t, "c.json", config), "--state", File(t, "s.json", state))
		s.ResetRequests()
		Load(t, &l, config, state)
		state = l.LastState()
		lists, _, _ := s.Requests()
		assert.InDelta(t, lists["candidates"]+lists["users"], p.Next.Requests, 1, what)
	}
}
