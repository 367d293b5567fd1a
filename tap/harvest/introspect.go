package harvest

import (
	"context"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Introspection is what the API says about the credential's token (RFC 7662). The format of the
// answer is not documented, so missing or unexpected parts are treated as unknown.
type Introspection struct {
	Active *bool `json:"active"`
	// Scope and Scopes hold the names of the scopes, as a space-separated string or an array.
	Scope     jsontext.Value `json:"scope"`
	ScopeList jsontext.Value `json:"scopes"`
	// SiteAdmin reports whether the user may read lists at all; nil if the answer does not say.
	SiteAdmin *bool `json:"site_admin"`
}

// Scopes lists the scopes; false if the answer does not say. An inactive token says nothing: others
// saw that of tokens that work.
func (i *Introspection) Scopes() (map[string]bool, bool) {
	if i == nil || i.Active != nil && !*i.Active {
		return nil, false
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
		return scopes, true
	}
	return nil, false
}

// Admin reports whether the user may read lists at all, and whether that is known.
func (i *Introspection) Admin() (admin, known bool) {
	if i.SiteAdmin == nil {
		return false, false
	}
	return *i.SiteAdmin, true
}

// Introspect asks the endpoint next to the token endpoint what the token may do. It returns nil if
// there is no answer: then each list has to be asked. An error means that signing in failed.
func (c *Client) Introspect(ctx context.Context) (*Introspection, error) {
	t, first, err := c.auth.get(ctx)
	if err != nil {
		return nil, err
	}
	if first {
		defer close(t.tried)
	}
	u := *c.tokenURL()
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1] + "introspect"
	body, _, _, err := c.post(ctx, &u, formOf(url.Values{"token": {t.value}}), c.auth.basic)
	var in Introspection
	if err != nil || json.Unmarshal(body, &in) != nil {
		if tap.KindOf(err) == tap.Interrupted {
			return nil, err
		}
		return nil, nil //nolint:nilnil // no answer is no failure: the lists know as well
	}
	return &in, nil
}
