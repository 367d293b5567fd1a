package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestEveryStreamIsLoadedCompletely(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 501})
	var l loader.Loader
	r := Load(t, &l, s.Config(), nil)
	require.Zero(t, r.Code, r.Err)
	Complete(t, s, &l)
	n := len(ByDefault(t))
	assert.Len(t, l.Schemas, n,
		"all but the views and those that need a write scope, a product feature or a partner")
	assert.Contains(t, LastLine(r.Err), fmt.Sprintf("%d of %d streams complete", n, n))
	lists, _, tokens := s.Requests()
	assert.Equal(t, 1, tokens)
	assert.Equal(t, 1, lists["users"], "a list that fits one page costs one request")
	assert.Equal(t, 2, lists["job_posts"])
	assert.Equal(t, 2, lists["candidates"], "501 rows fill two pages")
}

func TestRunWithNothingNewCostsOneRequestAStream(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var l loader.Loader
	require.Zero(t, Load(t, &l, s.Config(), nil).Code)
	state := l.LastState()
	s.ResetRequests()
	var again loader.Loader
	r := Load(t, &again, s.Config(), state)
	require.Zero(t, r.Code, r.Err)
	lists, _, tokens := s.Requests()
	assert.Equal(t, 1, tokens)
	total := 0
	for name, n := range lists {
		total += n
		if name != "job_posts" {
			assert.Equal(t, 1, n, name)
		}
	}
	assert.Equal(t, len(ByDefault(t))+1, total, "two requests for job_posts")
	whole := len(ids(t, s, "demographic_questions")) + len(ids(t, s, "demographic_answer_options"))
	assert.Equal(t, whole, again.Total(),
		"only the two lists that cannot be filtered by time come again")
}

func TestIncrementalRunSendsWhatChanged(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var l loader.Loader
	require.Zero(t, Load(t, &l, s.Config(), nil).Code)
	random := rand.New(rand.NewPCG(1, 1))
	for _, name := range []string{"candidates", "applications", "job_posts", "users", "notes"} {
		s.Change(name, random, 3, 5, 0)
	}
	r := Load(t, &l, s.Config(), l.LastState())
	require.Zero(t, r.Code, r.Err)
	Complete(t, s, &l)
}

func TestBookmarkIsServerTimeBeforeTheFirstPage(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{
		"right": 0, "behind": -7 * time.Hour,
		"ahead": 7 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			clock := func() time.Time { return time.Now().Add(skew) }
			s := Serve(t, sandbox.Options{Clock: clock})
			before := clock().Truncate(time.Second)
			var l loader.Loader
			users := With(s, map[string]any{"streams": []string{"users"}})
			require.Zero(t, Load(t, &l, users, nil).Code)
			at := Bookmark(t, l.LastState(), "users")
			assert.False(t, at.After(clock()), "the bookmark is not after the read")
			assert.False(t, at.Before(before.Add(-2*time.Second)),
				"the bookmark is %s, the read began at %s", at, before)
			s.Change("users", rand.New(rand.NewPCG(1, 1)), 1, 2, 0)
			require.Zero(t, Load(t, &l,
				With(s, map[string]any{"streams": []string{"users"}, "lookback": "0s"}),
				l.LastState()).Code)
			Complete(t, s, &l, "users")
		})
	}
}

func TestRetriesFixPassingFaults(t *testing.T) {
	t.Parallel()
	runs := [][]sandbox.Fault{sandbox.Passing}
	if long.Set() {
		runs = slices.Collect(slices.Chunk(sandbox.Passing, 1))
	}
	for _, faults := range runs {
		t.Run(fmt.Sprint(faults), func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{
				Candidates: long.Or(20, 300), Gzip: slices.Contains(faults, sandbox.CutGzip),
			})
			var asked, struck atomic.Int64
			s.SetFault(func(r *http.Request) sandbox.Fault {
				if !strings.HasPrefix(r.URL.Path, "/v3/") || asked.Add(1)%4 != 0 {
					return sandbox.NoFault
				}
				return faults[int(struck.Add(1))%len(faults)]
			})
			var l loader.Loader
			r := Load(t, &l, s.Config(), nil)
			require.Zero(t, r.Code, r.Err)
			Complete(t, s, &l)
			assert.GreaterOrEqual(t, struck.Load(), int64(len(sandbox.Passing)), "each fault struck")
			assert.GreaterOrEqual(t, strings.Count(r.Err, "reading list"), len(sandbox.Passing),
				"and was logged")
		})
	}
}

func TestSilentConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{sandbox.Stall, sandbox.StallBody} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{})
			s.SetFault(sandbox.Chaos(3, 0.05, fault))
			var l loader.Loader
			r := Load(t, &l, With(s, map[string]any{"request_timeout": "300ms"}), nil)
			require.Zero(t, r.Code, r.Err)
			Complete(t, s, &l)
			assert.Contains(t, r.Err, "silent for too long")
		})
	}
}

func TestOneBadStreamIsOneBadStream(t *testing.T) {
	t.Parallel()
	type fault struct {
		fault sandbox.Fault
		says  string
	}
	faults := map[string]fault{ // that are tried again, that are not, and that lead elsewhere
		"always 500":       {sandbox.Status500, "500"},
		"not found":        {sandbox.Status404, "404"},
		"a link elsewhere": {sandbox.LinkAway, "elsewhere.invalid"},
	}
	if long.Set() {
		maps.Copy(faults, map[string]fault{
			"refused":                {sandbox.Status422, "422"},
			"a redirect elsewhere":   {sandbox.Redirect, "elsewhere.invalid"},
			"a body without end":     {sandbox.Bomb, "larger than"},
			"never a page":           {sandbox.HTML200, "not a JSON array"},
			"a token is never taken": {sandbox.Status401, "401"},
		})
	}
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := sandbox.Options{Candidates: long.Or(20, 600)}
			if c.fault == sandbox.LinkAway {
				opts.Candidates = 501 // only a list of several pages has links
			}
			s := Serve(t, opts)
			s.SetFault(func(r *http.Request) sandbox.Fault {
				if r.URL.Path == "/v3/candidates" {
					return c.fault
				}
				return sandbox.NoFault
			})
			var l loader.Loader
			r := Load(t, &l, With(s, map[string]any{"max_retry_time": "1s"}), nil)
			assert.Equal(t, 1, r.Code)
			assert.Contains(t, r.Err, c.says)
			assert.Contains(t, LastLine(r.Err), fmt.Sprintf("%d of %d streams complete", len(ByDefault(t))-1, len(ByDefault(t))))
			assert.Contains(t, LastLine(r.Err), "failed: candidates")
			assert.Zero(t, Bookmark(t, l.LastState(), "candidates"))
			assert.NotZero(t, Bookmark(t, l.LastState(), "applications"))
			s.SetFault(nil)
			require.Zero(t, Load(t, &l, s.Config(), l.LastState()).Code)
			Complete(t, s, &l)
		})
	}
}

func TestMissingScope(t *testing.T) {
	only := []string{"harvest:users:list", "harvest:jobs:list"}
	t.Run("skip", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Scopes: only})
		var l loader.Loader
		r := Load(t, &l, s.Config(), nil)
		assert.Zero(t, r.Code)
		Complete(t, s, &l, "users", "jobs")
		assert.Len(t, l.Schemas, 2, "streams that are left out have no messages")
		assert.Equal(t, 1, strings.Count(r.Err, "stream=candidates"), "one warning a stream")
		assert.Contains(t, LastLine(r.Err), fmt.Sprintf(
			"skipped: %d streams for want of a scope: application_stages, ", len(ByDefault(t))-2))
		assert.Less(t, len(LastLine(r.Err)), 600)
		assert.NotContains(t, r.Err, "eeoc (needs")
		t.Setenv("LOGLEVEL", "debug")
		assert.Contains(t, Load(t, &l, s.Config(), nil).Err, "eeoc (needs harvest:eeoc:list)")
	})
	t.Run("fail", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Scopes: only})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{"on_forbidden": "fail"}), nil)
		assert.Equal(t, 1, r.Code)
		Complete(t, s, &l, "users", "jobs")
	})
	t.Run("taken away in the middle", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Candidates: 1100})
		var n atomic.Int32
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if r.URL.Path == "/v3/candidates" && n.Add(1) == 2 {
				s.Grant(only)
			}
			return sandbox.NoFault
		})
		var l loader.Loader
		cfg := With(s, map[string]any{"streams": []string{"candidates", "users"}})
		r := Load(t, &l, cfg, nil)
		assert.Equal(t, 1, r.Code)
		assert.Contains(t, r.Err, "the scope was there when the stream was read before, and is gone")
		assert.Contains(t, LastLine(r.Err), "failed: candidates")
		s.SetFault(nil)
		s.Grant(nil)
		require.Zero(t, Load(t, &l, cfg, l.LastState()).Code)
		Complete(t, s, &l, "candidates", "users")
	})
	t.Run("taken away between two runs", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		cfg := With(s, map[string]any{"streams": []string{"candidates", "users", "jobs"}})
		var l loader.Loader
		require.Zero(t, Load(t, &l, cfg, nil).Code)
		before := l.LastState()
		s.Grant(only)
		r := Load(t, &l, cfg, before)
		assert.Equal(t, 1, r.Code)
		assert.Regexp(t, `level=ERROR msg="the scope was there when the stream was read before, and is gone: .*grant the scope harvest:candidates:list`, r.Err)
		Complete(t, s, &l, "users", "jobs")
		assert.Equal(t, Bookmark(t, before, "candidates"), Bookmark(t, l.LastState(), "candidates"),
			"its bookmark stays")
		foreign := `{"bookmarks":{"candidates":{"replication_key":"updated_at","replication_key_value":"2026-01-01T00:00:00Z"}}}`
		assert.Equal(t, 1, Load(t, &l, cfg, []byte(foreign)).Code, "another tap's state says so, too")
		assert.Zero(t, Load(t, &l, cfg, []byte(`{"bookmarks":{"candidates":{}}}`)).Code)
	})
	t.Run("no scope at all", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Scopes: []string{}})
		r := Run(t, "--config", File(t, "c.json", s.Config()))
		assert.Equal(t, 2, r.Code)
		assert.Empty(t, r.Out)
		assert.Contains(t, r.Err, "no scope is granted")
	})
}
