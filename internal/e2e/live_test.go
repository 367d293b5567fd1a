package e2e

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
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var l loader.Loader
	Load(t, &l, s.Config(), nil)
	empty := Serve(t, sandbox.Options{EmptyLists: true})
	cfg := With(empty, map[string]any{"user_id": 4711})
	path := File(t, "c.json", cfg)

	t.Run("first read", func(t *testing.T) {
		r := Run(t, "--config", path)
		assert.Equal(t, 2, r.Code, r.Err)
		assert.Contains(t, r.Err, "Site Admin")
		assert.Contains(t, r.Err, "4711")
		assert.NotContains(t, r.Out, "replication_key_value", "no bookmark moves")
	})
	t.Run("first read, without the list of users", func(t *testing.T) {
		r := Run(t, "--config", File(t, "c.json",
			With(empty, map[string]any{"streams": []string{"candidates", "jobs"}})))
		assert.Equal(t, 2, r.Code, r.Err)
		assert.Contains(t, r.Err, "Site Admin")
		assert.NotContains(t, r.Out, "replication_key_value", "no bookmark moves")
	})
	t.Run("rights lost between two runs", func(t *testing.T) {
		var again loader.Loader
		r := Run(t, "--config", path, "--state", File(t, "s.json", l.LastState()))
		require.NoError(t, again.Load(strings.NewReader(r.Out), false))
		assert.Equal(t, bookmarks(t, l.LastState()), bookmarks(t, again.LastState()),
			"no bookmark moves")
		lists, _, _ := empty.Requests()
		assert.NotEmpty(t, lists)
	})
	t.Run("check and probe", func(t *testing.T) {
		r := Run(t, "check", "--config", path)
		assert.Contains(t, r.Out, "FAILED")
		assert.Contains(t, r.Out, "Site Admin")
		assert.Contains(t, r.Out, "4711")
		assert.Contains(t, Run(t, "scopes", "--probe", "--config", path).Out, "not Site Admin")
	})
	t.Run("an empty account is none", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Candidates: 1})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams":    []string{"candidates"},
			"start_date": time.Now().UTC().Format(time.RFC3339), // after every row
		}), nil)
		assert.Zero(t, r.Code, r.Err)
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
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var l loader.Loader
	streams := map[string]any{"streams": []string{"users", "jobs"}, "start_date": "2025-01-01"}
	Load(t, &l, With(s, streams), nil)
	r := Load(t, &l, With(s, streams), l.LastState())
	assert.NotContains(t, r.Err, "WARN")
	streams["user_id"] = 12
	s.Change("users", rand.New(rand.NewPCG(1, 1)), 1, 1, 0)
	r = Load(t, &l, With(s, streams), l.LastState())
	assert.Contains(t, r.Err, "rows that only this user can see")
	assert.Contains(t, r.Err, "jobs, users")
	assert.NotContains(t, string(l.LastState()), sandbox.ClientID)
	assert.NotContains(t, Load(t, &l, With(s, streams), l.LastState()).Err, "WARN", "once")
	delete(streams, "start_date")
	assert.Contains(t, Load(t, &l, With(s, streams), l.LastState()).Err, "start_date is earlier")
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
			s := Serve(t, opts)
			var catalog map[string]any
			require.NoError(t, json.Unmarshal([]byte(Run(t, "--discover").Out), &catalog))
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
			path := File(t, "catalog.json", catalog)
			var l loader.Loader
			r := Run(t, "--config", File(t, "c.json",
				With(s, map[string]any{"start_date": "2020-01-01"})), "--catalog", path)
			require.Zero(t, r.Code, r.Err)
			require.NoError(t, l.Load(strings.NewReader(r.Out), false))
			assert.Len(t, l.Rows["candidates"], opts.Candidates)
			assert.NotContains(t, r.Out, "last_name", "what was left out is cut here, too")
			if opts.MessageRows {
				assert.Contains(t, r.Err, "message")
				assert.NotContains(t, r.Out, "this row cannot be shown")
				all := Run(t, "--config", File(t, "c.json", Only(s, "candidates")))
				assert.NotContains(t, all.Err, "a new column", "a message makes no column")
			}
			r = Run(t, "--config", File(t, "c.json", s.Config()), "--catalog", path, "--state",
				File(t, "s.json", l.LastState()))
			require.Zero(t, r.Code, r.Err)
		})
	}
}

func TestRemovedListIsNamed(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Removed: []string{"jobs"}})
	r := Run(t, "--config", File(t, "c.json",
		With(s, map[string]any{"streams": []string{"jobs", "users"}})))
	assert.Equal(t, 1, r.Code)
	assert.Contains(t, r.Err, "Greenhouse has removed this list")
	assert.Contains(t, r.Err, "1 of 2 streams complete")
}

func TestRefusalsOfTheTokenAddress(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	t.Run("swapped", func(t *testing.T) {
		r := Run(t, "--config", File(t, "c.json",
			With(s, map[string]any{
				"client_id":     sandbox.ClientSecret,
				"client_secret": sandbox.ClientID,
			})))
		assert.Equal(t, 2, r.Code)
		assert.Contains(t, r.Err, "swapped")
		NoSecrets(t, r)
		assert.NotContains(t, r.Err, sandbox.ClientID)
	})
	t.Run("keys are history", func(t *testing.T) {
		s := Serve(t, sandbox.Options{NoKeys: true})
		r := Run(t, "--config", File(t, "c.json",
			With(s, map[string]any{
				"client_id": nil, "client_secret": nil,
				"api_key": sandbox.APIKey,
			})))
		assert.Equal(t, 2, r.Code)
		assert.Contains(t, r.Err, "API keys stop working")
		assert.Contains(t, r.Err, "OAuth credential")
		NoSecrets(t, r)
	})
	t.Run("a partner's missing scope", func(t *testing.T) {
		s := Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
		r := Run(t, "--config", File(t, "c.json",
			With(s, map[string]any{
				"refresh_token": sandbox.RefreshToken,
				"streams":       []string{"jobs", "users"},
			})))
		assert.Zero(t, r.Code, r.Err)
		assert.Contains(t, r.Err, "authorize again")
	})
	for _, life := range []string{"expires_in", "expires_at", "expires", "nothing"} {
		t.Run("the life of a token as "+life, func(t *testing.T) {
			s := Serve(t, sandbox.Options{Life: life})
			r := Run(t, "--config", File(t, "c.json",
				With(s, map[string]any{"streams": []string{"users", "jobs"}})))
			assert.Zero(t, r.Code, r.Err)
			_, _, tokens := s.Requests()
			assert.Equal(t, 1, tokens)
		})
	}
}

// A secret that a long answer repeats at its 300th character is removed before the text is cut.
func TestSecretsAreRemovedBeforeTextIsCut(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		// the client may have gone away
		_, _ = w.Write([]byte(strings.Repeat("x", 295) + sandbox.ClientSecret))
	}))
	t.Cleanup(s.Close)
	r := Run(t, "--config", File(t, "c.json",
		map[string]any{
			"client_id": "my-client", "client_secret": sandbox.ClientSecret,
			"api_url": s.URL, "auth_url": s.URL,
		}))
	assert.Equal(t, 2, r.Code)
	assert.NotContains(t, r.Err, sandbox.ClientSecret[:5])
}

// A dead API ends the run once, not once per stream.
func TestDeadAddressEndsTheRunOnce(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var asked atomic.Int64
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if strings.HasPrefix(r.URL.Path, "/v3/") {
			asked.Add(1)
			return sandbox.Status500
		}
		return sandbox.NoFault
	})
	r := Run(t, "--config", File(t, "c.json", With(s, map[string]any{"max_retry_time": "2s"})))
	assert.Equal(t, 1, r.Code)
	assert.Equal(t, 1, strings.Count(r.Err, "no list has answered"), r.Err)
	assert.Less(t, asked.Load(), int64(len(ByDefault(t))), "most streams were never asked for")
}

// An address where nothing listens is most likely wrong: it is not retried for ten minutes.
func TestAddressThatRefusesConnectionsFailsEarly(t *testing.T) {
	long.Only(t) // it waits for fifteen seconds
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	r := Run(t, "check", "--config",
		File(t, "c.json", map[string]any{
			"client_id": "a-client", "client_secret": "secret",
			"api_url": "http://" + addr, "auth_url": "http://" + addr,
		}))
	assert.Contains(t, r.Out, "FAILED")
	assert.Contains(t, r.Out, addr)
}
