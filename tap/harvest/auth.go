package harvest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// Credential is one of the three ways to sign in.
type Credential struct {
	// ClientID and ClientSecret belong to an integration; with RefreshToken, to a partner.
	ClientID, ClientSecret string
	// UserID is the Site Admin to act for; empty for the credential's own user.
	UserID string
	// RefreshToken is for partners.
	RefreshToken string
	// APIKey is a Harvest key from v1 and v2. It excludes all others.
	APIKey string
	// Origin says where settings came from, for messages; nil for "in the config".
	Origin func(keys ...string) string
	// Ready checks that Rotated will work, before a refresh token is used; it may be nil.
	Ready func() error
	// Rotated saves a new refresh token for the next run; the token is not used before it returns.
	Rotated func(refreshToken string) error
	// Reread returns the saved refresh token, which another process may have renewed.
	Reread func() (refreshToken string, err error)
}

// keys names the settings that the credential came from, and where they are.
func (c *Credential) keys() string {
	keys, names := []string{"client_id", "client_secret"}, "client_id and client_secret"
	switch {
	case c.APIKey != "":
		keys, names = []string{"api_key"}, "api_key"
	case c.RefreshToken != "":
		keys, names = append(keys, "refresh_token"), "client_id, client_secret and refresh_token"
	}
	if c.Origin != nil {
		return c.Origin(keys...)
	}
	return names + " in the config"
}

// User names the credential's user.
func (c *Credential) User() string {
	if c.UserID != "" {
		return "the user " + c.UserID + " (user_id)"
	}
	return "the credential's user"
}

// Forbidden says what to do about a 403, which has two possible causes.
func (c *Credential) Forbidden(scope string) string {
	if c.RefreshToken != "" {
		return "the scope " + scope +
			" is missing, or the user is not a Site Admin: add the scope to the integration and authorize again, since a token never gains scopes"
	}
	return "grant the scope " + scope + " to the credential, or make " + c.User() + " a Site Admin"
}

// token is an access token. It is opaque: nothing guarantees what it claims.
type token struct {
	value   string
	expires time.Time     // by this machine's clock, a little before its end
	tried   chan struct{} // closed after the first answer to a request with it
	dead    atomic.Bool   // it was refused
}

// auth holds the one token that all requests share. Whoever renews it is the first to use it, and
// the others wait for that answer. So if an unused token is refused, the credential is at fault.
type auth struct {
	client *Client
	cred   Credential

	lock    chan struct{} // held while the rest is read or changed
	current *token
	fresh   bool  // no list has been asked with current yet, nor is about to be
	failed  error // what the next caller gets in place of a token
}

func newAuth(c *Client, cred Credential) *auth {
	return &auth{client: c, cred: cred, lock: make(chan struct{}, 1)}
}

// get returns a token, and whether the caller is the first to use it and must close tried.
func (a *auth) get(ctx context.Context) (t *token, first bool, err error) {
	for {
		if t, first, err = a.take(ctx); err != nil || first {
			return t, first, err
		}
		select {
		case <-t.tried:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
		if !t.dead.Load() {
			return t, false, nil
		}
	}
}

// take returns the current token, or a new one, which the caller is the first to use.
func (a *auth) take(ctx context.Context) (t *token, first bool, err error) {
	select {
	case a.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	defer func() { <-a.lock }()
	if err := a.failed; err != nil {
		a.failed = nil
		return nil, false, err
	}
	t = a.current
	if t != nil && time.Now().Before(t.expires) {
		first, a.fresh = a.fresh, false
		return t, first, nil
	}
	if t, err = a.renew(ctx); err != nil {
		return nil, false, err
	}
	a.current, a.fresh = t, false
	return t, true, nil
}

// settle waits until a refresh token that is being renewed is saved, or could not be: a run may
// have been left before.
func (a *auth) settle() {
	if a.client.opts.Credential.RefreshToken == "" {
		return
	}
	a.lock <- struct{}{}
	<-a.lock
}

// unused passes a new token, with which no list was asked, on to the next caller, who is the first
// to use it.
func (a *auth) unused(t *token) {
	a.lock <- struct{}{}
	defer func() { <-a.lock }()
	close(t.tried) // those that wait for it need not
	if a.current == t {
		a.current = &token{value: t.value, expires: t.expires, tried: make(chan struct{})}
		a.fresh = true
	}
}

// refused notes that a token is dead, unless a newer one has replaced it.
func (a *auth) refused(ctx context.Context, t *token) {
	t.dead.Store(true)
	select {
	case a.lock <- struct{}{}:
		if a.current == t {
			a.current = nil
		}
		<-a.lock
	case <-ctx.Done():
	}
}

// Lifetimes of tokens. A token with an unreadable lifetime is used for an hour, less a minute.
const (
	unknownLife = time.Hour - time.Minute
	// spare is how long before its end a token is no longer used; a tenth of a shorter life.
	spare = time.Minute
	// renewGrace is how long the renewal of a refresh token may continue after the run was stopped.
	// It is shorter than the time that the process has after a signal.
	renewGrace = time.Second
)

// renew requests a new token. A refresh token works once, so its renewal is not interrupted: it may
// continue for renewGrace after the run was stopped, and the next token is saved before the access
// token is used.
func (a *auth) renew(ctx context.Context) (*token, error) {
	if a.cred.RefreshToken != "" {
		if a.cred.Ready != nil {
			if err := a.cred.Ready(); tap.KindOf(err) != tap.Fault {
				return nil, err // it says itself what to do
			} else if err != nil {
				return nil, &tap.Error{
					Kind: tap.BadInput, Op: "saving refresh_token", Err: err,
					Hint: "the next token could not be saved, so this one was not used; make the config file writable",
				}
			}
		}
		run := ctx
		detached, cancel := context.WithCancelCause(context.WithoutCancel(run))
		defer cancel(nil)
		stop := context.AfterFunc(run, func() {
			time.AfterFunc(renewGrace, func() { cancel(context.Cause(run)) })
		})
		defer stop()
		ctx = detached
	}
	var g grant
	var asked, served time.Time
	err := a.client.retrying(ctx, "signing in", func() error {
		a.client.used.tokens.Add(1)
		body, header, at, err := a.client.post(ctx, a.client.tokenURL(), a.body(), a.basic)
		if err != nil {
			return a.explain(err)
		}
		g = grant{}
		if err := json.Unmarshal(body, &g, jsontext.AllowDuplicateNames(true)); err != nil ||
			g.AccessToken == "" {
			return &web.TemporaryError{Kind: tap.Server, Reason: "the answer contains no token"}
		}
		asked = at
		served, _ = http.ParseTime(header.Get("Date"))
		return nil
	})
	if err != nil {
		var e *tap.Error
		if ctx.Err() == nil && errors.As(err, &e) && e.Kind != tap.Credentials {
			failed := *e
			failed.Kind = tap.SignIn
			return nil, &failed
		}
		return nil, err
	}
	a.client.secrets.add(g.AccessToken)
	if a.cred.RefreshToken != "" && g.RefreshToken != "" {
		a.client.secrets.add(g.RefreshToken)
		if err := a.cred.Rotated(g.RefreshToken); err != nil {
			if tap.KindOf(err) != tap.Fault {
				return nil, err
			}
			return nil, &tap.Error{
				Kind: tap.Credentials, Op: "saving the new refresh_token", Err: err,
				Hint: "the old one is used up, and the new one may be lost: make sure that it can be saved, and sign in again",
			}
		}
		a.cred.RefreshToken = g.RefreshToken
	}
	life := g.life(served, asked)
	return &token{
		value: g.AccessToken, tried: make(chan struct{}),
		expires: asked.Add(life - min(spare, life/10)),
	}, nil
}

// body is the body of a token request: a form, or JSON for the exchange of an API key.
func (a *auth) body() payload {
	if a.cred.APIKey != "" {
		if a.cred.UserID == "" {
			return payload{"application/json", "{}"}
		}
		return payload{"application/json", `{"sub":` + a.cred.UserID + `}`}
	}
	form := url.Values{}
	if a.cred.RefreshToken != "" {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", a.cred.RefreshToken)
	} else {
		form.Set("grant_type", "client_credentials")
		if a.cred.UserID != "" {
			form.Set("sub", a.cred.UserID)
		}
	}
	return formOf(form)
}

func (a *auth) basic(req *http.Request) {
	if a.cred.APIKey != "" {
		req.SetBasicAuth(a.cred.APIKey, "")
		return
	}
	req.SetBasicAuth(a.cred.ClientID, a.cred.ClientSecret)
}

// explain turns a refusal of the token endpoint into advice.
func (a *auth) explain(err error) error {
	var refusal *statusError
	if !errors.As(err, &refusal) {
		return err
	}
	if a.cred.RefreshToken != "" && a.cred.Reread != nil &&
		strings.Contains(refusal.text, "invalid_grant") {
		if kept, err := a.cred.Reread(); err == nil && kept != "" && kept != a.cred.RefreshToken {
			a.cred.RefreshToken = kept
			a.client.secrets.add(kept)
			return &web.TemporaryError{
				Kind: tap.Server, Reason: "another process has renewed the refresh token",
				After: time.Millisecond,
			}
		}
	}
	e := tap.Errorf(tap.Credentials, "signing in at "+web.HostPort(a.client.tokenURL()), "%s",
		refusal.Error())
	switch {
	case a.cred.APIKey != "":
		return e.WithHint("check %s; Greenhouse has announced that API keys stop working: create an OAuth credential under "+
			"Configure > Dev Center > API Credential Management, and set client_id and client_secret instead", a.cred.keys())
	case strings.Contains(refusal.text, "not requesting any scopes"):
		return e.WithHint("no scope is granted to the credential: grant it the scopes of the lists to read, at least harvest:users:list")
	case strings.Contains(refusal.text, "valid client ID suffix"):
		return e.WithHint("client_id and client_secret look swapped, or client_id is incomplete: check %s",
			a.cred.keys())
	case strings.Contains(refusal.text, "invalid_grant"):
		return e.WithHint("refresh_token is used up or older than 24 hours, or another program used it: sign in again and put the new one in the config")
	case strings.Contains(refusal.text, "unauthorized_client"):
		return e.WithHint("the credential may not sign in this way: check %s", a.cred.keys())
	default:
		return e.WithHint("check %s", a.cred.keys())
	}
}
