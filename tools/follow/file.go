package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// file is a stream's file, in the order in which it is written. [tap.Stream] describes its parts.
type file struct {
	Stream       string              `json:"stream"`
	Description  string              `json:"description"`
	Group        string              `json:"group"`
	Path         string              `json:"path"`
	Scope        string              `json:"scope"`
	Local        bool                `json:"local,omitzero"`
	Default      *bool               `json:"default,omitzero"`
	ViewOf       string              `json:"view_of,omitzero"`
	Params       ordered[string]     `json:"params,omitzero"`
	Passes       []ordered[string]   `json:"passes,omitzero"`
	Key          []string            `json:"key"`
	Bookmark     string              `json:"bookmark,omitzero"`
	NeverEmpty   bool                `json:"never_empty,omitzero"`
	Anonymized   *tap.Anonymized     `json:"anonymized,omitzero"`
	CustomFields *tap.CustomFields   `json:"custom_fields,omitzero"`
	References   ordered[string]     `json:"references,omitempty"`
	PersonalData ordered[string]     `json:"personal_data,omitempty"`
	Filters      ordered[tap.Filter] `json:"filters,omitempty"`
	Schema       schema              `json:"schema"`
}

type schema struct {
	Schema     string          `json:"$schema"`
	Type       string          `json:"type"`
	Properties ordered[column] `json:"properties"`
}

// column is the schema of a column, or of something inside it.
type column struct {
	Description string          `json:"description,omitzero"`
	Type        types           `json:"type"`
	Format      string          `json:"format,omitzero"`
	Items       *column         `json:"items,omitzero"`
	Properties  ordered[column] `json:"properties,omitempty"`
}

// types are the JSON types of a value. A single one is written as a string.
type types []string

func (t types) String() string { return strings.Join(t, "|") }

// MarshalJSONTo writes a string or an array.
func (t types) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(t) == 1 {
		return enc.WriteToken(jsontext.String(t[0]))
	}
	return json.MarshalEncode(enc, []string(t))
}

// UnmarshalJSONFrom reads a string or an array.
func (t *types) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		*t = types{""}
		return json.UnmarshalDecode(dec, &(*t)[0])
	}
	return json.UnmarshalDecode(dec, (*[]string)(t))
}

// readFiles reads the stream files of a folder, sorted by name.
// Streams that the tap makes are no lists, and are left out.
func readFiles(folder string) ([]*file, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var files []*file
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f := &file{}
		if err := json.Unmarshal(data, f, json.RejectUnknownMembers(true)); err != nil {
			return nil, err
		}
		if !f.Local {
			files = append(files, f)
		}
	}
	return files, nil
}

// encode returns the content of the file.
func (f *file) encode() ([]byte, error) {
	text, err := json.Marshal(f, jsontext.WithIndent("  "))
	return append(text, '\n'), err
}
