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

// token is what an API says of a token; nil scopes for nothing.
type token struct {
	scopes map[string]bool
	role   string
}

func (t token) Scopes() (map[string]bool, bool) { return t.scopes, t.scopes != nil }
func (t token) Identity() tap.Identity          { return tap.Identity{Role: t.role} }

// lists answers each list with a page or an error.
type lists struct {
	page  string
	err   error
	asked atomic.Int32
}

func (l *lists) Read(_ context.Context, _ tap.Request, take func(tap.Page) error) error {
	l.asked.Add(1)
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
	refused := func(text string) error {
		return &tap.Error{Kind: tap.Scope, Err: errors.New(text)}
	}
	for name, c := range map[string]struct {
		token       Token
		page        string
		err         error
		jobs, users Reach
		asked       int
	}{
		"by its scopes":                   {token{some, ""}, "", nil, NoScope, Yes, 0},
		"a Site Admin":                    {token{some, "site_admin"}, "", nil, NoScope, Yes, 0},
		"another role, refused":           {token{some, "basic"}, "", refused("no"), NotSiteAdmin, NotSiteAdmin, 1},
		"another role, that reads":        {token{some, "chief"}, `[{"id":1}]`, nil, NoScope, Yes, 1},
		"another role, and no scope":      {token{map[string]bool{}, "basic"}, "", nil, NotSiteAdmin, NotSiteAdmin, 0},
		"nothing told":                    {token{}, `[{"id":1}]`, nil, Yes, Yes, 2},
		"no token":                        {nil, `[{"id":1,"new":2}]`, nil, Yes, Yes, 2},
		"an empty list":                   {nil, `[]`, nil, Yes, NotSiteAdmin, 2},
		"refused":                         {nil, "", refused("the scope is missing"), NoScope, NoScope, 2},
		"refused to who is no site admin": {nil, "", refused("not a Site Admin"), NotSiteAdmin, NotSiteAdmin, 2},
	} {
		source := &lists{page: c.page, err: c.err}
		found, err := Probe(t.Context(), source, c.token, streams(t), 1)
		require.NoError(t, err, name)
		assert.Equal(t, map[string]Reach{"jobs": c.jobs, "users": c.users}, found, name)
		assert.EqualValues(t, c.asked, source.asked.Load(), name)
	}
	for _, token := range []Token{nil, token{some, "basic"}} {
		_, err := Probe(t.Context(), &lists{err: errors.New("away")}, token, streams(t), 1)
		assert.ErrorContains(t, err, "away")
	}
}

func TestWhatATokenTells(t *testing.T) {
	some := map[string]bool{"harvest:users:list": true}
	assert.Nil(t, Told(token{}, streams(t)))
	for role, want := range map[string]Reach{"": Yes, "Site Admin": Yes, "basic": NotSiteAdmin} {
		assert.Equal(t, map[string]Reach{"jobs": NoScope, "users": want},
			Told(token{some, role}, streams(t)), role)
	}
	assert.True(t, NoScope.Missing() && NotSiteAdmin.Missing() && !Yes.Missing() && !Unknown.Missing())
}
