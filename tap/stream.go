package tap

import (
	"maps"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Stream is one list of the Harvest API, or one that this program makes, as described by its file
// in schemas/.
type Stream struct {
	Name        string `json:"stream"`
	Description string `json:"description"`
	// Group is the permission group that people know the list by.
	Group string `json:"group"`
	// Path is the list's path below the address of the API.
	Path string `json:"path"`
	// Scope is the scope that a credential needs to read the list.
	Scope string `json:"scope"`
	// Local is true for a stream that this program makes: it has no path and no scope, and no
	// request is made for it.
	Local bool `json:"local,omitzero"`
	// Default is false for a stream that is read only if selected, such as a list that needs a
	// write scope or a product feature. Nil stands for true.
	Default *bool `json:"default,omitzero"`
	// ViewOf names the stream whose rows this one repeats; such a stream is not selected by
	// default.
	ViewOf string `json:"view_of,omitzero"`
	// Params are sent in every pass.
	Params map[string]string `json:"params,omitzero"`
	// Passes are the parameters of the passes that together make up the list, if one does not.
	Passes []map[string]string `json:"passes,omitzero"`
	// Key names the columns that identify a row.
	Key []string `json:"key"`
	// Bookmark is the column whose time can be used to ask only for changes; empty if the list has
	// no such filter.
	Bookmark string `json:"bookmark,omitzero"`
	// NeverEmpty is true for a list that has rows in every account: if it is empty, the user may
	// not see anything.
	NeverEmpty bool `json:"never_empty,omitzero"`
	// Anonymized tells a row that was anonymized, which destroys rows of other lists without a
	// trace; nil if rows of the list cannot be.
	Anonymized *Anonymized `json:"anonymized,omitzero"`
	// CustomFields says where records hold the custom fields.
	CustomFields *CustomFields `json:"custom_fields,omitzero"`
	// References maps a column to the stream whose id it holds.
	References map[string]string `json:"references,omitzero"`
	// PersonalData maps each column, or a member by a path such as phone_numbers.value, to its
	// class of personal data. A text column that needs none has the class "none", so that it is
	// known that someone looked at it.
	PersonalData map[string]string `json:"personal_data,omitzero"`
	// Filters are the other parameters that the list takes.
	Filters map[string]Filter `json:"filters,omitzero"`
	// Schema is the JSON Schema (draft 7) of a record.
	Schema jsontext.Value `json:"schema"`

	shape func() (*record.Shape, error)
}

// Anonymized is the value of a column in rows that were anonymized.
type Anonymized struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// CustomFields names the column that holds custom fields, and the field_type of their definitions.
type CustomFields struct {
	Column    string `json:"column"`
	FieldType string `json:"field_type"`
}

// Filter is a parameter of a list: its type is ids, time, boolean, integer or string.
type Filter struct {
	Type string   `json:"type"`
	Enum []string `json:"enum,omitzero"`
}

// Prepare makes the stream ready for use after its file is read.
func (s *Stream) Prepare() {
	s.shape = sync.OnceValues(func() (*record.Shape, error) {
		shape, err := record.ParseShape(s.Schema)
		if err != nil {
			return nil, Errorf(Fault, "stream "+s.Name, "%w", err)
		}
		shape = shape.Documented()
		for i := range shape.Columns {
			if c := &shape.Columns[i]; c.Shape.AnyKind() {
				c.Shape = c.Shape.AsText()
			}
		}
		for _, key := range s.Key {
			if c := shape.Column(key); c != nil {
				c.Key = true
			}
		}
		return shape, nil
	})
}

// Shape returns the shape of the stream's records, as described by its file.
func (s *Stream) Shape() (*record.Shape, error) { return s.shape() }

// SelectedByDefault reports whether the stream is read without a selection.
func (s *Stream) SelectedByDefault() bool {
	return s.ViewOf == "" &&
		(s.Default == nil || *s.Default)
}

// OfCandidates reports whether the rows belong to candidates, and are destroyed when one is
// anonymized.
func (s *Stream) OfCandidates() bool { return s.Filters["candidate_ids"].Type != "" }

// Automatic reports whether a column is always read: the key and the bookmark.
func (s *Stream) Automatic(column string) bool {
	return column == s.Bookmark || slices.Contains(s.Key, column)
}

// ReadParams returns the parameters of each pass over the list.
func (s *Stream) ReadParams() []map[string]string {
	if len(s.Passes) == 0 {
		return []map[string]string{s.Params}
	}
	passes := make([]map[string]string, len(s.Passes))
	for i, p := range s.Passes {
		passes[i] = maps.Clone(p)
		maps.Copy(passes[i], s.Params)
	}
	return passes
}
