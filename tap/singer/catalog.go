// Package singer is the voice that speaks the Singer specification: its catalog, messages and
// state, as written by taps built with the Meltano Singer SDK. It does not know where records come
// from.
package singer

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The replication methods that apply to a list.
const (
	incremental = "INCREMENTAL"
	fullTable   = "FULL_TABLE"
)

type catalog struct {
	Streams []entry `json:"streams"`
}

type entry struct {
	TapStreamID       string          `json:"tap_stream_id"`
	Stream            string          `json:"stream"`
	KeyProperties     []string        `json:"key_properties"`
	ReplicationKey    string          `json:"replication_key,omitzero"`
	ReplicationMethod string          `json:"replication_method,omitzero"`
	IsView            bool            `json:"is_view"`
	Schema            jsontext.Value  `json:"schema"`
	Metadata          []metadataEntry `json:"metadata"`
	Selected          *bool           `json:"selected,omitzero"` // the old way to select
}

type metadataEntry struct {
	Breadcrumb []string `json:"breadcrumb"`
	Metadata   metadata `json:"metadata"`
}

type metadata struct {
	Inclusion               string   `json:"inclusion,omitzero"`
	Selected                *bool    `json:"selected,omitzero"`
	SelectedByDefault       *bool    `json:"selected-by-default,omitzero"`
	TableKeyProperties      []string `json:"table-key-properties,omitzero"`
	ForcedReplicationMethod string   `json:"forced-replication-method,omitzero"`
	ValidReplicationKeys    []string `json:"valid-replication-keys,omitzero"`
	ReplicationMethod       string   `json:"replication-method,omitzero"`
	ReplicationKey          string   `json:"replication-key,omitzero"`
}

// Catalog returns the catalog of the streams, as indented JSON.
func Catalog(streams []tap.Discovered) ([]byte, error) {
	c := catalog{Streams: []entry{}}
	for _, d := range streams {
		s := d.Stream
		e := entry{
			TapStreamID: s.Name, Stream: s.Name, KeyProperties: s.Key, ReplicationKey: s.Bookmark,
			ReplicationMethod: fullTable,
			IsView:            s.ViewOf != "", Schema: d.Shape.AppendSchema(nil),
		}
		byDefault := s.SelectedByDefault() && !d.OutOfReach
		m := metadata{
			Inclusion: "available", SelectedByDefault: &byDefault,
			TableKeyProperties: s.Key, ForcedReplicationMethod: fullTable,
		}
		if s.Bookmark != "" {
			e.ReplicationMethod, m.ForcedReplicationMethod = incremental, incremental
			m.ValidReplicationKeys = []string{s.Bookmark}
		}
		e.Metadata = append([]metadataEntry{{Breadcrumb: []string{}, Metadata: m}},
			columns(s, d.Shape, nil)...)
		c.Streams = append(c.Streams, e)
	}
	out, err := json.Marshal(c, jsontext.WithIndent("  "), json.Deterministic(true))
	return append(out, '\n'), err
}

// columns lists the metadata of the columns below a breadcrumb.
func columns(s *tap.Stream, shape *record.Shape, breadcrumb []string) []metadataEntry {
	var entries []metadataEntry
	yes := true
	for _, c := range shape.Columns {
		if c.Treatment == record.Drop {
			continue
		}
		at := append(slices.Clone(breadcrumb), "properties", c.Name)
		m := metadata{Inclusion: "available", SelectedByDefault: &yes}
		if len(breadcrumb) == 0 && s.Automatic(c.Name) {
			m = metadata{Inclusion: "automatic"}
		}
		entries = append(entries, metadataEntry{Breadcrumb: at, Metadata: m})
		entries = append(entries, columns(s, c.Shape, at)...)
		if c.Shape.Items != nil {
			entries = append(entries, columns(s, c.Shape.Items,
				append(slices.Clone(at), "items"))...)
		}
	}
	return entries
}

// ParseCatalog reads a catalog and returns what it selects. Errors name the stream.
func ParseCatalog(data []byte, lookup tap.Lookup) ([]*tap.Choice, error) {
	var c struct {
		Streams []entry `json:"streams"`
	}
	if err := json.Unmarshal(data, &c, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	if c.Streams == nil {
		return nil, fmt.Errorf("it has no list of streams")
	}
	var choices tap.Choices
	for _, e := range c.Streams {
		name := e.TapStreamID
		if name == "" {
			name = e.Stream
		}
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

// at returns the metadata of a column, given the names that lead to it, whether or not its
// breadcrumb includes the items of arrays.
func (e *entry) at(path ...string) (metadata, bool) {
next:
	for _, m := range e.Metadata {
		n := 0
		for i := 0; i < len(m.Breadcrumb); i++ {
			switch {
			case m.Breadcrumb[i] == "items" && n > 0:
				continue
			case m.Breadcrumb[i] != "properties" || i+1 == len(m.Breadcrumb):
				continue next
			}
			i++
			if n == len(path) || m.Breadcrumb[i] != path[n] {
				continue next
			}
			n++
		}
		if n == len(path) {
			return m.Metadata, true
		}
	}
	return metadata{}, false
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

func (e *entry) selected(s *tap.Stream) bool {
	if e.Selected != nil {
		return *e.Selected
	}
	m, _ := e.at()
	return m.chosen(s != nil && s.SelectedByDefault())
}

// choice returns what the entry selects of its stream.
func (e *entry) choice(s *tap.Stream) (*tap.Choice, error) {
	choice := &tap.Choice{Stream: s, Wanted: func(path ...string) bool {
		m, ok := e.at(path...)
		return !ok || m.chosen(true)
	}}
	for _, m := range e.Metadata {
		if b := m.Breadcrumb; len(b) == 2 && b[0] == "properties" && !m.Metadata.chosen(true) {
			choice.Unwanted = append(choice.Unwanted, b[1])
		}
	}
	m, _ := e.at()
	method := m.ReplicationMethod
	if method == "" {
		method = e.ReplicationMethod
	}
	switch method {
	case "", incremental:
	case fullTable:
		choice.FullTable = true
	default:
		return nil, fmt.Errorf("replication-method %q is neither INCREMENTAL nor FULL_TABLE",
			method)
	}
	key := m.ReplicationKey
	if key == "" {
		key = e.ReplicationKey
	}
	if key != "" && key != s.Bookmark && !choice.FullTable {
		return nil, fmt.Errorf("replication-key %q cannot be used: only %q can", key, s.Bookmark)
	}
	return choice, nil
}
