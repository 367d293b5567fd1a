package rights

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// lists answers each list with a page or an error.
type lists struct {
	page  string
	err   error
	asked atomic.Int32
	last  tap.Request
}

func (l *lists) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	l.asked.Add(1)
	l.last = req
	if l.err != nil {
		return l.err
	}
	return take(tap.Page{Body: []byte(l.page)})
}

func streams(t *testing.T) []*tap.Stream {
	t.Helper()
	users := &tap.Stream{
		Name: "users", Scope: "harvest:users:list", NeverEmpty: true, Key: []string{"id"},
		Schema: jsontext.Value(`{"type":"object","properties":{"id":{"type":"integer"}}}`),
	}
	jobs := *users
	jobs.Name, jobs.Scope, jobs.NeverEmpty = "jobs", "harvest:jobs:list", false
	users.Prepare()
	jobs.Prepare()
	return []*tap.Stream{&jobs, users}
}

// What a token tells needs no list; a role that may not read is believed only if a list agrees.
func TestWhatACredentialMayRead(t *testing.T) {
	some := map[string]bool{"harvest:users:list": true}
	both := map[string]bool{"harvest:users:list": true, "harvest:jobs:list": true}
	refused := func(text string) error {
		return &tap.Error{Kind: tap.Scope, Err: errors.New(text)}
	}
	for name, c := range map[string]struct {
		scopes      map[string]bool
		role        string
		page        string
		err         error
		jobs, users Reach
		asked       int
	}{
		"by its scopes":              {some, "", "", nil, NoScope, Yes, 0},
		"a Site Admin":               {some, "site_admin", "", nil, NoScope, Yes, 0},
		"another role, refused":      {some, "basic", "", refused("no"), NotSiteAdmin, NotSiteAdmin, 1},
		"another role, that reads":   {some, "chief", `[{"id":1}]`, nil, NoScope, Yes, 1},
		"another role, of two lists": {both, "chief", `[{"id":1}]`, nil, Yes, Yes, 1},
		"another role, no users":     {both, "basic", `[]`, nil, NotSiteAdmin, NotSiteAdmin, 1},
		"another role, and no scope": {
			map[string]bool{}, "basic", "", nil, NotSiteAdmin, NotSiteAdmin, 0,
		},
		"nothing told":        {nil, "", `[{"id":1}]`, nil, Yes, Yes, 2},
		"an unknown column":   {nil, "", `[{"id":1,"new":2}]`, nil, Yes, Yes, 2},
		"an empty list":       {nil, "", `[]`, nil, Yes, NotSiteAdmin, 2},
		"refused":             {nil, "", "", refused("the scope is missing"), NoScope, NoScope, 2},
		"refused to the user": {nil, "", "", refused("not a Site Admin"), NotSiteAdmin, NotSiteAdmin, 2},
	} {
		source := &lists{page: c.page, err: c.err}
		found, err := Probe(t.Context(), source, c.scopes, tap.Identity{Role: c.role}, streams(t), 1)
		require.NoError(t, err, name)
		assert.Equal(t, map[string]Reach{"jobs": c.jobs, "users": c.users}, found, name)
		assert.EqualValues(t, c.asked, source.asked.Load(), name)
	}
}

func TestAListThatCannotBeReadIsAnError(t *testing.T) {
	for name, l := range map[string]*lists{
		"no answer":    {err: errors.New("away")},
		"a cut page":   {page: `[{"id":1`},
		"not an array": {page: `{"id":1}`},
	} {
		for _, scopes := range []map[string]bool{nil, {"harvest:users:list": true}} {
			found, err := Probe(t.Context(), l, scopes, tap.Identity{Role: "basic"}, streams(t), 1)
			assert.Error(t, err, name)
			assert.Nil(t, found, name)
		}
	}
	bare := &tap.Stream{Name: "bare", Schema: jsontext.Value(`{`)}
	bare.Prepare()
	reach, err := Ask(t.Context(), &lists{page: `[]`}, bare)
	assert.Error(t, err, "its schema")
	assert.Equal(t, Unknown, reach)
}

// One record tells whether a list may be read, with the parameters that the list needs.
func TestAListIsAskedForOneRecord(t *testing.T) {
	users := streams(t)[1]
	users.Params = map[string]string{"active": "true"}
	l := &lists{page: `[{"id":1}]`}
	_, err := Ask(t.Context(), l, users)
	require.NoError(t, err)
	assert.Equal(t, tap.Request{Stream: users, Params: users.Params, PerPage: 1}, l.last)
}

func TestWhatATokenTells(t *testing.T) {
	some := map[string]bool{"harvest:users:list": true}
	assert.Nil(t, Granted(nil, tap.Identity{}, streams(t)))
	for role, want := range map[string]Reach{"": Yes, "Site Admin": Yes, "basic": NotSiteAdmin} {
		assert.Equal(t, map[string]Reach{"jobs": NoScope, "users": want},
			Granted(some, tap.Identity{Role: role}, streams(t)), role)
	}
	assert.True(t, NoScope.Missing() && NotSiteAdmin.Missing() && !Yes.Missing() && !Unknown.Missing())
}

// The command scopes prints these words, and its JSON has them.
func TestReachInWords(t *testing.T) {
	assert.Equal(t, []Reach{"", "yes", "no scope", "not Site Admin"},
		[]Reach{Unknown, Yes, NoScope, NotSiteAdmin})
}
