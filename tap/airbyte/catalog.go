package airbyte

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

type catalog struct {
	Streams []stream `json:"streams"`
}

type stream struct {
	Name                    string         `json:"name"`
	JSONSchema              jsontext.Value `json:"json_schema"`
	SupportedSyncModes      []string       `json:"supported_sync_modes"`
	SourceDefinedCursor     bool           `json:"source_defined_cursor"`
	DefaultCursorField      []string       `json:"default_cursor_field,omitzero"`
	SourceDefinedPrimaryKey [][]string     `json:"source_defined_primary_key"`
	IsResumable             bool           `json:"is_resumable"`
}

// Discovered is a stream as discovery shows it, with the shape of its records.
type Discovered struct {
	Stream *tap.Stream
	Shape  *record.Shape
}

// AppendCatalog appends a CATALOG message.
func AppendCatalog(dst []byte, streams []Discovered) []byte {
	c := catalog{Streams: []stream{}}
	for _, d := range streams {
		s := stream{
			Name: d.Stream.Name, JSONSchema: d.Shape.AppendSchema(nil), SupportedSyncModes: []string{"full_refresh"}, IsResumable: true,
		}
		for _, key := range d.Stream.Key {
			s.SourceDefinedPrimaryKey = append(s.SourceDefinedPrimaryKey, []string{key})
		}
		if d.Stream.Bookmark != "" {
			s.SupportedSyncModes = append(s.SupportedSyncModes, "incremental")
			s.SourceDefinedCursor = true
			s.DefaultCursorField = []string{d.Stream.Bookmark}
		}
		c.Streams = append(c.Streams, s)
	}
	return appendMessage(dst, message{Type: "CATALOG", Catalog: &c})
}

// configuredStream is a stream that a person chose.
type configuredStream struct {
	Stream struct {
		Name       string         `json:"name"`
		JSONSchema jsontext.Value `json:"json_schema"`
	} `json:"stream"`
	SyncMode     string `json:"sync_mode"`
	GenerationID *int64 `json:"generation_id"`
}

// ParseCatalog reads a configured catalog and returns its selections. lookup returns a stream and
// the shape of its records by its name, nil where there is none. Columns that the configured schema
// lacks are not read. Errors name the stream.
func ParseCatalog(data []byte, lookup func(name string) (*tap.Stream, *record.Shape, error)) ([]*tap.Selection, error) {
	var c struct {
		Streams []configuredStream `json:"streams"`
	}
	if err := json.Unmarshal(data, &c, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	if c.Streams == nil {
		return nil, fmt.Errorf("there is no list of streams")
	}
	var selections tap.Selections
	for _, cs := range c.Streams {
		name := cs.Stream.Name
		s, shape, err := lookup(name)
		if err != nil {
			return nil, err
		}
		if s == nil && name != "" {
			// Chosen long ago, perhaps: that it is gone is the failure of this stream alone.
			gone := &tap.Stream{Name: name, Key: []string{"id"}}
			selections.List = append(selections.List, &tap.Selection{Stream: gone, Err: tap.Errorf(tap.Gone, "stream "+name, "Greenhouse has no list of this name any more").
				WithHint("refresh the source's schema and leave the stream out")})
			continue
		}
		if err := selections.Add(name, s, func() (*tap.Selection, error) { return cs.selection(s, shape) }); err != nil {
			return nil, err
		}
	}
	return selections.List, nil
}

func (cs *configuredStream) selection(s *tap.Stream, shape *record.Shape) (*tap.Selection, error) {
	var schema struct {
		Properties map[string]jsontext.Value `json:"properties"`
	}
	if len(cs.Stream.JSONSchema) > 0 {
		if err := json.Unmarshal(cs.Stream.JSONSchema, &schema, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("json_schema: %w", err)
		}
	}
	sel := s.Select(shape, func(path ...string) bool {
		_, wanted := schema.Properties[path[0]]
		return wanted || len(schema.Properties) == 0 || len(path) > 1
	})
	switch cs.SyncMode {
	case "incremental", "":
	case "full_refresh":
		sel.FullTable = true
		if cs.GenerationID != nil {
			sel.Generation = strconv.FormatInt(*cs.GenerationID, 10)
		}
	default:
		return nil, fmt.Errorf("sync_mode %q is not one of full_refresh and incremental", cs.SyncMode)
	}
	return sel, nil
}
