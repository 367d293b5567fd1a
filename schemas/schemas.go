// Package schemas holds one JSON file per stream, which says everything about it, and the code that
// loads them. meta/stream.schema.json describes the files; tests check each of them against it.
package schemas

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

//go:embed *.json
var files embed.FS

// Names returns the names of all streams, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".json")
	}
	slices.Sort(names)
	return names
}

// Load reads the streams with these names, or all streams.
func Load(names ...string) ([]*tap.Stream, error) {
	if len(names) == 0 {
		names = Names()
	}
	streams := make([]*tap.Stream, len(names))
	for i, name := range names {
		data, err := files.ReadFile(name + ".json")
		if err != nil {
			return nil, unknown(name)
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

// Lists reads the streams that are lists of the API: all but those that this program makes.
func Lists() ([]*tap.Stream, error) {
	all, err := Load()
	return slices.DeleteFunc(all, func(s *tap.Stream) bool { return s.Local }), err
}

func unknown(name string) error {
	return fmt.Errorf("no stream is called %q%s", name, nearest.Hint(name, Names()))
}

// Match returns the names that the patterns match, sorted. A pattern is a name or a glob of
// [path.Match]. One that matches nothing is an error.
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
			return nil, unknown(p)
		}
	}
	slices.Sort(matched)
	return slices.Compact(matched), nil
}
