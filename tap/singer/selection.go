package singer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// selector is an entry of a catalog that was read.
type selector struct {
	entry
	old  bool // the catalog selects in its schemas only, as before there was metadata
	said *oldSchema
}

// oldSchema is the part of a schema that selected, before there was metadata.
type oldSchema struct {
	selected   *bool
	properties map[string]*oldSchema
}

// parseOld reads what a schema selects. A selection that cannot be read is an error: what it leaves
// out must not come out.
func parseOld(schema jsontext.Value) (*oldSchema, error) {
	s := &oldSchema{properties: map[string]*oldSchema{}}
	if schema.Kind() != '{' {
		return s, nil
	}
	var in struct {
		Selected   *bool          `json:"selected"`
		Properties jsontext.Value `json:"properties"`
	}
	if json.Unmarshal(schema, &in, jsontext.AllowDuplicateNames(true)) != nil {
		return nil, errors.New("schema: selected is neither true nor false")
	}
	s.selected = in.Selected
	var properties map[string]jsontext.Value
	if in.Properties.Kind() != '{' {
		return s, nil
	}
	err := json.Unmarshal(in.Properties, &properties, jsontext.AllowDuplicateNames(true))
	for name, below := range properties {
		if s.properties[name], err = parseOld(below); err != nil {
			break
		}
	}
	return s, err
}

// ParseCatalog reads a catalog and returns what it selects. Errors name the stream.
func ParseCatalog(data []byte, lookup tap.Lookup) ([]*tap.Choice, error) {
	var c struct {
		Streams []selector `json:"streams"`
	}
	if err := json.Unmarshal(data, &c, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	if c.Streams == nil {
		return nil, fmt.Errorf("it has no list of streams")
	}
	old, err := markOld(c.Streams)
	if err != nil {
		return nil, err
	}
	var choices tap.Choices
	for i := range c.Streams {
		e := &c.Streams[i]
		e.old = old
		name := e.name()
		stream := lookup(name)
		if !e.selected(stream) {
			continue
		}
		if err := choices.Add(name, stream,
			func() (*tap.Choice, error) { return e.choice(stream) }); err != nil {
			return nil, err
		}
	}
	return choices.List, nil
}

// markOld reads what the schemas select, and reports whether no metadata does.
func markOld(entries []selector) (old bool, err error) {
	schemas, metadata := false, false
	for i := range entries {
		e := &entries[i]
		if e.said, err = parseOld(e.Schema); err != nil {
			return false, fmt.Errorf("stream %q: %w", e.name(), err)
		}
		schemas = schemas || e.said.selects()
		metadata = metadata || slices.ContainsFunc(e.Metadata,
			func(m metadataEntry) bool { return m.Metadata.Selected != nil })
	}
	return schemas && !metadata, nil
}

// selects reports whether a schema selects or deselects anything.
func (s *oldSchema) selects() bool {
	if s.selected != nil {
		return true
	}
	for _, below := range s.properties {
		if below.selects() {
			return true
		}
	}
	return false
}

func (e *entry) name() string {
	if e.TapStreamID != "" {
		return e.TapStreamID
	}
	return e.Stream
}

// at returns the metadata of a column, given the names that lead to it. Where it does not say
// whether the column is selected, the schema may.
func (e *selector) at(path ...string) metadata {
	var found metadata
	for _, m := range e.Metadata {
		if slices.Equal(m.Breadcrumb, breadcrumb(path)) {
			found = m.Metadata
			break
		}
	}
	if found.Selected == nil {
		s := e.said
		for _, name := range path {
			if s != nil {
				s = s.properties[name]
			}
		}
		if s != nil {
			found.Selected = s.selected
		}
	}
	return found
}

func breadcrumb(path []string) []string {
	b := []string{}
	for _, name := range path {
		b = append(b, "properties", name)
	}
	return b
}

// chosen reports whether metadata selects; def is the default.
func (m metadata) chosen(def bool) bool {
	switch {
	case m.Inclusion == "unsupported":
		return false
	case m.Inclusion == "automatic":
		return true
	case m.Selected != nil:
		return *m.Selected
	case m.SelectedByDefault != nil:
		return *m.SelectedByDefault
	}
	return def
}

func (e *selector) selected(s *tap.Stream) bool {
	if e.Selected != nil {
		return *e.Selected
	}
	return e.at().chosen(!e.old && s != nil && s.SelectedByDefault())
}

// wanted reports whether a column is selected. A catalog of the old form names all that it selects.
func (e *selector) wanted(path ...string) bool {
	return e.at(path...).chosen(!e.old || len(path) > 1)
}

// choice returns what the entry selects of its stream.
func (e *selector) choice(s *tap.Stream) (*tap.Choice, error) {
	choice := &tap.Choice{Stream: s, Wanted: e.wanted}
	for _, name := range e.columns() {
		switch m := e.at(name); {
		case !e.wanted(name):
			choice.Unwanted = append(choice.Unwanted, name)
		case m.Selected != nil && *m.Selected:
			choice.Named = append(choice.Named, name)
		}
	}
	if lists := e.deselectedItems(); len(lists) > 0 {
		choice.Note("the catalog deselects members of lists, which cannot be selected one by one: " +
			strings.Join(lists, ", ") + " come whole; to leave a member out, name it in privacy_columns")
	}
	e.types(choice)
	return choice, e.method(choice)
}

// columns are the top-level columns that the entry says anything about.
func (e *selector) columns() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range e.Metadata {
		if b := m.Breadcrumb; len(b) == 2 && b[0] == "properties" {
			add(b[1])
		}
	}
	for name, s := range e.said.properties {
		if s.selected != nil {
			add(name)
		}
	}
	slices.Sort(names)
	return names
}

// deselectedItems are the selected columns of which the entry deselects some members of items, but
// not all.
func (e *selector) deselectedItems() []string {
	var names []string
	members := map[string][]bool{} // whether each is selected
	for _, m := range e.Metadata {
		b := m.Breadcrumb
		if len(b) < 4 || b[0] != "properties" || !slices.Contains(b[2:], "items") ||
			!e.wanted(b[1]) {
			continue
		}
		if members[b[1]] == nil {
			names = append(names, b[1])
		}
		members[b[1]] = append(members[b[1]], m.Metadata.chosen(true))
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.Contains(members[name], true) || !slices.Contains(members[name], false)
	})
}

// types notes the types that the entry's schema gives the columns.
func (e *selector) types(choice *tap.Choice) {
	if len(e.Schema) == 0 || e.Schema.Kind() == 'n' {
		return
	}
	types, err := record.ParseShape(e.Schema)
	if err != nil {
		choice.Note("the catalog's schema cannot be read, and its types are not followed: " +
			err.Error())
		return
	}
	choice.Types = types
}

// method reads the replication method and key.
func (e *selector) method(choice *tap.Choice) error {
	m, s := e.at(), choice.Stream
	method, key := m.ReplicationMethod, m.ReplicationKey
	if method == "" {
		method = e.ReplicationMethod
	}
	if key == "" {
		key = e.ReplicationKey
	}
	switch method {
	case "", incremental:
	case fullTable:
		choice.FullTable = true
		return nil
	default:
		return fmt.Errorf("replication-method %q is neither INCREMENTAL nor FULL_TABLE", method)
	}
	switch {
	case s.Bookmark == "" && (key != "" || method == incremental):
		choice.Note("the catalog asks for an incremental read, but Greenhouse cannot filter this list by time: it is read whole")
	case s.Bookmark != "" && key != "" && key != s.Bookmark:
		choice.Note(fmt.Sprintf("the catalog's replication-key %q cannot be used and is replaced by %q",
			key, s.Bookmark))
	}
	return nil
}
