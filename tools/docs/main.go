// Command docs writes those parts of the documents that a machine can know: the table of settings, and the permissions with their streams and scopes.
// It puts them between marks in README.md; with -check it only tells whether they are fresh.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

func main() {
	check := flag.Bool("check", false, "tell whether the documents are fresh, and change nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(check bool) error {
	permissions, err := permissionTable()
	if err != nil {
		return err
	}
	old, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	fresh := old
	for name, text := range map[string]string{"settings": cli.SettingsTable(), "permissions": permissions} {
		if fresh, err = replace(fresh, name, text); err != nil {
			return err
		}
	}
	switch {
	case bytes.Equal(old, fresh):
		return nil
	case check:
		return fmt.Errorf("README.md is not fresh: go run ./tools/docs makes it so")
	}
	return os.WriteFile("README.md", fresh, 0o644)
}

// replace puts text between the marks of that name.
func replace(page []byte, name, text string) ([]byte, error) {
	begin, end := "<!-- "+name+": made by tools/docs -->\n", "<!-- end of "+name+" -->"
	before, rest, ok1 := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("README.md has no marks for %s", name)
	}
	return []byte(before + begin + text + end + after), nil
}

// permissionTable lists, for each group of permissions, its streams with their scopes.
func permissionTable() (string, error) {
	streams, err := schemas.Load()
	if err != nil {
		return "", err
	}
	groups := map[string][]string{}
	var names []string
	for _, s := range streams {
		if groups[s.Group] == nil {
			names = append(names, s.Group)
		}
		groups[s.Group] = append(groups[s.Group], fmt.Sprintf("%s (`%s`)", s.Name, s.Scope))
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| Permission | Streams and their scopes |\n|---|---|\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(groups[name], ", "))
	}
	return b.String(), nil
}
