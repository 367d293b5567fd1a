package harvest

import (
	"context"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Introspection is what the API says about the credential's token (RFC 7662). Other programs read
// these members; nothing published describes them, so missing or unexpected parts are unknown.
type Introspection struct {
	Active *bool `json:"active"`
	// Scope and ScopeList hold the names of the scopes, as a space-separated string or an array.
	Scope     jsontext.Value `json:"scope"`
	ScopeList jsontext.Value `json:"scopes"`
	// Sub is the user to act for.
	Sub    jsontext.Value `json:"sub"`
	Claims jsontext.Value `json:"https://auth.greenhouse.io/claims"`
}

// introspectionPatience is how long to wait for an introspection: nothing depends on it.
const introspectionPatience = 5 * time.Second

// usable reports whether the answer says anything. An inactive token says nothing: others saw that of
// tokens that work.
func (i *Introspection) usable() bool { return i != nil && (i.Active == nil || *i.Active) }

// Scopes lists the scopes; nil if the answer does not say.
func (i *Introspection) Scopes() map[string]bool {
	if !i.usable() {
		return nil
	}
	scopes := map[string]bool{}
	for _, v := range []jsontext.Value{i.Scope, i.ScopeList} {
		var text string
		var list []string
		if len(v) == 0 || v.Kind() == 'n' || json.Unmarshal(v, &text) != nil &&
			json.Unmarshal(v, &list) != nil {
			continue
		}
		for _, s := range append(strings.Fields(strings.ReplaceAll(text, ",", " ")), list...) {
			scopes[s] = true
		}
		return scopes
	}
	return nil
}

// Identity returns the organization, the user and its role.
func (i *Introspection) Identity() tap.Identity {
	if !i.usable() {
		return tap.Identity{}
	}
	claims := members(i.Claims)
	organization := members(claims["organization"])
	role := word(claims["user_role"])
	if named := members(claims["user_role"]); named != nil {
		role = word(named["name"])
	}
	return tap.Identity{
		Organization: tap.Organization{
			ID: word(organization["id"]), Name: word(organization["name"]),
		},
		User: word(i.Sub), Role: role,
	}
}

// members returns the members of an object; nil if it is none.
func members(v jsontext.Value) (object map[string]jsontext.Value) {
	if v.Kind() != '{' || json.Unmarshal(v, &object, jsontext.AllowDuplicateNames(true)) != nil {
		return nil
	}
	return object
}

// word returns a text or a number as text, on one line; empty for anything else.
func word(v jsontext.Value) string {
	var text string
	switch v.Kind() {
	case '"':
		if json.Unmarshal(v, &text) != nil {
			return ""
		}
	case '0':
		text = string(v)
	}
	text = tap.Printable(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200])
	}
	return tap.Printable(text)
}

// Introspect asks the endpoint next to the token endpoint what the token may do, and whose it is.
// It returns nil if there is no answer: then each list has to be asked. An error means that signing
// in failed.
func (c *Client) Introspect(ctx context.Context) (*Introspection, error) {
	t, first, err := c.auth.get(ctx)
	if err != nil {
		return nil, err
	}
	if first {
		defer c.auth.unused(t)
	}
	u := *c.tokenURL()
	u.Path = path.Join("/", path.Dir(strings.TrimSuffix(u.Path, "/")), "introspect")
	patient, cancel := context.WithTimeout(ctx, introspectionPatience)
	defer cancel()
	form := url.Values{"token": {t.value}, "token_type_hint": {"access_token"}}
	body, _, _, err := c.post(patient, &u, formOf(form), c.auth.basic)
	var in Introspection
	if err != nil || json.Unmarshal(body, &in, jsontext.AllowDuplicateNames(true)) != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, nil //nolint:nilnil // no answer is no failure: the lists know as well
	}
	return &in, nil
}

// FailNext makes the next request that needs a token fail with an error of signing in, which is not
// tried again.
func (c *Client) FailNext(err error) {
	c.auth.lock <- struct{}{}
	c.auth.failed = err
	<-c.auth.lock
}
