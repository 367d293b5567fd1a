package main

import "github.com/go-json-experiment/json"

// list is what a document says about one list of the API.
type list struct {
	Stream  string          `json:"stream"`
	Path    string          `json:"path"`
	Scope   string          `json:"scope"`
	Group   string          `json:"-"` // group in the document
	Updated bool            `json:"accepts_updated_at"`
	Filters ordered[filter] `json:"filters"`
	Fields  ordered[field]  `json:"fields"`
}

type filter struct {
	Type string   `json:"type"` // a JSON type; ranges of times are objects
	Enum []string `json:"enum"`
}

// field is what a document says about a value.
type field struct {
	Types      types          `json:"type"`
	Format     string         `json:"format"`
	Enum       []*string      `json:"enum"`
	Items      *field         `json:"items"`
	Properties ordered[field] `json:"properties"`
}

// readFacts reads a table of facts: a JSON array with an object per list.
func readFacts(data []byte) (lists []*list, err error) {
	err = json.Unmarshal(data, &lists)
	return lists, err
}
