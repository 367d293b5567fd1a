package cli_test

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
		return serve(t, sandbox.Options{Organization: sandbox.Organization{ID: id, Name: name}})
	}
	return of(1, "Acme"), of(2, "Beta"), serve(t, sandbox.Options{NoIntrospection: true})
}

// A state belongs to its organization: with another credential nothing is read.
func TestOneAccountOneState(t *testing.T) {
	acme, beta, unknown := accounts(t)
	only := map[string]any{"streams": []string{"jobs", "users"}}
	stateOf := func(s *sandbox.Server, state []byte) (result, []byte) {
		t.Helper()
		var l loader.Loader
		r := load(t, &l, with(s, only), state)
		return r, l.LastState()
	}
	organization := func(state []byte) any {
		var top map[string]any
		require.NoError(t, json.Unmarshal(state, &top))
		return top["organization"]
	}
	r, state := stateOf(acme, nil)
	require.Zero(t, r.code, r.err)
	assert.Equal(t, map[string]any{"id": "1", "name": "Acme"}, organization(state))
	r, again := stateOf(acme, state)
	assert.Zero(t, r.code, r.err)
	assert.Equal(t, organization(state), organization(again))

	r, _ = stateOf(beta, state)
	assert.Equal(t, 2, r.code)
	assert.Empty(t, r.out)
	assert.Contains(t, r.err, "Acme (1)")
	assert.Contains(t, r.err, "Beta (2)")
	assert.Contains(t, r.err, "--accept-organization")
	lists, _, _ := beta.Requests()
	assert.Empty(t, lists, "nothing is read")

	_, kept := stateOf(unknown, state)
	assert.Equal(t, organization(state), organization(kept), "what is not told changes nothing")
	_, plain := stateOf(unknown, nil)
	assert.Nil(t, organization(plain))
	r, told := stateOf(beta, plain)
	assert.Zero(t, r.code, "a state of no organization can be continued")
	assert.NotNil(t, organization(told))

	r = run(t, "--config", file(t, "c.json", with(beta, only)), "--state",
		file(t, "s.json", state), "--accept-organization")
	assert.Zero(t, r.code, r.err)
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.out), false))
	assert.Equal(t, map[string]any{"id": "2", "name": "Beta"}, organization(l.LastState()))
}

// In Airbyte, each stream's state says whose it is.
func TestOneAccountOneStateInAirbyte(t *testing.T) {
	acme, beta, _ := accounts(t)
	catalog := map[string]any{"streams": []any{map[string]any{
		"stream":    map[string]any{"name": "jobs", "json_schema": map[string]any{}},
		"sync_mode": "incremental", "destination_sync_mode": "append_dedup",
	}}}
	read := func(s *sandbox.Server, state any, more ...string) result {
		args := append([]string{
			"read", "--config", file(t, "c.json", s.Config()), "--catalog",
			file(t, "catalog.json", catalog),
		}, more...)
		if state != nil {
			args = append(args, "--state", file(t, "s.json", state))
		}
		return run(t, args...)
	}
	lastState := func(r result) (state map[string]any) {
		for line := range strings.Lines(r.out) {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			if m["type"] == "STATE" {
				state, _ = m["state"].(map[string]any)
			}
		}
		require.NotNil(t, state, r.out)
		return state
	}
	r := read(acme, nil)
	require.Zero(t, r.code, r.out)
	state := lastState(r)
	assert.Contains(t, r.out, `"organization":{"id":"1","name":"Acme"}`)
	assert.Zero(t, read(acme, []any{state}).code)

	r = read(beta, []any{state})
	assert.Equal(t, 2, r.code, r.out)
	assert.Contains(t, r.out, `"TRACE"`)
	assert.Contains(t, r.out, "Acme (1)")
	lists, _, _ := beta.Requests()
	assert.Empty(t, lists)

	r = read(beta, []any{state}, "--accept-organization")
	require.Zero(t, r.code, r.out)
	assert.Contains(t, r.out, `"organization":{"id":"2","name":"Beta"}`)
}

// Organization, user and role stand wherever a person looks; a user who is no Site Admin is told at
// once.
func TestWhoIsAsking(t *testing.T) {
	acme, _, unknown := accounts(t)
	path := file(t, "c.json", with(acme, map[string]any{"streams": []string{"jobs"}, "user_id": 7}))
	who := "Acme (1), user 7, site_admin"
	assert.Contains(t, run(t, "check", "--config", path).out, who)
	assert.Contains(t, run(t, "scopes", "--config", path).out, who)
	report := filepath.Join(t.TempDir(), "r.json")
	page := filepath.Join(t.TempDir(), "r.html")
	r := run(t, "--config", path, "--report", report)
	first, _, _ := strings.Cut(r.err, "\n")
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
	run(t, "--config", path, "--report", page)
	data, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(data), who)

	basic := serve(t, sandbox.Options{NotAdmin: true})
	cfg := file(t, "c.json", basic.Config())
	r = run(t, "--config", cfg)
	assert.Contains(t, r.err, "the user is no Site Admin")
	assert.Contains(t, run(t, "check", "--config", cfg).out, "role is basic")

	r = run(t, "--config", file(t, "c.json", with(unknown, map[string]any{
		"streams": []string{"jobs"},
	})))
	assert.Zero(t, r.code, "nothing depends on it: "+r.err)
	assert.NotContains(t, r.err, "reading the account")
}

// A role by another name than any known one changes nothing for a run, nor for a probe that can
// read a list.
func TestRolesOfUnknownNames(t *testing.T) {
	s := serve(t, sandbox.Options{Role: "chief"})
	r := run(t, "scopes", "--probe", "--config", file(t, "c.json", s.Config()))
	assert.NotContains(t, r.out, "not Site Admin")
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"users": 1}, lists, "one list is asked")
	r = run(t, "--config", file(t, "c.json",
		with(s, map[string]any{"streams": []string{"jobs"}})))
	assert.Zero(t, r.code, r.err)
}

// Without --probe, one request tells what is granted; without a credential, none is made, and one
// that does not work is no error.
func TestScopesInOneRequest(t *testing.T) {
	s := serve(t, sandbox.Options{Scopes: []string{"harvest:users:list"}})
	r := run(t, "scopes", "--config", file(t, "c.json", s.Config()))
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.out, "1 of ")
	assert.Contains(t, r.out, "no scope")
	lists, _, tokens := s.Requests()
	assert.Empty(t, lists)
	assert.Equal(t, []int{1, 1}, []int{tokens, s.Introspections()})

	_, _, unknown := accounts(t)
	for _, cfg := range []map[string]any{
		unknown.Config(), with(s, map[string]any{"client_secret": "wrong"}),
		{"streams": []string{"users"}},
	} {
		r = run(t, "scopes", "--config", file(t, "c.json", cfg))
		assert.Zero(t, r.code, r.err)
		assert.Contains(t, r.out, "harvest:users:list")
		assert.NotContains(t, r.out, "can be read")
	}
}
