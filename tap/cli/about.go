package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// capabilities are the Singer SDK's names of what this tap can do.
var capabilities = []string{
	"catalog", "state", "discover", "about", "test", "properties",
	"activate-version", "structured-logging",
}

// about describes the tap like those built with the Singer SDK.
func (p *program) about(format string) error {
	var text string
	var err error
	switch format {
	case "json":
		text, err = aboutJSON()
	case "markdown":
		text = aboutMarkdown()
	default:
		text = aboutText()
	}
	if err == nil {
		_, err = fmt.Fprintln(p.Out, strings.TrimRight(text, "\n"))
	}
	return err
}

const (
	tapName    = "tap-greenhouse"
	aboutWords = "Reads Greenhouse's Harvest API, version 3: every list, incrementally, within its limit of requests."
)

func aboutJSON() (string, error) {
	properties := map[string]any{}
	for _, s := range config.Settings() {
		m := map[string]any{"type": s.Type, "title": s.Title, "description": s.Description}
		if len(s.Items) > 0 {
			m["items"] = s.Items
		}
		if len(s.Properties) > 0 {
			m["properties"] = s.Properties
		}
		if len(s.Enum) > 0 {
			m["enum"] = s.Enum
		}
		if s.Default != nil {
			m["default"] = s.Default
		}
		if s.Secret {
			m["secret"], m["writeOnly"] = true, true
		}
		properties[s.Name] = m
	}
	out, err := json.Marshal(struct {
		Name         string   `json:"name"`
		Description  string   `json:"description"`
		Version      string   `json:"version"`
		SDKVersion   string   `json:"sdk_version"`
		Pythons      []string `json:"supported_python_versions"`
		Capabilities []string `json:"capabilities"`
		Settings     any      `json:"settings"`
	}{
		tapName, aboutWords, Version(), "",
		[]string{},
		capabilities,
		map[string]any{"type": "object", "properties": properties, "additionalProperties": true},
	}, jsontext.WithIndent("  "), json.Deterministic(true))
	return string(out), err
}

func aboutMarkdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# `%s`\n\n%s\n\n## Capabilities\n\n", tapName, aboutWords)
	for _, c := range capabilities {
		fmt.Fprintf(&b, "* `%s`\n", c)
	}
	fmt.Fprintf(&b, "\n## Settings\n\n%s", SettingsTable())
	return b.String()
}

func aboutText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Name: %s\nDescription: %s\nVersion: %s\nCapabilities: %s\n\nSettings:\n",
		tapName, aboutWords, Version(), strings.Join(capabilities, ", "))
	for _, s := range config.Settings() {
		fmt.Fprintf(&b, "  %s (%s): %s\n", s.Name, defaultText(s), s.Description)
	}
	return b.String()
}

// SettingsTable returns the table of settings in Markdown, made from the config's schema: of those
// with these names, or of all.
func SettingsTable(names ...string) string {
	var b strings.Builder
	b.WriteString("| Setting | Default | What it means |\n|---|---|---|\n")
	for _, s := range config.Settings() {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, defaultText(s), s.Description)
	}
	return b.String()
}

// defaultText describes the value of a setting that is not set.
func defaultText(s config.Setting) string {
	switch {
	case s.DefaultText != "":
		return s.DefaultText
	case s.Default != nil:
		return fmt.Sprintf("`%v`", s.Default)
	}
	return "none"
}
