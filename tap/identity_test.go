package tap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// A state belongs to one organization: numbers count, names do not, and what is unknown changes
// nothing.
func TestStatesBelongToAnOrganization(t *testing.T) {
	acme, beta := tap.Organization{ID: "1", Name: "Acme"}, tap.Organization{ID: "2", Name: "Beta"}
	renamed, nameless := tap.Organization{ID: "1", Name: "Acme Ltd"}, tap.Organization{Name: "Gamma"}
	none := tap.Organization{}
	for _, c := range []struct {
		earlier []tap.Organization
		now     tap.Organization
		fails   bool
		kept    tap.Organization
	}{
		{nil, acme, false, acme},
		{nil, none, false, none},
		{[]tap.Organization{acme}, acme, false, acme},
		{[]tap.Organization{acme}, renamed, false, renamed},
		{[]tap.Organization{acme}, none, false, acme},
		{[]tap.Organization{acme}, nameless, false, acme},
		{[]tap.Organization{nameless}, acme, false, acme},
		{[]tap.Organization{acme}, beta, true, none},
		{[]tap.Organization{beta, acme}, beta, true, none},
	} {
		st := &tap.State{Earlier: c.earlier}
		err := st.Belongs(c.now)
		assert.Equal(t, c.fails, err != nil, "%v %v", c.earlier, c.now)
		assert.Equal(t, c.kept, st.Organization)
		st.Accept(c.now)
		if c.now.ID != "" {
			assert.Equal(t, c.now, st.Organization, "accepted")
		}
	}
	err := (&tap.State{Earlier: []tap.Organization{acme}}).Belongs(beta)
	require.Error(t, err)
	assert.Equal(t, "it is of the organization Acme (1), but the credential reads Beta (2)", err.Error())
}

func TestWordsAboutAnIdentity(t *testing.T) {
	acme := tap.Organization{ID: "1", Name: "Acme"}
	for want, who := range map[string]tap.Identity{
		"":                             {},
		"Acme (1), user 7, site_admin": {Organization: acme, User: "7", Role: "site_admin"},
		"1":                            {Organization: tap.Organization{ID: "1"}},
		"Acme, basic":                  {Organization: tap.Organization{Name: "Acme"}, Role: "basic"},
	} {
		assert.Equal(t, want, who.String())
	}
}
