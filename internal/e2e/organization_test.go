package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// accounts serves two organizations, and one that does not say which it is.
func accounts(t *testing.T) (acme, beta, unknown *sandbox.Server) {
	t.Helper()
	of := func(id int64, name string) *sandbox.Server {
		return Serve(t, sandbox.Options{Organization: sandbox.Organization{ID: id, Name: name}})
	}
	return of(1, "Acme"), of(2, "Beta"), Serve(t, sandbox.Options{NoIntrospection: true})
}

// A state belongs to its organization: with another credential nothing is read.
func TestOneAccountOneState(t *testing.T) {
	t.Parallel()
	acme, beta, unknown := accounts(t)
	only := map[string]any{"streams": []string{"jobs", "users"}}
	stateOf := func(s *sandbox.Server, state []byte) (Result, []byte) {
		t.Helper()
		var l loader.Loader
		r := Load(t, &l, With(s, only), state)
		return r, l.LastState()
	}
	organization := func(state []byte) any {
		var top map[string]any
		require.NoError(t, json.Unmarshal(state, &top))
		return top["organization"]
	}
	r, state := stateOf(acme, nil)
	require.Zero(t, r.Code, r.Err)
	assert.Equal(t, map[string]any{"id": "1", "name": "Acme"}, organization(state))
	r, again := stateOf(acme, state)
	assert.Zero(t, r.Code, r.Err)
	assert.Equal(t, organization(state), organization(again))

	r, _ = stateOf(beta, state)
	assert.Equal(t, 2, r.Code)
	assert.Empty(t, r.Out)
	assert.Contains(t, r.Err, "Acme (1)")
	assert.Contains(t, r.Err, "Beta (2)")
	assert.Contains(t, r.Err, "--accept-organization")
	lists, _, _ := beta.Requests()
	assert.Empty(t, lists, "nothing is read")

	_, kept := stateOf(unknown, state)
	assert.Equal(t, organization(state), organization(kept), "what is not told changes nothing")
	_, plain := stateOf(unknown, nil)
	assert.Nil(t, organization(plain))
	r, told := stateOf(beta, plain)
	assert.Zero(t, r.Code, "a state of no organization can be continued")
	assert.NotNil(t, organization(told))

	r = Run(t, "--config", File(t, "c.json", With(beta, only)), "--state",
		File(t, "s.json", state), "--accept-organization")
	assert.Zero(t, r.Code, r.Err)
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	assert.Equal(t, map[string]any{"id": "2", "name": "Beta"}, organization(l.LastState()))
}

// In Airbyte, each stream's state says whose it is.
func TestOneAccountOneStateInAirbyte(t *testing.T) {
	t.Parallel()
	acme, beta, _ := accounts(t)
	catalog := map[string]any{"streams": []any{map[string]any{
		"stream":    map[string]any{"name": "jobs", "json_schema": map[string]any{}},
		"sync_mode": "incremental", "destination_sync_mode": "append_dedup",
	}}}
	read := func(s *sandbox.Server, state any, more ...string) Result {
		args := append([]string{
			"read", "--config", File(t, "c.json", s.Config()), "--catalog",
			File(t, "catalog.json", catalog),
		}, more...)
		if state != nil {
			args = append(args, "--state", File(t, "s.json", state))
		}
		return Run(t, args...)
	}
	lastState := func(r Result) (state map[string]any) {
		for line := range strings.Lines(r.Out) {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			if m["type"] == "STATE" {
				state, _ = m["state"].(map[string]any)
			}
		}
		require.NotNil(t, state, r.Out)
		return state
	}
	r := read(acme, nil)
	require.Zero(t, r.Code, r.Out)
	state := lastState(r)
	assert.Contains(t, r.Out, `"organization":{"id":"1","name":"Acme"}`)
	assert.Zero(t, read(acme, []any{state}).Code)

	r = read(beta, []any{state})
	assert.Equal(t, 2, r.Code, r.Out)
	assert.Contains(t, r.Out, `"TRACE"`)
	assert.Contains(t, r.Out, "Acme (1)")
	lists, _, _ := beta.Requests()
	assert.Empty(t, lists)

	r = read(beta, []any{state}, "--accept-organization")
	require.Zero(t, r.Code, r.Out)
	assert.Contains(t, r.Out, `"organization":{"id":"2","name":"Beta"}`)
}

// Organization, user and role stand wherever a person looks; a user who is no Site Admin is told at
// once.
func TestWhoIsAsking(t *testing.T) {
	t.Parallel()
	acme, _, unknown := accounts(t)
	path := File(t, "c.json", With(acme, map[string]any{"streams": []string{"jobs"}, "user_id": 7}))
	who := "Acme (1), user 7, site_admin"
	assert.Contains(t, Run(t, "check", "--config", path).Out, who)
	assert.Contains(t, Run(t, "scopes", "--config", path).Out, who)
	report := filepath.Join(t.TempDir(), "r.json")
	page := filepath.Join(t.TempDir(), "r.html")
	r := Run(t, "--config", path, "--report", report)
	first, _, _ := strings.Cut(r.Err, "\n")
	for _, part := range []string{"Acme (1)", "user=7", "role=site_admin"} {
		assert.Contains(t, first, part, "the first line of the log")
	}
	data, err := os.ReadFile(report)
	require.NoError(t, err)
	var account map[string]any
	require.NoError(t, json.Unmarshal(data, &account))
	maps.DeleteFunc(account, func(k string, _ any) bool {
		return k != "organization" && k != "user" && k != "role"
	})
	assert.Equal(t, map[string]any{
		"organization": map[string]any{"id": "1", "name": "Acme"}, "user": "7", "role": "site_admin",
	}, account)
	Run(t, "--config", path, "--report", page)
	data, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(data), who)

	basic := Serve(t, sandbox.Options{NotAdmin: true})
	cfg := File(t, "c.json", basic.Config())
	r = Run(t, "--config", cfg)
	assert.Contains(t, r.Err, "the user is no Site Admin")
	assert.Contains(t, Run(t, "check", "--config", cfg).Out, "role is basic")

	r = Run(t, "--config", File(t, "c.json", With(unknown, map[string]any{
		"streams": []string{"jobs"},
	})))
	assert.Zero(t, r.Code, "nothing depends on it: "+r.Err)
	assert.NotContains(t, r.Err, "reading the account")
}

// A role by another name than any known one changes nothing for a run, nor for a probe that can
// read a list.
func TestRolesOfUnknownNames(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Role: "chief"})
	r := Run(t, "scopes", "--probe", "--config", File(t, "c.json", s.Config()))
	assert.NotContains(t, r.Out, "not Site Admin")
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"users": 1}, lists, "one list is asked")
	r = Run(t, "--config", File(t, "c.json",
		With(s, map[string]any{"streams": []string{"jobs"}})))
	assert.Zero(t, r.Code, r.Err)
}

// Without --probe, one request tells what is granted; without a credential, none is made, and one
// that does not work is no error.
func TestScopesInOneRequest(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	r := Run(t, "scopes", "--config", File(t, "c.json", s.Config()))
	require.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Out, "1 of ")
	assert.Contains(t, r.Out, "no scope")
	lists, _, tokens := s.Requests()
	assert.Empty(t, lists)
	assert.Equal(t, []int{1, 1}, []int{tokens, s.Introspections()})

	_, _, unknown := accounts(t)
	for _, cfg := range []map[string]any{
		unknown.Config(), With(s, map[string]any{"client_secret": "wrong"}),
		{"streams": []string{"users"}},
	} {
		r = Run(t, "scopes", "--config", File(t, "c.json", cfg))
		assert.Zero(t, r.Code, r.Err)
		assert.Contains(t, r.Out, "harvest:users:list")
		assert.NotContains(t, r.Out, "can be read")
	}
}
