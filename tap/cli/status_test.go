package cli_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// The status says how far each stream is, without asking a list and without changing the ledger.
func TestStatusReadsNoList(t *testing.T) {
	t.Parallel()
	s := e2e.Serve(t, sandbox.Options{Candidates: 700, Scopes: []string{"harvest:users:list", "harvest:candidates:list"}})
	config := e2e.With(s, map[string]any{
		"streams":       []string{"users", "candidates", "offers"},
		"deletes":       map[string]any{"store": "file://" + filepath.ToSlash(t.TempDir())},
		"refresh_every": map[string]any{"users": "1h"},
	})
	var l loader.Loader
	e2e.Load(t, &l, config, nil)
	s.ResetRequests()
	args := []string{
		"status", "--config", e2e.File(t, "c.json", config), "--state", e2e.File(t, "s.json", l.LastState()),
	}
	var before *greenhouse.Status
	for range 2 {
		r := e2e.Run(t, append(args, "--format", "json")...)
		require.Zero(t, r.Code, r.Err)
		found := &greenhouse.Status{}
		require.NoError(t, json.Unmarshal([]byte(r.Out), found))
		require.Len(t, found.Streams, 3)
		candidates, offers, users := found.Streams[0], found.Streams[1], found.Streams[2]
		assert.Equal(t, 60, *users.Rows)
		assert.Equal(t, 700, *candidates.Rows)
		assert.False(t, candidates.CompleteUntil.IsZero())
		assert.False(t, candidates.VerifiedUntil.IsZero())
		assert.False(t, candidates.NextSweep.IsZero())
		assert.True(t, candidates.NextRead.IsZero())
		assert.Equal(t, users.CompleteUntil.Add(3600e9), users.NextRead)
		assert.True(t, offers.CompleteUntil.IsZero())
		assert.Equal(t, "harvest:offers:list", offers.Scope)
		if before != nil {
			assert.Equal(t, before, found, "it changes nothing")
		}
		before = found
	}
	lists, _, _ := s.Requests()
	assert.Empty(t, lists)
	text := e2e.Run(t, args...).Out
	assert.Contains(t, text, "offers: the scope harvest:offers:list is missing")
	assert.Contains(t, text, "never")
}

// A stream that runs are refused stands in the status with the time of the first refusal, until a
// run is allowed to read it.
func TestStatusSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	some := e2e.Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	config := e2e.With(some, map[string]any{"streams": []string{"users", "offers"}})
	var state []byte
	refused := func() (found greenhouse.Status) {
		t.Helper()
		r := e2e.Run(t, "status", "--format", "json", "--config", e2e.File(t, "c.json", config),
			"--state", e2e.File(t, "s.json", state))
		require.Zero(t, r.Code, r.Err)
		require.NoError(t, json.Unmarshal([]byte(r.Out), &found))
		return found
	}
	var since []greenhouse.Status
	for range 2 {
		var l loader.Loader
		require.Zero(t, e2e.Load(t, &l, config, state).Code)
		state = l.LastState()
		since = append(since, refused())
	}
	byName := func(s greenhouse.Status) (users, offers greenhouse.StreamStatus) {
		for _, one := range s.Streams {
			if one.Stream == "users" {
				users = one
			} else {
				offers = one
			}
		}
		return users, offers
	}
	users, offers := byName(since[0])
	assert.False(t, offers.Refused.IsZero())
	assert.True(t, users.Refused.IsZero())
	_, again := byName(since[1])
	assert.Equal(t, offers.Refused, again.Refused, "the first refusal")
	text := e2e.Run(t, "status", "--config", e2e.File(t, "c.json", config), "--state", e2e.File(t, "s.json", state)).Out
	assert.Contains(t, text, "offers: refused in the last run, first ")
	assert.Regexp(t, `(?m)^complete  stream$`, text, "without deletes there is nothing to say of them")

	all := e2e.Serve(t, sandbox.Options{})
	config = e2e.With(all, map[string]any{"streams": []string{"users", "offers"}})
	var l loader.Loader
	require.Zero(t, e2e.Load(t, &l, config, state).Code)
	e2e.Complete(t, all, &l, "offers")
	state = l.LastState()
	_, offers = byName(refused())
	assert.True(t, offers.Refused.IsZero())
	assert.False(t, offers.CompleteUntil.IsZero())
}
