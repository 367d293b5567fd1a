package harvest

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Introspection is what the API says of the credential's token, by RFC 7662. What it leaves out is not known.
type Introspection struct {
	Active bool `json:"active"`
	// Scope holds the names of the scopes, separated by spaces; nil where the answer has none.
	Scope *string `json:"scope"`
	// SiteAdmin tells whether the user acted for may read lists at all; nil where the answer does not say.
	SiteAdmin *bool `json:"site_admin"`
}

// Scopes lists the scopes; false where the answer does not tell.
func (i *Introspection) Scopes() (map[string]bool, bool) {
	if i == nil || i.Scope == nil {
		return nil, false
	}
	scopes := map[string]bool{}
	for _, s := range strings.Fields(*i.Scope) {
		scopes[s] = true
	}
	return scopes, true
}

// Introspect asks the address beside the token's what the token may do. Where nothing answers there it returns nil: then the lists have to be asked.
// An error is one of signing in.
func (c *Client) Introspect(ctx context.Context) (*Introspection, error) {
	t, first, err := c.auth.get(ctx)
	if err != nil {
		return nil, err
	}
	if first {
		defer close(t.tried)
	}
	form := map[string][]string{"token": {t.value}}
	u := *c.tokenURL()
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1] + "introspect"
	body, _, _, err := c.post(ctx, &u, form, c.auth.basic)
	var in Introspection
	if err != nil || json.Unmarshal(body, &in) != nil {
		if tap.KindOf(err) == tap.Interrupted {
			return nil, err
		}
		return nil, nil //nolint:nilnil // no answer is no failure: the lists know as well
	}
	return &in, nil
}
