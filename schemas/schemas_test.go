package schemas_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// incomplete fails the test with a line about a stream's file, if anything is wrong with it.
func incomplete(t *testing.T, stream string, wrong []string) {
	t.Helper()
	if len(wrong) > 0 {
		t.Errorf("schemas/%s.json: %s", stream, strings.Join(wrong, "; "))
	}
}

func TestFilesMatchTheirSchema(t *testing.T) {
	meta, err := os.ReadFile("meta/stream.schema.json")
	require.NoError(t, err)
	schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(meta))
	require.NoError(t, err)
	for _, name := range schemas.Names() {
		data, err := os.ReadFile(name + ".json")
		require.NoError(t, err)
		result, err := schema.Validate(gojsonschema.NewBytesLoader(data))
		require.NoError(t, err, name)
		var wrong []string
		for _, e := range result.Errors() {
			wrong = append(wrong, e.String())
		}
		incomplete(t, name, wrong)
	}
}

func TestFilesAreConsistent(t *testing.T) {
	streams, err := schemas.Load()
	require.NoError(t, err)
	chosen := map[string]bool{} // read only if they are selected
	for _, s := range streams {
		shape, err := s.Shape()
		require.NoError(t, err)
		column := func(name string) *record.Column {
			c := shape.Column(name)
			assert.NotNil(t, c, "%s.%s", s.Name, name)
			return c
		}
		for _, c := range shape.Columns {
			isKey := slices.Contains(s.Key, c.Name)
			assert.Equal(t, isKey, c.Shape.Kinds&record.Null == 0,
				"%s.%s: every column but the key takes null", s.Name, c.Name)
		}
		for name, target := range s.References {
			column(name)
			assert.Contains(t, schemas.Names(), target, "%s.%s leads to a stream", s.Name, name)
		}
		for path := range s.PersonalData {
			at := shape
			for _, name := range strings.Split(path, ".") {
				if at.Items != nil {
					at = at.Items
				}
				c := at.Column(name)
				require.NotNil(t, c, "%s.%s", s.Name, path)
				at = c.Shape
			}
		}
		if s.CustomFields != nil {
			column(s.CustomFields.Column)
		}
		if s.Bookmark != "" {
			assert.Equal(t, record.DateTime, column(s.Bookmark).Shape.Format)
		}
		if s.ViewOf != "" {
			assert.Contains(t, schemas.Names(), s.ViewOf)
		}
		chosen[s.Name] = !s.SelectedByDefault()
		assert.LessOrEqual(t, len(shape.Columns), 50, "the API takes 50 names in fields")
	}
	maps.DeleteFunc(chosen, func(_ string, yes bool) bool { return !yes })
	assert.ElementsMatch(t, []string{
		"degrees", "disciplines", "schools", // views
		"bulk_requests", "blocked_spam_sources", "webhooks", // of writers, a feature, partners
		"sync_log", // is made by the tap
	}, slices.Collect(maps.Keys(chosen)))
}

// Every text column, and every member of an object, must have a class or be known to need none, so
// that no one finds personal data by surprise.
func TestEveryTextColumnIsClassified(t *testing.T) {
	streams, err := schemas.Load()
	require.NoError(t, err)
	for _, s := range streams {
		shape, err := s.Shape()
		require.NoError(t, err)
		var wrong []string
		var visit func(path string, shape *record.Shape)
		visit = func(path string, shape *record.Shape) {
			members := shape
			if shape.Items != nil {
				members = shape.Items
			}
			for _, c := range members.Columns {
				visit(strings.TrimPrefix(path+"."+c.Name, "."), c.Shape)
			}
			texts := record.String | record.Object | record.Array
			if members.Columns != nil || shape.Kinds&texts == 0 ||
				shape.Format != record.NoFormat || s.References[path] != "" {
				return
			}
			if s.PersonalData[path] == "" {
				wrong = append(wrong, path+` has no class in personal_data ("none" if it needs none)`)
			}
		}
		visit("", shape)
		incomplete(t, s.Name, wrong)
	}
}

// Each column has a description in its file, so that readers do not need Greenhouse's reference.
// A value that a column's list of known values lacks is logged and reported, so no such column may
// hold personal data.
func TestListedValuesAreNotPersonal(t *testing.T) {
	all, err := schemas.Load(schemas.Names()...)
	require.NoError(t, err)
	listed := 0
	for _, s := range all {
		shape, err := s.Shape()
		require.NoError(t, err)
		var wrong []string
		for _, c := range shape.Columns {
			if c.Shape.Values == nil {
				continue
			}
			listed++
			if class := s.PersonalData[c.Name]; class != "" && class != "none" {
				wrong = append(wrong, c.Name+" has the class "+class)
			}
		}
		incomplete(t, s.Name, wrong)
	}
	assert.NotZero(t, listed)
}

func TestEveryColumnIsDescribed(t *testing.T) {
	streams, err := schemas.Load()
	require.NoError(t, err)
	for _, s := range streams {
		shape, err := s.Shape()
		require.NoError(t, err)
		var wrong []string
		for _, c := range shape.Columns {
			switch {
			case c.Shape.Description == "":
				wrong = append(wrong, c.Name+" has no description")
			case strings.Contains(c.Shape.Description, "since 20"):
				wrong = append(wrong, c.Name+": describe what it means, not when it came")
			}
		}
		incomplete(t, s.Name, wrong)
	}
}

// What is generated from the files knows each stream. CI compares every byte.
func TestGeneratedFilesKnowEveryStream(t *testing.T) {
	catalog, err := os.ReadFile("../catalog.json")
	require.NoError(t, err)
	for _, name := range schemas.Names() {
		var wrong []string
		if !strings.Contains(string(catalog), `"tap_stream_id": "`+name+`"`) {
			wrong = append(wrong, "not in catalog.json: go run . --discover > catalog.json")
		}
		if _, err := os.Stat("../docs/streams/" + name + ".md"); err != nil {
			wrong = append(wrong, "no page in docs/streams: go -C tools run ./docs")
		}
		incomplete(t, name, wrong)
	}
}

func TestMatch(t *testing.T) {
	for pattern, want := range map[string][]string{
		"users": {"users"}, "job_pos*s": {
			"job_post_locations", "job_post_searchable_locations",
			"job_posts",
		}, "{users}": nil, "[": nil,
	} {
		got, err := schemas.Match([]string{pattern})
		assert.Equal(t, want == nil, err != nil, pattern)
		assert.Equal(t, want, got, pattern)
	}
}
