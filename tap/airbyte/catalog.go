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

// AppendCatalog appends a CATALOG message.
func AppendCatalog(dst []byte, streams []tap.Discovered) []byte {
	c := catalog{Streams: []stream{}}
	for _, d := range streams {
		s := stream{
			Name: d.Stream.Name, JSONSchema: d.Shape.AppendSchema(nil),
			SupportedSyncModes: []string{"full_refresh"}, IsResumable: true,
		}
		for _, key := range d.Stream.Key {
			s.SourceDefinedPrimaryKey = append(s.SourceDefinedPrimaryKey, []string{key})
		}
		cursor := d.Stream.Bookmark
		if d.Stream.Local {
			cursor = tap.LoggedAt // what earlier runs made is not sent again, and must be kept
		}
		if cursor != "" {
			s.SupportedSyncModes = append(s.SupportedSyncModes, "incremental")
			s.SourceDefinedCursor = true
			s.DefaultCursorField = []string{cursor}
		}
		c.Streams = append(c.Streams, s)
	}
	return appendMessage(dst, message{Type: "CATALOG", Catalog: &c})
}

// configuredStream is a stream that a user selected.
type configuredStream struct {
	Stream struct {
		Name       string         `json:"name"`
		JSONSchema jsontext.Value `json:"json_schema"`
	} `json:"stream"`
	SyncMode     string `json:"sync_mode"`
	GenerationID *int64 `json:"generation_id"`
}

// ParseCatalog reads a configured catalog and returns what it selects; columns that the configured
// schema lacks are not wanted. Errors name the stream.
func ParseCatalog(data []byte, lookup tap.Lookup) ([]*tap.Choice, error) {
	var c struct {
		Streams []configuredStream `json:"streams"`
	}
	if err := json.Unmarshal(data, &c, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	if c.Streams == nil {
		return nil, fmt.Errorf("it has no list of streams")
	}
	var choices tap.Choices
	for _, cs := range c.Streams {
		name := cs.Stream.Name
		s := lookup(name)
		if err := choices.Add(name, s,
			func() (*tap.Choice, error) { return cs.choice(s) }); err != nil {
			return nil, err
		}
	}
	return choices.List, nil
}

// choice returns what the configured stream selects.
func (cs *configuredStream) choice(s *tap.Stream) (*tap.Choice, error) {
	var schema struct {
		Properties map[string]jsontext.Value `json:"properties"`
	}
	if len(cs.Stream.JSONSchema) > 0 {
		if err := json.Unmarshal(cs.Stream.JSONSchema, &schema,
			jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("json_schema: %w", err)
		}
	}
	types, err := record.ParseShape(cs.Stream.JSONSchema)
	choice := &tap.Choice{Stream: s, Types: types, Wanted: func(path ...string) bool {
		_, wanted := schema.Properties[path[0]]
		return wanted || len(schema.Properties) == 0 || len(path) > 1
	}}
	if err != nil && len(cs.Stream.JSONSchema) > 0 {
		choice.Types = nil
		choice.Note("the configured schema cannot be read, and its types are not followed: " +
			err.Error())
	}
	switch cs.SyncMode {
	case "incremental", "":
	case "full_refresh":
		choice.FullTable = true
		if cs.GenerationID != nil {
			choice.Generation = strconv.FormatInt(*cs.GenerationID, 10)
		}
	default:
		return nil, fmt.Errorf("sync_mode %q is neither full_refresh nor incremental", cs.SyncMode)
	}
	return choice, nil
}
