package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// The parts of a plugin definition: https://docs.meltano.com/reference/plugin-definition-syntax.
// There is no pip_url before the first release, so that Meltano runs the binary on the PATH.
type (
	meltanoPlugin struct {
		PluginType        string           `yaml:"plugin_type"`
		Name              string           `yaml:"name"`
		Namespace         string           `yaml:"namespace"`
		Variant           string           `yaml:"variant"`
		Label             string           `yaml:"label"`
		Description       string           `yaml:"description"`
		DomainURL         string           `yaml:"domain_url"`
		Docs              string           `yaml:"docs"`
		Repo              string           `yaml:"repo"`
		Executable        string           `yaml:"executable"`
		Keywords          []string         `yaml:"keywords"`
		MaintenanceStatus string           `yaml:"maintenance_status"`
		Capabilities      []string         `yaml:"capabilities"`
		Settings          []meltanoSetting `yaml:"settings"`
		Groups            [][]string       `yaml:"settings_group_validation"`
		Select            []string         `yaml:"select"`
	}
	meltanoSetting struct {
		Name        string          `yaml:"name"`
		Label       string          `yaml:"label"`
		Kind        string          `yaml:"kind"`
		Sensitive   bool            `yaml:"sensitive,omitempty"`
		Value       any             `yaml:"value,omitempty"`
		Options     []meltanoOption `yaml:"options,omitempty"`
		Description string          `yaml:"description"`
	}
	meltanoOption struct {
		Label string `yaml:"label"`
		Value string `yaml:"value"`
	}
)

const meltanoHead = `# Made by tools/docs from the config's schema. Add it to a project with
#   meltano add --plugin-type extractor tap-greenhouse --from-ref tap-greenhouse.yml
`

// meltanoDefinition returns the plugin definition for Meltano, with all settings of the config's
// schema.
func meltanoDefinition(streams []*tap.Stream) ([]byte, error) {
	p := meltanoPlugin{
		PluginType: "extractors", Name: "tap-greenhouse", Namespace: "tap_greenhouse",
		Variant: "tap-greenhouse", Label: "Greenhouse",
		Description: "Recruiting: candidates, applications, jobs, interviews, scorecards, offers and everything else of the Harvest API, version 3.",
		DomainURL:   "https://www.greenhouse.com",
		Docs:        "https://github.com/tap-greenhouse/tap-greenhouse",
		Repo:        "https://github.com/tap-greenhouse/tap-greenhouse",
		Executable:  "tap-greenhouse",
		Keywords:    []string{"api", "recruiting", "hr"}, MaintenanceStatus: "active",
		Capabilities: []string{
			"catalog", "state", "discover", "about", "test", "activate-version",
			"structured-logging",
		},
		Groups: [][]string{
			{"client_id", "client_secret"},
			{"client_id", "client_secret", "refresh_token", "refresh_token_exec"},
			{"api_key"},
		},
		Select: []string{"*.*"},
	}
	for _, s := range streams {
		if !s.SelectedByDefault() {
			p.Select = append(p.Select, "!"+s.Name+".*")
		}
	}
	for _, s := range config.Settings() {
		m := meltanoSetting{
			Name: s.Name, Label: s.Title, Kind: meltanoKind(s), Sensitive: s.Secret,
			Value: s.Default, Description: s.Description,
		}
		for _, option := range s.Enum {
			m.Options = append(m.Options,
				meltanoOption{Label: strings.ToUpper(option[:1]) + option[1:], Value: option})
		}
		p.Settings = append(p.Settings, m)
	}
	b := bytes.NewBufferString(meltanoHead)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := e.Encode(p); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// meltanoKind returns the kind of a setting in Meltano's terms.
func meltanoKind(s config.Setting) string {
	var types []string
	if json.Unmarshal(s.Type, &types) != nil {
		types = []string{strings.Trim(string(s.Type), `"`)}
	}
	switch {
	case s.Name == "start_date":
		return "date_iso8601"
	case len(s.Enum) > 0:
		return "options"
	case slices.Contains(types, "object"):
		return "object"
	case slices.Contains(types, "array"):
		return "array"
	case slices.Contains(types, "string"):
		return "string"
	}
	return types[0]
}
