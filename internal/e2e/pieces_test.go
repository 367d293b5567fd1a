package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// progress is the unfinished part of a state.
func pieces(t testing.TB, state []byte, stream string) []struct{ From, Before, Cursor string } {
	t.Helper()
	var s struct {
		Bookmarks map[string]struct {
			Progress struct {
				Pieces []struct{ From, Before, Cursor string } `json:"pieces"`
			} `json:"progress"`
		} `json:"bookmarks"`
	}
	require.NoError(t, json.Unmarshal(state, &s))
	return s.Bookmarks[stream].Progress.Pieces
}

func TestLongListsCostAtMostFivePercentMore(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{1, 499, 500, 501, 1000, 3600, 9700, 20000, 35000, 62000, 110000} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			if rows > 5000 {
				long.Only(t)
			}
			s := Serve(t, sandbox.Options{Candidates: rows})
			r := Run(t, "--config", File(t, "c.json", Only(s, "candidates")))
			require.Zero(t, r.Code, r.Err)
			lists, _, _ := s.Requests()
			full := (rows + 499) / 500
			assert.LessOrEqual(t, lists["candidates"], full+max(1, full/20), "%d pages", full)
			if full <= 10 {
				assert.LessOrEqual(t, lists["candidates"], full+1)
			}
			t.Logf("%d pages, %d requests", full, lists["candidates"])
		})
	}
}

func TestLongListIsCutAndAKillCostsLittle(t *testing.T) {
	long.Only(t)
	s := Serve(t, sandbox.Options{Candidates: 50000})
	cfg := Only(s, "candidates")
	r := Run(t, "--config", File(t, "c.json", cfg))
	require.Zero(t, r.Code)
	var whole loader.Loader
	cut := len(r.Out) * 7 / 10
	require.NoError(t, whole.Load(strings.NewReader(r.Out[:cut]), true))
	state := whole.LastState()
	assert.Greater(t, len(pieces(t, state, "candidates")), 0)
	before := whole.Total()
	covered := whole.Covered[len(whole.Covered)-1]
	assert.Less(t, before-covered, 2*2500+2*500, "a state comes every few thousand records")

	again := Load(t, &whole, cfg, state)
	require.Zero(t, again.Code, again.Err)
	Complete(t, s, &whole, "candidates")
	repeated := whole.Total() - 50000
	assert.Less(t, repeated, 8*3000, "the second run repeats little")
}

func TestExpiredCursorCostsOnePiece(t *testing.T) {
	long.Only(t)
	const rows = 50000
	s := Serve(t, sandbox.Options{Candidates: rows})
	// one piece after the other
	cfg := With(s, map[string]any{"streams": []string{"candidates"}, "concurrency": 1})
	r := Run(t, "--config", File(t, "c.json", cfg))
	require.Zero(t, r.Code)
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.Out[:len(r.Out)*7/10]), true))
	state := l.LastState()
	require.NotEmpty(t, pieces(t, state, "candidates"))
	var expired atomic.Int32
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Query().Has("cursor") && expired.Add(1) == 1 {
			return sandbox.ExpireCursor
		}
		return sandbox.NoFault
	})
	s.ResetRequests()
	again := Load(t, &l, cfg, state)
	require.Zero(t, again.Code, again.Err)
	Complete(t, s, &l, "candidates")
	lists, _, _ := s.Requests()
	assert.Less(t, lists["candidates"], rows/500*9/10, "what was complete is not read again")
	assert.Contains(t, again.Err, "the cursor expired")
}

func TestCursorThatExpiresDuringARun(t *testing.T) {
	long.Only(t)
	s := Serve(t, sandbox.Options{Candidates: 20000})
	var n atomic.Int32
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Query().Has("cursor") && n.Add(1)%25 == 0 {
			return sandbox.ExpireCursor
		}
		return sandbox.NoFault
	})
	var l loader.Loader
	r := Load(t, &l, Only(s, "candidates", "applications"), nil)
	require.Contains(t, []int{0, 1}, r.Code, r.Err)
	s.SetFault(nil)
	require.Zero(t, Load(t, &l, Only(s, "candidates", "applications"), l.LastState()).Code)
	Complete(t, s, &l, "candidates", "applications")
}

// TestKilledAnywhereNothingIsLost cuts the output of a run at random places, like a kill, and
// continues from the last whole state, while rows change. Only the union of the output counts.
func TestKilledAnywhereNothingIsLost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(long.Or(2, 8)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 3))
			s := Serve(t, sandbox.Options{Candidates: long.Or(20, 400), Seed: seed})
			var l loader.Loader
			var state []byte
			for range long.Or(3, 6) {
				args := []string{
					"--config",
					File(t, "c.json", With(s, map[string]any{"lookback": "1s"})),
				}
				if state != nil {
					args = append(args, "--state", File(t, "s.json", state))
				}
				r := Run(t, args...)
				require.Zero(t, r.Code, r.Err)
				cut := random.IntN(len(r.Out))
				require.NoError(t, l.Load(strings.NewReader(r.Out[:cut]), true))
				state = l.LastState()
				for _, name := range []string{"candidates", "notes", "job_posts", "users"} {
					s.Change(name, random, random.IntN(4), random.IntN(4), random.IntN(2))
				}
			}
			r := Load(t, &l, With(s, map[string]any{"lookback": "1s"}), state)
			require.Zero(t, r.Code, r.Err)
			Complete(t, s, &l)
		})
	}
}

// TestRowsThatChangeDuringARead changes rows between the pages of a long list: the next run reads
// what this one misses.
func TestRowsThatChangeDuringARead(t *testing.T) {
	long.Only(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{Candidates: 45000, Seed: seed})
			random := rand.New(rand.NewPCG(seed, 4))
			var mu sync.Mutex
			s.SetFault(func(r *http.Request) sandbox.Fault {
				if strings.HasPrefix(r.URL.Path, "/v3/") {
					mu.Lock()
					defer mu.Unlock()
					s.Change("candidates", random, random.IntN(3), random.IntN(9), random.IntN(3))
				}
				return sandbox.NoFault
			})
			var l loader.Loader
			cfg := With(s, map[string]any{"streams": []string{"candidates"}, "lookback": "2s"})
			r := Load(t, &l, cfg, nil)
			require.Zero(t, r.Code, r.Err)
			s.SetFault(nil)
			require.Zero(t, Load(t, &l, cfg, l.LastState()).Code)
			Complete(t, s, &l, "candidates")
		})
	}
}

func TestStateOfTheSingerSDKIsAccepted(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	for name, c := range map[string]struct {
		state string
		all   bool
	}{
		"bookmark":         {`{"bookmarks":{"candidates":{"replication_key":"updated_at","replication_key_value":"2999-01-01T00:00:00+00:00"}}}`, false},
		"no offset":        {`{"bookmarks":{"candidates":{"replication_key":"updated_at","replication_key_value":"2999-01-01T00:00:00.123456"}}}`, false},
		"a date":           {`{"bookmarks":{"candidates":{"replication_key":"updated_at","replication_key_value":"2999-01-01"}}}`, false},
		"message":          {`{"type":"STATE","value":{"bookmarks":{"candidates":{"replication_key_value":"2999-01-01T00:00:00Z"}}}}`, false},
		"partitions":       {`{"bookmarks":{"candidates":{"partitions":[{"context":{},"replication_key_value":"2999-01-01T00:00:00Z"},{"context":{},"replication_key_value":"2998-01-01T00:00:00Z"}]}}}`, false},
		"open partition":   {`{"bookmarks":{"candidates":{"partitions":[{"context":{},"replication_key_value":"2999-01-01T00:00:00Z"},{"context":{}}]}}}`, true},
		"only in progress": {`{"bookmarks":{"candidates":{"starting_replication_value":null,"progress_markers":{"replication_key":"updated_at","replication_key_value":"2999-01-01T00:00:00Z"}}}}`, true},
		"null":             {`{"bookmarks":{"candidates":null}}`, true},
		"empty":            {`{}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			var l loader.Loader
			r := Load(t, &l, Only(s, "candidates"), []byte(c.state))
			require.Zero(t, r.Code, r.Err)
			if c.all {
				Complete(t, s, &l, "candidates")
			} else {
				assert.Zero(t, l.Total())
			}
		})
	}
	t.Run("what is unknown is passed on", func(t *testing.T) {
		var l loader.Loader
		r := Load(t, &l, Only(s, "users"),
			[]byte(`{"bookmarks":{"of_another_tap":{"x":1},"jobs":{"replication_key":"updated_at","replication_key_value":"2020-01-01T00:00:00Z"}},"currently_syncing":null}`))
		require.Zero(t, r.Code, r.Err)
		assert.True(t, bytes.Contains(l.LastState(), []byte(`"of_another_tap":{"x":1}`)))
		assert.NotZero(t, Bookmark(t, l.LastState(), "jobs"),
			"a stream that is not read keeps its bookmark")
	})
}
