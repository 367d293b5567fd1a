package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

// part is generated text between two marks of a page that a person writes.
type part struct{ page, name, text string }

// common are the settings that most people look at, which the README shows.
var common = []string{
	"client_id", "client_secret", "user_id", "start_date", "streams", "custom_fields", "privacy",
	"deletes", "attachments", "budget",
}

// parts returns the pages that have generated parts, fresh, by file name.
func parts(streams []*tap.Stream) (map[string][]byte, error) {
	lists, columns, err := movedTables(streams)
	if err != nil {
		return nil, err
	}
	pages := map[string][]byte{}
	for _, p := range []part{
		{"README.md", "numbers", numbers(streams)},
		{"README.md", "settings", cli.SettingsTable(common...)},
		{"docs/settings.md", "settings", cli.SettingsTable()},
		{"docs/admin.md", "permissions", permissionTable(streams)},
		{"docs/admin.md", "scopes", scopeList(streams)},
		{"docs/from-v1.md", "lists", lists},
		{"docs/from-v1.md", "columns", columns},
	} {
		page := pages[p.page]
		if page == nil {
			var err error
			if page, err = os.ReadFile(p.page); err != nil {
				return nil, err
			}
		}
		page, err := replace(page, p)
		if err != nil {
			return nil, err
		}
		pages[p.page] = page
	}
	return pages, nil
}

// replace puts a part between its marks.
func replace(page []byte, p part) ([]byte, error) {
	begin, end := "<!-- "+p.name+": made by tools/docs -->\n", "<!-- end of "+p.name+" -->"
	before, rest, ok1 := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%s has no marks for %s", p.page, p.name)
	}
	return []byte(before + begin + p.text + end + after), nil
}

// numbers says once how many lists and streams there are.
func numbers(streams []*tap.Stream) string {
	lists, chosen := 0, 0
	var views, others, made []string
	for _, s := range streams {
		name := "`" + s.Name + "`"
		switch {
		case s.Local:
			made = append(made, name)
		case s.SelectedByDefault():
			chosen++
		case s.ViewOf != "":
			views = append(views, name)
		default:
			others = append(others, name)
		}
		if s.ViewOf == "" && s.Scope != "" {
			lists++
		}
	}
	return wrapped(fmt.Sprintf(
		"Harvest v3 has %d lists; each is a stream. Unless you choose streams yourself, %d of them are "+
			"read: all but %s. On request, there are also %s, which show parts of other lists, and %s, "+
			"in which the tap itself writes how its runs went.",
		lists, chosen, strings.Join(others, ", "), strings.Join(views, ", "), strings.Join(made, ", ")))
}

// wrapped returns a paragraph in lines of at most 100 columns.
func wrapped(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > 100:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}

// permissionTable lists the streams of each permission group, with their scopes.
func permissionTable(streams []*tap.Stream) string {
	var b strings.Builder
	b.WriteString("| Permission | Streams and their scopes |\n|---|---|\n")
	for _, g := range grouped(streams) {
		var of []string
		for _, s := range g.streams {
			if s.Local {
				continue
			}
			of = append(of, fmt.Sprintf("[%s](streams/%s.md) (`%s`)", s.Name, s.Name, s.Scope))
		}
		if len(of) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", g.name, strings.Join(of, ", "))
		}
	}
	return b.String()
}

// scopeList is the scopes of the streams that are read by default, one a line.
func scopeList(streams []*tap.Stream) string {
	var b strings.Builder
	b.WriteString("```text\n")
	seen := map[string]bool{}
	for _, s := range streams {
		if s.SelectedByDefault() && s.Scope != "" && !seen[s.Scope] {
			seen[s.Scope] = true
			b.WriteString(s.Scope + "\n")
		}
	}
	b.WriteString("```\n")
	return b.String()
}
