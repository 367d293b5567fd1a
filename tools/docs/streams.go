package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// group is the streams of one permission.
type group struct {
	name    string
	streams []*tap.Stream
}

// grouped returns the groups, sorted by name.
func grouped(streams []*tap.Stream) []group {
	of := map[string][]*tap.Stream{}
	for _, s := range streams {
		of[s.Group] = append(of[s.Group], s)
	}
	var groups []group
	for _, name := range slices.Sorted(maps.Keys(of)) {
		groups = append(groups, group{name, of[name]})
	}
	return groups
}

// reference is a column that holds the id of a row of another stream.
type reference struct{ from, column, to string }

// references returns the references of all streams, in the order of streams and columns.
func references(streams []*tap.Stream) []reference {
	var refs []reference
	for _, s := range streams {
		for _, column := range slices.Sorted(maps.Keys(s.References)) {
			refs = append(refs, reference{s.Name, column, s.References[column]})
		}
	}
	return refs
}

// streamPages returns a page for each stream and an index, by file name.
func streamPages(streams []*tap.Stream) (map[string][]byte, error) {
	refs := references(streams)
	pages := map[string][]byte{}
	for _, s := range streams {
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		pages[fmt.Sprintf("%s/%s.md", streamFolder, s.Name)] = streamPage(s, shape, refs)
	}
	pages[streamFolder+"/README.md"] = indexPage(streams, refs)
	return pages, nil
}

func streamPage(s *tap.Stream, shape *record.Shape, refs []reference) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n| | |\n|---|---|\n", s.Name, s.Description)
	fact := func(name, text string) { fmt.Fprintf(&b, "| %s | %s |\n", name, text) }
	if s.Local {
		fact("List", "none: the tap makes the rows")
		fact("Scope", "none")
	} else {
		fact("List", "`"+s.Path+"`")
		fact("Scope", "`"+s.Scope+"`")
		fact("Permission", s.Group)
	}
	fact("Key", "`"+strings.Join(s.Key, "`, `")+"`")
	switch {
	case s.Local:
		fact("Replication", "rows are only added: each run writes its own, and no bookmark")
	case s.Bookmark != "":
		fact("Replication", "incremental, by `"+s.Bookmark+"`")
	default:
		fact("Replication", "full table: the list has no filter by time")
	}
	if s.Default != nil && !*s.Default {
		fact("Selected by default", "no: name it in `streams` or select it in the catalog")
	}
	if s.ViewOf != "" {
		fact("Selected by default", fmt.Sprintf("no: its rows are also those of [%s](%s.md)",
			s.ViewOf, s.ViewOf))
	}
	if s.CustomFields != nil {
		fact("Custom fields", fmt.Sprintf("in `%s`, or as columns of their own: setting `custom_fields`", s.CustomFields.Column))
	}
	b.WriteString("\n## Columns\n\n| Column | Type | Meaning | Refers to | Personal data |\n|---|---|---|---|---|\n")
	for _, c := range shape.Columns {
		writeColumn(&b, s, c.Name, c.Name, c.Shape)
	}
	b.WriteString("\nEvery column but the key may be null.")
	if !s.Local {
		b.WriteString(" Columns that Greenhouse adds are kept, and their types learnt.")
	}
	b.WriteString("\n")
	var by []string
	for _, r := range refs {
		if r.to == s.Name {
			by = append(by, fmt.Sprintf("[%s](%s.md)`.%s`", r.from, r.from, r.column))
		}
	}
	if len(by) > 0 {
		fmt.Fprintf(&b, "\nReferred to by: %s.\n", strings.Join(by, ", "))
	}
	return []byte(b.String())
}

// writeColumn writes the table row of a column, and of its members below it.
func writeColumn(b *strings.Builder, s *tap.Stream, path, top string, shape *record.Shape) {
	refers := ""
	personal := s.PersonalData[strings.ReplaceAll(path, "[]", "")]
	if personal == "none" {
		personal = ""
	}
	personal = strings.ReplaceAll(personal, "_", " ")
	if path == top {
		if to := s.References[top]; to != "" {
			refers = fmt.Sprintf("[%s](%s.md)", to, to)
		}
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", path, typeName(shape), cell(shape.Description),
		refers, personal)
	members, path := shape, path+"."
	if shape.Items != nil {
		members, path = shape.Items, strings.TrimSuffix(path, ".")+"[]."
	}
	for _, c := range members.Columns {
		writeColumn(b, s, path+c.Name, top, c.Shape)
	}
}

// typeName names a type in a word or a few.
func typeName(s *record.Shape) string {
	names := (s.Kinds &^ record.Null).Names()
	switch {
	case len(names) == 0:
		return "any"
	case s.Format == record.DateTime:
		return "date-time"
	case s.Format == record.Date:
		return "date"
	case s.Kinds&record.Array != 0 && s.Items != nil:
		return "array of " + typeName(s.Items)
	}
	return strings.Join(names, " or ")
}

// cell escapes text for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// core are the streams that most questions are about, for a picture of their own.
var core = []string{
	"applications", "application_stages", "candidates", "interviews", "job_interview_stages", "jobs",
	"offers", "openings", "scorecards", "sources",
}

func indexPage(streams []*tap.Stream, refs []reference) []byte {
	var b strings.Builder
	b.WriteString("# Streams\n\nEvery list of Harvest v3: the ten that most questions are about, all by name, and all by\npermission. The diagrams show which column holds the id of which stream's rows.\n")
	b.WriteString("\n## The core\n")
	pairs := map[reference]bool{}
	within := slices.DeleteFunc(slices.Clone(refs), func(r reference) bool {
		pair := reference{from: min(r.from, r.to), to: max(r.from, r.to)}
		seen := pairs[pair]
		pairs[pair] = true
		return seen || r.from == r.to || !slices.Contains(core, r.from) || !slices.Contains(core, r.to)
	})
	writeDiagram(&b, within, streams)
	b.WriteString("\nOne reference of each pair; the pages of the streams have all.\n")
	b.WriteString("\n## By name\n\n| Stream | Rows |\n|---|---|\n")
	for _, s := range streams {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", s.Name, s.Name, cell(s.Description))
	}
	b.WriteString("\n## By permission\n")
	for _, g := range grouped(streams) {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", g.name, streamLinksHere(g.streams))
		var of []reference
		for _, r := range refs {
			if slices.ContainsFunc(g.streams,
				func(s *tap.Stream) bool { return s.Name == r.from }) {
				of = append(of, r)
			}
		}
		writeDiagrams(&b, g, of, streams)
	}
	return []byte(b.String())
}

// streamLinksHere links streams from their index.
func streamLinksHere(streams []*tap.Stream) string {
	links := make([]string, len(streams))
	for i, s := range streams {
		links[i] = fmt.Sprintf("[%s](%s.md)", s.Name, s.Name)
	}
	return strings.Join(links, ", ")
}

// readable is how many references a diagram may have and still be read at the width of a page.
const readable = 8

// writeDiagrams writes a diagram of a group's references, or one for each of its streams if they
// are too many for one.
func writeDiagrams(b *strings.Builder, g group, refs []reference, streams []*tap.Stream) {
	if len(refs) <= readable {
		writeDiagram(b, refs, streams)
		return
	}
	for _, s := range g.streams {
		writeDiagram(b, slices.DeleteFunc(slices.Clone(refs),
			func(r reference) bool { return r.from != s.Name }), streams)
	}
}

// writeDiagram writes an entity diagram, unless there are no references.
func writeDiagram(b *strings.Builder, refs []reference, streams []*tap.Stream) {
	if len(refs) == 0 {
		return
	}
	refs = slices.SortedFunc(slices.Values(refs), func(x, y reference) int {
		return cmp.Or(cmp.Compare(x.to, y.to), cmp.Compare(x.from, y.from),
			cmp.Compare(x.column, y.column))
	})
	b.WriteString("\n```mermaid\nerDiagram\n    direction LR\n")
	for _, r := range refs {
		line := "|o--o{"
		if holdsMany(streams, r) {
			line = "}o--o{"
		}
		fmt.Fprintf(b, "    %s %s %s : %s\n", r.to, line, r.from, r.column)
	}
	b.WriteString("```\n")
}

// holdsMany reports whether the column is an array of ids.
func holdsMany(streams []*tap.Stream, r reference) bool {
	for _, s := range streams {
		if s.Name != r.from {
			continue
		}
		shape, err := s.Shape()
		if err != nil {
			return false // streamPages reports the error
		}
		c := shape.Column(r.column)
		return c != nil && c.Shape.Kinds&record.Array != 0
	}
	return false
}
