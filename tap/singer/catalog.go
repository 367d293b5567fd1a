// Package singer is the voice that speaks the Singer specification: its catalog, messages and
// state, as written by taps built with the Meltano Singer SDK. It does not know where records come
// from.
package singer

import (
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
	Selected          *bool           `json:"selected,omitzero"` // an old way to select
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

// columns lists the metadata of the columns below a breadcrumb. Members of an array's items are not
// listed: like the taps of the Singer SDK, whose platforms cannot select them, this one does not
// either.
func columns(s *tap.Stream, shape *record.Shape, breadcrumb []string) []metadataEntry {
	var entries []metadataEntry
	yes := true
	for _, c := range shape.Columns {
		if c.Treatment == record.Drop || shape.Open {
			continue
		}
		at := append(slices.Clone(breadcrumb), "properties", c.Name)
		m := metadata{Inclusion: "available", SelectedByDefault: &yes}
		if len(breadcrumb) == 0 && s.Automatic(c.Name) {
			m = metadata{Inclusion: "automatic"}
		}
		entries = append(entries, metadataEntry{Breadcrumb: at, Metadata: m})
		entries = append(entries, columns(s, c.Shape, at)...)
	}
	return entries
}
