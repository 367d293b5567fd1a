package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// change is one difference between the files and the document.
type change struct{ stream, what, kind, before, after string }

// knownValues separates what a person wrote about a column from the values in the document.
const knownValues = "Known values: "

// merge updates the files from the document. It keeps what a person wrote: descriptions, groups,
// parameters, references, classes of personal data. It returns the updated files, those that are
// gone, and all changes. Files and lists are matched by path, so views follow their list.
func merge(files []*file, lists []*list) (merged, gone []*file, changes []change) {
	for _, l := range lists {
		known := false
		for _, f := range files {
			if f.Path != l.Path {
				continue
			}
			known = true
			changes = append(changes, f.follow(l)...)
			merged = append(merged, f)
		}
		if known {
			continue
		}
		f := &file{
			Stream: l.Stream, Description: "To be described.", Group: l.Group, Path: l.Path,
			Key: []string{"id"},
		}
		f.Schema.Schema, f.Schema.Type = "http://json-schema.org/draft-07/schema#", "object"
		f.follow(l)
		merged = append(merged, f)
		changes = append(changes, change{
			stream: l.Stream, kind: "new list",
			after: fmt.Sprintf("%d columns; describe it, and name references and personal data",
				len(l.Fields)),
		})
	}
	for _, f := range files {
		if !slices.ContainsFunc(lists, func(l *list) bool { return l.Path == f.Path }) {
			gone = append(gone, f)
			changes = append(changes, change{stream: f.Stream, kind: "gone", before: f.Path})
		}
	}
	return merged, gone, changes
}

// follow updates a file from a list, and returns the changes.
func (f *file) follow(l *list) (changes []change) {
	told := func(what, kind, before, after string) {
		if before != after {
			changes = append(changes, change{f.Stream, what, kind, before, after})
		}
	}
	told("", "changed scope", f.Scope, l.Scope)
	f.Scope = l.Scope
	bookmark := ""
	if l.Updated {
		bookmark = "updated_at"
	}
	told("", "changed bookmark", f.Bookmark, bookmark)
	f.Bookmark = bookmark

	f.Schema.Properties = followAll(f.Schema.Properties, l.Fields, "",
		func(name string) bool { return slices.Contains(f.Key, name) }, told)
	f.References = only(f.References, f.Schema.Properties)
	f.PersonalData = only(f.PersonalData, f.Schema.Properties)

	before := f.Filters
	f.Filters = nil
	for _, m := range l.Filters {
		if _, fixed := f.Params.get(m.name); fixed && f.ViewOf != "" {
			continue
		}
		fresh := m.value.parameter()
		old, found := before.get(m.name)
		switch {
		case !found:
			told(m.name, "new filter", "", fresh.Type)
		default:
			told(m.name, "changed filter", old.Type, fresh.Type)
			told(m.name, "changed values of a filter", strings.Join(old.Enum, ", "),
				strings.Join(fresh.Enum, ", "))
		}
		f.Filters = append(f.Filters, member[tap.Filter]{m.name, fresh})
	}
	for _, m := range before {
		if _, found := f.Filters.get(m.name); !found {
			told(m.name, "gone filter", m.value.Type, "")
		}
	}
	return changes
}

// followAll updates columns from the document, existing ones first; at is the path to them. It
// reports each change.
func followAll(old ordered[column], fields ordered[field], at string, key func(string) bool,
	told func(what, kind, before, after string),
) ordered[column] {
	var columns ordered[column]
	for _, m := range old {
		d, found := fields.get(m.name)
		at := path.Join(at, m.name)
		if !found {
			told(at, "gone", m.value.kind(), "")
			continue
		}
		columns = append(columns, member[column]{m.name, d.column(m.value, key(m.name), at, told)})
	}
	for _, m := range fields {
		if _, found := old.get(m.name); found {
			continue
		}
		// What is inside a new column is not reported separately.
		c := m.value.column(column{}, key(m.name), "", func(string, string, string, string) {})
		told(path.Join(at, m.name), "new column", "", c.kind())
		columns = append(columns, member[column]{m.name, c})
	}
	return columns
}

// column updates a column. All but a key may be null.
func (d *field) column(old column, key bool, at string,
	told func(what, kind, before, after string),
) column {
	c := column{Type: slices.Clone(d.Types)}
	if len(c.Type) == 0 {
		c.Type = types{"string", "number", "boolean", "object", "array"}
	}
	c.Type = slices.DeleteFunc(c.Type, func(t string) bool { return t == "null" })
	if !key {
		c.Type = append(c.Type, "null")
	}
	if d.Format == "date-time" || d.Format == "date" {
		c.Format = d.Format
	}
	if len(old.Type) > 0 {
		told(at, "changed type", old.kind(), c.kind())
	}

	written, listed, _ := strings.Cut(old.Description, knownValues)
	var values []string
	for _, v := range d.Enum {
		if v != nil {
			values = append(values, *v)
		}
	}
	c.Description = strings.TrimSpace(written)
	now := strings.Join(values, ", ")
	if now != "" {
		c.Description = strings.TrimSpace(c.Description + " " + knownValues + now + ".")
	}
	told(at, "changed values", strings.TrimSuffix(listed, "."), now)

	if d.Items != nil {
		var inner column
		if old.Items != nil {
			inner = *old.Items
		}
		inner = d.Items.column(inner, false, at+"[]", told)
		c.Items = &inner
	}
	c.Properties = followAll(old.Properties, d.Properties, at, func(string) bool { return false },
		told)
	return c
}

// kind describes in a word what a column contains.
func (c column) kind() string {
	if c.Format != "" {
		return c.Type.String() + " " + c.Format
	}
	return c.Type.String()
}

// parameter returns the filter in the format of the files.
func (f filter) parameter() tap.Filter {
	switch f.Type {
	case "array":
		return tap.Filter{Type: "ids"}
	case "object":
		return tap.Filter{Type: "time"}
	case "number":
		return tap.Filter{Type: "integer"}
	default:
		return tap.Filter{Type: f.Type, Enum: f.Enum}
	}
}
