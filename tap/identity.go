package tap

import (
	"fmt"
	"strings"
)

// Organization is a Greenhouse account.
type Organization struct {
	ID   string `json:"id,omitzero"`
	Name string `json:"name,omitzero"`
}

// String is the name and the number of an organization, as far as they are known.
func (o Organization) String() string {
	switch {
	case o.Name == "":
		return o.ID
	case o.ID == "":
		return o.Name
	}
	return o.Name + " (" + o.ID + ")"
}

// Other reports whether two organizations are known to differ. A name may change, so only numbers
// count.
func (o Organization) Other(than Organization) bool {
	return o.ID != "" && than.ID != "" && o.ID != than.ID
}

// Identity is whom the API takes a credential for. Its parts are empty as far as they are unknown.
type Identity struct {
	Organization Organization `json:"organization,omitzero"`
	// User is the number of the user to act for.
	User string `json:"user,omitzero"`
	// Role is that user's role, in the API's word.
	Role string `json:"role,omitzero"`
}

// SiteAdmin reports whether the user may read lists at all, and whether that is known.
func (i Identity) SiteAdmin() (admin, known bool) {
	role := strings.ToLower(i.Role)
	return strings.Contains(role, "site") && strings.Contains(role, "admin"), role != ""
}

// String is a phrase for a person: Acme (123), user 42, site_admin.
func (i Identity) String() string {
	var parts []string
	if o := i.Organization.String(); o != "" {
		parts = append(parts, o)
	}
	if i.User != "" {
		parts = append(parts, "user "+i.User)
	}
	if i.Role != "" {
		parts = append(parts, i.Role)
	}
	return strings.Join(parts, ", ")
}

// Belongs makes a state that of an organization, unless that is unknown. It is an error if a part
// of the state is known to be of another one.
func (s *State) Belongs(o Organization) error {
	for _, earlier := range s.Earlier {
		if earlier.Other(o) {
			return fmt.Errorf("it is of the organization %s, but the credential reads %s", earlier, o)
		}
	}
	s.setOrganization(o)
	return nil
}

// Accept makes a state that of an organization, whatever its parts are of.
func (s *State) Accept(o Organization) { s.setOrganization(o) }

func (s *State) setOrganization(o Organization) {
	s.Organization = o
	if o.ID == "" && len(s.Earlier) > 0 {
		s.Organization = s.Earlier[0]
	}
}
