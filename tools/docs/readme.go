package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

// readme returns README.md with fresh tables between its marks.
func readme(streams []*tap.Stream) ([]byte, error) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		return nil, err
	}
	if page, err = replace(page, "settings", cli.SettingsTable()); err != nil {
		return nil, err
	}
	return replace(page, "permissions", permissionTable(streams))
}

// replace puts text between the marks with a name.
func replace(page []byte, name, text string) ([]byte, error) {
	begin, end := "<!-- "+name+": made by tools/docs -->\n", "<!-- end of "+name+" -->"
	before, rest, ok1 := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("README.md has no marks for %s", name)
	}
	return []byte(before + begin + text + end + after), nil
}

// permissionTable lists the streams of each permission group, with their scopes.
func permissionTable(streams []*tap.Stream) string {
	var b strings.Builder
	b.WriteString("| Permission | Streams and their scopes |\n|---|---|\n")
	for _, g := range grouped(streams) {
		var of []string
		for _, s := range g.streams {
			of = append(of, fmt.Sprintf("[%s](%s/%s.md) (`%s`)", s.Name, streamFolder, s.Name,
				s.Scope))
		}
		fmt.Fprintf(&b, "| %s | %s |\n", g.name, strings.Join(of, ", "))
	}
	return b.String()
}
