package cli

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// authWays are the ways to sign in, with their settings, for Airbyte's form.
var authWays = []struct {
	name, title, description string
	required, optional       []string
}{
	{
		"client_credentials", "OAuth client credentials",
		"A custom integration made in Greenhouse: Configure, Dev Center, API Credential Management.",
		[]string{"client_id", "client_secret"},
		[]string{"user_id"},
	},
	{
		"refresh_token", "Partner sign-in",
		"A partner integration with a refresh token, which is renewed with every use.",
		[]string{"client_id", "client_secret", "refresh_token"},
		nil,
	},
	{
		"api_key", "Harvest API key",
		"Transitional: a Harvest API key from v1 or v2 of the API, exchanged for a token. Greenhouse has announced that keys will stop working.",
		[]string{"api_key"},
		[]string{"user_id"},
	},
}

// connectionSpecification returns the config's schema in the form that Airbyte's user interface
// displays: first a choice of ways to sign in, then the other settings by formGroups.
func connectionSpecification() (jsontext.Value, error) {
	all := map[string]config.Setting{}
	for _, s := range config.Settings() {
		all[s.Name] = s
	}
	properties := map[string]any{}
	var choices []any
	for _, way := range authWays {
		members := map[string]any{"auth_type": map[string]any{
			"type": "string", "const": way.name,
			"default": way.name, "order": 0,
		}}
		for i, name := range slices.Concat(way.required, way.optional) {
			members[name] = airbyteProperty(all[name], i+1)
		}
		choices = append(choices, map[string]any{
			"type": "object", "title": way.title, "description": way.description,
			"properties": members,
			"required":   append([]string{"auth_type"}, way.required...),
		})
	}
	credentials := map[string]any{
		"type": "object", "title": "Way to sign in",
		"description": "How the source signs in to Greenhouse.", "oneOf": choices,
	}
	place(credentials, "credentials", 0)
	properties["credentials"] = credentials
	for _, way := range authWays {
		for _, name := range slices.Concat(way.required, way.optional) {
			delete(all, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		property := airbyteProperty(all[name], 0)
		if place(property, name, all[name].Order) {
			properties[name] = property
		}
	}
	return json.Marshal(map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "Greenhouse",
		"type": "object", "properties": properties,
		"groups": groups(), "additionalProperties": true,
	}, json.Deterministic(true))
}

func airbyteProperty(s config.Setting, order int) map[string]any {
	p := map[string]any{
		"title": s.Title, "description": s.Description, "order": order,
		"type": s.Type,
	}
	if s.Is("string") {
		p["type"] = "string"
	}
	if s.Secret {
		p["airbyte_secret"] = true
	}
	if len(s.Items) > 0 {
		p["items"] = s.Items
	}
	if len(s.Properties) > 0 {
		p["properties"] = members(s)
	}
	if len(s.Enum) > 0 {
		p["enum"] = s.Enum
	}
	if s.Pattern != "" {
		p["pattern"] = s.Pattern
		if len(s.Examples) > 0 {
			p["pattern_descriptor"] = s.Examples[0]
		}
	}
	if s.Minimum != nil && s.Maximum != nil {
		p["minimum"], p["maximum"] = *s.Minimum, *s.Maximum
	}
	if s.Default != nil {
		p["default"] = s.Default
	}
	if len(s.Examples) > 0 {
		p["examples"] = s.Examples
	}
	if s.Name == "start_date" {
		p["pattern"] = `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$`
		p["pattern_descriptor"] = "YYYY-MM-DDTHH:MM:SSZ"
		p["format"] = "date-time"
	}
	return p
}
