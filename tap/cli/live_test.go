package cli_test

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
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

// A user who is not a Site Admin may see every list as empty. That must not look like an account
// without rows.
func TestEmptyListsWithoutPermissionAreAnError(t *testing.T) {
	s := serve(t, sandbox.Options{})
	var l loader.Loader
	load(t, &l, s.Config(), nil)
	empty := serve(t, sandbox.Options{EmptyLists: true})
	cfg := with(empty, map[string]any{"user_id": 4711})
	path := file(t, "c.json", cfg)

	t.Run("first read", func(t *testing.T) {
		r := run(t, "--config", path)
		assert.Equal(t, 2, r.code, r.err)
		assert.Contains(t, r.err, "Site Admin")
		assert.Contains(t, r.err, "4711")
		assert.NotContains(t, r.out, "replication_key_value", "no bookmark moves")
	})
	t.Run("first read, without the list of users", func(t *testing.T) {
		r := run(t, "--config", file(t, "c.json",
			with(empty, map[string]any{"streams": []string{"candidates", "jobs"}})))
		assert.Equal(t, 2, r.code, r.err)
		assert.Contains(t, r.err, "Site Admin")
		assert.NotContains(t, r.out, "replication_key_value", "no bookmark moves")
	})
	t.Run("rights lost between two runs", func(t *testing.T) {
		var again loader.Loader
		r := run(t, "--config", path, "--state", file(t, "s.json", l.LastState()))
		require.NoError(t, again.Load(strings.NewReader(r.out), false))
		assert.Equal(t, bookmarks(t, l.LastState()), bookmarks(t, again.LastState()),
			"no bookmark moves")
		lists, _, _ := empty.Requests()
		assert.NotEmpty(t, lists)
	})
	t.Run("check and probe", func(t *testing.T) {
		r := run(t, "check", "--config", path)
		assert.Contains(t, r.out, "FAILED")
		assert.Contains(t, r.out, "Site Admin")
		assert.Contains(t, r.out, "4711")
		assert.Contains(t, run(t, "scopes", "--probe", "--config", path).out, "not Site Admin")
	})
	t.Run("an empty account is none", func(t *testing.T) {
		s := serve(t, sandbox.Options{Candidates: 1})
		var l loader.Loader
		r := load(t, &l, with(s, map[string]any{
			"streams":    []string{"candidates"},
			"start_date": time.Now().UTC().Format(time.RFC3339), // after every row
		}), nil)
		assert.Zero(t, r.code, r.err)
		assert.NotEmpty(t, bookmarks(t, l.LastState())["candidates"])
	})
}

// bookmarks returns the times of a state, by stream.
func bookmarks(t *testing.T, state []byte) map[string]string {
	t.Helper()
	var st struct {
		Bookmarks map[string]struct {
			Value string `json:"replication_key_value"`
		} `json:"bookmarks"`
	}
	require.NoError(t, json.Unmarshal(state, &st))
	times := map[string]string{}
	for name, b := range st.Bookmarks {
		if b.Value != "" {
			times[name] = b.Value
		}
	}
	return times
}

func TestAnotherUserOrAnEarlierStartIsAWarning(t *testing.T) {
	s := serve(t, sandbox.Options{})
	var l loader.Loader
	streams := map[string]any{"streams": []string{"users", "jobs"}, "start_date": "2025-01-01"}
	load(t, &l, with(s, streams), nil)
	r := load(t, &l, with(s, streams), l.LastState())
	assert.NotContains(t, r.err, "WARN")
	streams["user_id"] = 12
	s.Change("users", rand.New(rand.NewPCG(1, 1)), 1, 1, 0)
	r = load(t, &l, with(s, streams), l.LastState())
	assert.Contains(t, r.err, "rows that only this user can see")
	assert.Contains(t, r.err, "jobs, users")
	assert.NotContains(t, string(l.LastState()), sandbox.ClientID)
	assert.NotContains(t, load(t, &l, with(s, streams), l.LastState()).err, "WARN", "once")
	delete(streams, "start_date")
	assert.Contains(t, load(t, &l, with(s, streams), l.LastState()).err, "start_date is earlier")
}

func TestRefusedOptionsNeverFailAStream(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]sandbox.Options{
		"upper bounds": {NoUpperBounds: true}, "filters by time": {NoFilters: true},
		"fields": {NoFields: true}, "a column that has gone": {Gone: []string{"candidates.time_zone"}},
		"rows that are none": {MessageRows: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Candidates = long.Or(600, 1500)
			s := serve(t, opts)
			var catalog map[string]any
			require.NoError(t, json.Unmarshal([]byte(run(t, "--discover").out), &catalog))
			for _, e := range catalog["streams"].([]any) {
				entry := e.(map[string]any)
				for _, m := range entry["metadata"].([]any) {
					crumb, meta := m.(map[string]any)["breadcrumb"].([]any),
						m.(map[string]any)["metadata"].(map[string]any)
					switch {
					case len(crumb) == 0:
						meta["selected"] = entry["tap_stream_id"] == "candidates"
					case len(crumb) == 2 && crumb[1] == "last_name":
						meta["selected"] = false
					}
				}
			}
			path := file(t, "catalog.json", catalog)
			var l loader.Loader
			r := run(t, "--config", file(t, "c.json",
				with(s, map[string]any{"start_date": "2020-01-01"})), "--catalog", path)
			require.Zero(t, r.code, r.err)
			require.NoError(t, l.Load(strings.NewReader(r.out), false))
			assert.Len(t, l.Rows["candidates"], opts.Candidates)
			assert.NotContains(t, r.out, "last_name", "what was left out is cut here, too")
			if opts.MessageRows {
				assert.Contains(t, r.err, "message")
				assert.NotContains(t, r.out, "this row cannot be shown")
				all := run(t, "--config", file(t, "c.json", only(s, "candidates")))
				assert.NotContains(t, all.err, "a new column", "a message makes no column")
			}
			r = run(t, "--config", file(t, "c.json", s.Config()), "--catalog", path, "--state",
				file(t, "s.json", l.LastState()))
			require.Zero(t, r.code, r.err)
		})
	}
}

func TestRemovedListIsNamed(t *testing.T) {
	s := serve(t, sandbox.Options{Removed: []string{"jobs"}})
	r := run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"streams": []string{"jobs", "users"}})))
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.err, "Greenhouse has removed this list")
	assert.Contains(t, r.err, "1 of 2 streams complete")
}

func TestRefusalsOfTheTokenAddress(t *testing.T) {
	s := serve(t, sandbox.Options{})
	t.Run("swapped", func(t *testing.T) {
		r := run(t, "--config", file(t, "c.json",
			with(s, map[string]any{
				"client_id":     sandbox.ClientSecret,
				"client_secret": sandbox.ClientID,
			})))
		assert.Equal(t, 2, r.code)
		assert.Contains(t, r.err, "swapped")
		noSecrets(t, r)
		assert.NotContains(t, r.err, sandbox.ClientID)
	})
	t.Run("keys are history", func(t *testing.T) {
		s := serve(t, sandbox.Options{NoKeys: true})
		r := run(t, "--config", file(t, "c.json",
			with(s, map[string]any{
				"client_id": nil, "client_secret": nil,
				"api_key": sandbox.APIKey,
			})))
		assert.Equal(t, 2, r.code)
		assert.Contains(t, r.err, "API keys stop working")
		assert.Contains(t, r.err, "OAuth credential")
		noSecrets(t, r)
	})
	t.Run("a partner's missing scope", func(t *testing.T) {
		s := serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
		r := run(t, "--config", file(t, "c.json",
			with(s, map[string]any{
				"refresh_token": sandbox.RefreshToken,
				"streams":       []string{"jobs", "users"},
			})))
		assert.Zero(t, r.code, r.err)
		assert.Contains(t, r.err, "authorize again")
	})
	for _, life := range []string{"expires_in", "expires_at", "expires", "nothing"} {
		t.Run("the life of a token as "+life, func(t *testing.T) {
			s := serve(t, sandbox.Options{Life: life})
			r := run(t, "--config", file(t, "c.json",
				with(s, map[string]any{"streams": []string{"users", "jobs"}})))
			assert.Zero(t, r.code, r.err)
			_, _, tokens := s.Requests()
			assert.Equal(t, 1, tokens)
		})
	}
}

// A secret that a long answer repeats at its 300th character is removed before the text is cut.
func TestSecretsAreRemovedBeforeTextIsCut(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		// the client may have gone away
		_, _ = w.Write([]byte(strings.Repeat("x", 295) + sandbox.ClientSecret))
	}))
	t.Cleanup(s.Close)
	r := run(t, "--config", file(t, "c.json",
		map[string]any{
			"client_id": "my-client", "client_secret": sandbox.ClientSecret,
			"api_url": s.URL, "auth_url": s.URL,
		}))
	assert.Equal(t, 2, r.code)
	assert.NotContains(t, r.err, sandbox.ClientSecret[:5])
}

// A dead API ends the run once, not once per stream.
func TestDeadAddressEndsTheRunOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{})
	var asked atomic.Int64
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if strings.HasPrefix(r.URL.Path, "/v3/") {
			asked.Add(1)
			return sandbox.Status500
		}
		return sandbox.NoFault
	})
	r := run(t, "--config", file(t, "c.json", with(s, map[string]any{"max_retry_time": "2s"})))
	assert.Equal(t, 1, r.code)
	assert.Equal(t, 1, strings.Count(r.err, "no list has answered"), r.err)
	assert.Less(t, asked.Load(), int64(len(byDefault(t))), "most streams were never asked for")
}

// An address where nothing listens is most likely wrong: it is not retried for ten minutes.
func TestAddressThatRefusesConnectionsFailsEarly(t *testing.T) {
	long.Only(t) // it waits for fifteen seconds
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	r := run(t, "check", "--config",
		file(t, "c.json", map[string]any{
			"client_id": "a-client", "client_secret": "secret",
			"api_url": "http://" + addr, "auth_url": "http://" + addr,
		}))
	assert.Contains(t, r.out, "FAILED")
	assert.Contains(t, r.out, addr)
}
