package cli

import (
	"slices"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// formGroup is a card of Airbyte's form: the settings in it, in their order. Those that are shown
// stand open; Airbyte folds the others away under "Optional fields".
type formGroup struct {
	id, title string
	settings  []string
}

// formGroups are the cards in their order. The first has the ways to sign in, the last also every
// setting that no card and not notInForm names.
var formGroups = []formGroup{
	{"sign_in", "Sign-in", []string{"credentials"}},
	{"what", "What to read", []string{
		"start_date", "custom_fields", "exclude", "new_columns", "type_changes",
	}},
	{"privacy", "Personal data", []string{"privacy", "privacy_columns", "privacy_key"}},
	{"stores", "Deletes and files", []string{"deletes", "attachments"}},
	{"rest", "The rest", []string{
		"budget", "max_run_time", "lookback", "concurrency", "request_timeout", "max_retry_time",
		"on_forbidden", "api_url", "auth_url",
	}},
}

// shownInForm are the settings that stand open. None is required by name: programs that check their
// config against the specification, as PyAirbyte does, also give client_id and client_secret at the
// top, as the config's file has them.
var shownInForm = []string{"credentials", "start_date", "custom_fields", "privacy", "deletes"}

// notInForm are the settings that have no place there: Airbyte's catalog chooses the streams, the
// platform keeps a new refresh token, a form cannot fill in an object with any keys, and a platform
// passes no --contract.
var notInForm = []string{
	"streams", "refresh_every", "refresh_token_exec", "user_agent", "contract_changes",
}

// place puts the property of a setting on its card, and reports whether it has one. after is the
// order of a setting that no card names.
func place(property map[string]any, name string, after int) bool {
	if slices.Contains(notInForm, name) {
		return false
	}
	group, order := formGroups[len(formGroups)-1].id, 1000+after
	n := 0
	for _, g := range formGroups {
		for _, s := range g.settings {
			if s == name {
				group, order = g.id, n
			}
			n++
		}
	}
	property["group"], property["order"] = group, order
	if slices.Contains(shownInForm, name) {
		property["always_show"] = true
	}
	return true
}

// groups returns the cards as Airbyte's specification has them.
func groups() []map[string]any {
	all := make([]map[string]any, len(formGroups))
	for i, g := range formGroups {
		all[i] = map[string]any{"id": g.id, "title": g.title}
	}
	return all
}

// members returns the properties of an object with the order in which the config's schema has them.
func members(s config.Setting) map[string]any {
	all := map[string]any{}
	for i, m := range s.Members() {
		all[m.Name] = airbyteProperty(m, i)
	}
	return all
}
