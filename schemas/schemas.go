// Package schemas holds one JSON file a stream, which says everything about it, and the few lines
// that load them. stream.schema.json in the folder meta says what a file may hold; tests hold every
// file against it.
package schemas

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

//go:embed *.json
var files embed.FS

// Names lists all streams in the order of their names.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	slices.Sort(names)
	return names
}

// Load reads the streams of those names, and nothing else; all without names.
func Load(names ...string) ([]*tap.Stream, error) {
	if len(names) == 0 {
		names = Names()
	}
	streams := make([]*tap.Stream, len(names))
	for i, name := range names {
		data, err := files.ReadFile(name + ".json")
		if err != nil {
			return nil, fmt.Errorf("no stream is called %q", name)
		}
		s := &tap.Stream{}
		if err := json.Unmarshal(data, s, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("schemas/%s.json: %w", name, err)
		}
		s.Prepare()
		streams[i] = s
	}
	return streams, nil
}

// Match returns the names that the patterns name, in the order of the names. A pattern is a name or
// a glob of [path.Match]. One that names nothing is an error.
func Match(patterns []string) ([]string, error) {
	var matched []string
	all := Names()
	for _, p := range patterns {
		found := false
		for _, name := range all {
			ok, err := path.Match(p, name)
			if err != nil {
				return nil, fmt.Errorf("%q is no valid pattern", p)
			}
			if ok {
				found = true
				matched = append(matched, name)
			}
		}
		if !found {
			return nil, fmt.Errorf("no stream is called %q", p)
		}
	}
	slices.Sort(matched)
	return slices.Compact(matched), nil
}
