package harvest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Credential is one of the three ways to sign in.
type Credential struct {
	// ClientID and ClientSecret are those of an integration; with RefreshToken, those of a partner.
	ClientID, ClientSecret string
	// UserID is the Site Admin to act for; empty for the credential's own user.
	UserID string
	// RefreshToken makes it a partner's sign-in.
	RefreshToken string
	// APIKey is a Harvest key of the old kind, in place of all the others.
	APIKey string
	// Rotated keeps a new refresh token where the next run finds it; the token is not used before it returns.
	Rotated func(refreshToken string) error
	// Reread returns the refresh token that is kept now, which another process may have renewed.
	Reread func() (refreshToken string, err error)
}

// keys names the settings that the credential came from.
func (c *Credential) keys() string {
	switch {
	case c.APIKey != "":
		return "api_key"
	case c.RefreshToken != "":
		return "client_id, client_secret and refresh_token"
	default:
		return "client_id and client_secret"
	}
}

// token is an access token. It is an opaque text: what it claims inside is promised by nobody.
type token struct {
	value   string
	expires time.Time     // by this machine's clock; zero where nobody said
	tried   chan struct{} // closed once an answer to the first request with it is there
}

// auth hands out the one token that all requests share. Whoever asks for a new one is the first to use it, and the
// others wait for that answer: so a refusal of a token that nobody has used before is one of the credential.
type auth struct {
	client *Client
	cred   Credential

	lock    chan struct{} // held while current is looked at or renewed
	current *token
}

func newAuth(c *Client, cred Credential) *auth {
	return &auth{client: c, cred: cred, lock: make(chan struct{}, 1)}
}

// get returns a token, and whether the caller is the first to use it; then it has to close tried.
func (a *auth) get(ctx context.Context) (t *token, first bool, err error) {
	select {
	case a.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	t = a.current
	if t == nil || !t.expires.IsZero() && !time.Now().Before(t.expires) {
		if t, err = a.renew(ctx); err != nil {
			<-a.lock
			return nil, false, err
		}
		a.current, first = t, true
	}
	<-a.lock
	if first {
		return t, true, nil
	}
	select {
	case <-t.tried:
		return t, false, nil
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// refused notes that a token is dead, unless a newer one has taken its place.
func (a *auth) refused(ctx context.Context, t *token) {
	select {
	case a.lock <- struct{}{}:
		if a.current == t {
			a.current = nil
		}
		<-a.lock
	case <-ctx.Done():
	}
}

// grant is the answer of the token address. There is an expires_at, not the expires_in of OAuth's standard, which is taken as well.
type grant struct {
	AccessToken  string  `json:"access_token"`
	ExpiresAt    string  `json:"expires_at"`
	ExpiresIn    float64 `json:"expires_in"`
	RefreshToken string  `json:"refresh_token"`
}

// renew asks for a new token. The answer to a refresh token holds the next one, which is kept before the new token is used.
func (a *auth) renew(ctx context.Context) (*token, error) {
	var g grant
	var asked, served time.Time
	err := a.client.retrying(ctx, "signing in", func() error {
		body, header, at, err := a.client.post(ctx, a.client.tokenURL(), a.form(), a.basic)
		if err != nil {
			return a.explain(err)
		}
		g = grant{}
		if err := json.Unmarshal(body, &g, json.MatchCaseInsensitiveNames(false)); err != nil || g.AccessToken == "" {
			return &temporary{reason: "the answer holds no token"}
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
			return nil, &tap.Error{
				Kind: tap.BadInput, Op: "keeping the new refresh_token", Err: err,
				Hint: "the old one is used up: make the config file writable and sign in again",
			}
		}
		a.cred.RefreshToken = g.RefreshToken
	}
	t := &token{value: g.AccessToken, tried: make(chan struct{})}
	if life := g.life(served, asked); life > 0 {
		// A token that would die on the way is not used: a minute before its end, or a tenth of a shorter life.
		t.expires = asked.Add(life - min(time.Minute, life/10))
	}
	return t, nil
}

// life is how long the token is good for, by the server's clock where that is known; 0 where nobody said.
func (g *grant) life(served, asked time.Time) time.Duration {
	if at, err := time.Parse(time.RFC3339Nano, g.ExpiresAt); err == nil {
		if served.IsZero() {
			served = asked
		}
		// One that is said to be dead already comes from a clock that is wrong; the lists will tell.
		return max(0, at.Sub(served))
	}
	return time.Duration(g.ExpiresIn * float64(time.Second))
}

func (a *auth) form() url.Values {
	form := url.Values{}
	switch {
	case a.cred.APIKey != "":
	case a.cred.RefreshToken != "":
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", a.cred.RefreshToken)
	default:
		form.Set("grant_type", "client_credentials")
	}
	if a.cred.UserID != "" && a.cred.RefreshToken == "" {
		form.Set("sub", a.cred.UserID)
	}
	return form
}

func (a *auth) basic(req *http.Request) {
	if a.cred.APIKey != "" {
		req.SetBasicAuth(a.cred.APIKey, "")
		return
	}
	req.SetBasicAuth(a.cred.ClientID, a.cred.ClientSecret)
}

// explain turns a refusal of the token address into words that a person can act on.
func (a *auth) explain(err error) error {
	var refusal *statusError
	if !errors.As(err, &refusal) {
		return err
	}
	if a.cred.RefreshToken != "" && a.cred.Reread != nil && strings.Contains(refusal.text, "invalid_grant") {
		if kept, err := a.cred.Reread(); err == nil && kept != "" && kept != a.cred.RefreshToken {
			a.cred.RefreshToken = kept
			a.client.secrets.add(kept)
			return &temporary{reason: "another process has renewed the refresh token", after: time.Millisecond}
		}
	}
	e := tap.Errorf(tap.Credentials, "signing in at "+a.client.tokenURL().Host, "%s", refusal.Error())
	switch {
	case strings.Contains(refusal.text, "not requesting any scopes"):
		return e.WithHint("no scope is granted to the credential: grant it the scopes of the lists to read, at least harvest:users:list")
	case strings.Contains(refusal.text, "invalid_grant"):
		return e.WithHint("refresh_token is used up or older than 24 hours: sign in again and put the new one into the config")
	default:
		return e.WithHint("check %s in the config", a.cred.keys())
	}
}
