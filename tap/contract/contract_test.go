package contract

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

const agreedColumns = `{"type":"object","properties":{
"id":{"type":"integer"},
"name":{"type":["string","null"],"description":"Name."},
"status":{"type":["string","null"],"description":"Known values: open, closed."},
"at":{"type":["string","null"],"format":"date-time"},
"size":{"type":["number","null"]},
"any":{},"object":{"type":["object","null"]},"list":{"type":["array","null"]},
"phones":{"type":["array","null"],"items":{"type":"object","properties":{"value":{"type":["string","null"]}}}}}}`

func parse(t *testing.T, schema string) *record.Shape {
	t.Helper()
	shape, err := record.ParseShape([]byte(schema))
	require.NoError(t, err)
	return shape.Documented()
}

func written(t *testing.T) []byte {
	t.Helper()
	users := &tap.Stream{Name: "users", Description: "People.", Key: []string{"id"}}
	data, err := Marshal("1.2.3", []Agreed{{users, parse(t, agreedColumns)}})
	require.NoError(t, err)
	return data
}

// What is written is a JSON Schema of each stream, and reads as no difference.
func TestWhatIsWrittenIsAgreed(t *testing.T) {
	data := written(t)
	for _, part := range []string{
		`"tap_version": "1.2.3"`, `"$schema": "http://json-schema.org/draft-07/schema#"`,
		`"description": "Name."`, `"required": [`, `"closed",`,
	} {
		assert.Contains(t, string(data), part)
	}
	c, err := Parse(data)
	require.NoError(t, err)
	assert.Equal(t, "1.2.3", c.Version)
	assert.Empty(t, c.Differences("users", Found{Shape: parse(t, agreedColumns)}))
}

// The file is kept under version control: its streams stand in the order of their names.
func TestStreamsStandInOrder(t *testing.T) {
	var agreed []Agreed
	var want []string
	for name := 'a'; name <= 'z'; name++ {
		want = append(want, string(name))
		agreed = append(agreed, Agreed{&tap.Stream{Name: string(name)}, parse(t, agreedColumns)})
	}
	slices.Reverse(agreed)
	data, err := Marshal("1", agreed)
	require.NoError(t, err)
	var have []string
	for _, title := range regexp.MustCompile(`"title": "(.)"`).FindAllStringSubmatch(string(data), -1) {
		have = append(have, title[1])
	}
	assert.Equal(t, want, have)
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		name, old, now string
		found          Found
		want           []string
	}{
		{
			name: "a new column", old: `"size":`,
			now:  `"nickname":{"type":["string","null"]},"size":`,
			want: []string{"nickname: a new column, string"},
		},
		{
			name: "a column that is not there",
			old:  `"name":{"type":["string","null"],"description":"Name."},`,
			want: []string{"name: the column is missing"},
		},
		{
			name: "a wider type", old: `["number","null"]`, now: `["number","string","null"]`,
			want: []string{"size: the type is number or string, and was number"},
		},
		{
			name: "another type", old: `"name":{"type":["string","null"]`, now: `"name":{"type":"integer"`,
			want: []string{"name: the type is integer, and was string"},
		},
		{name: "a narrower type can be read", old: `["number","null"]`, now: `"integer"`},
		{name: "any type was agreed", old: `"any":{}`, now: `"any":{"type":"string"}`},
		{
			name: "any type comes", old: `"size":{"type":["number","null"]}`, now: `"size":{}`,
			want: []string{"size: the type is anything, and was number"},
		},
		{
			name: "members of an object that none were agreed of",
			old:  `"object":{"type":["object","null"]}`,
			now:  `"object":{"type":"object","properties":{"x":{"type":"string"}}}`,
		},
		{
			name: "items of a list that none were agreed of",
			old:  `"list":{"type":["array","null"]}`,
			now:  `"list":{"type":"array","items":{"type":"string"}}`,
		},
		{
			name: "a format that went", old: `,"format":"date-time"`,
			want: []string{"at: the type is string, and was string (date-time)"},
		},
		{
			name: "a type of a member", old: `"value":{"type":["string","null"]}`,
			now:  `"value":{"type":["integer","null"]}`,
			want: []string{"phones.value: the type is integer, and was string"},
		},
		{
			name: "a new member", old: `"value":`, now: `"type":{"type":"string"},"value":`,
			want: []string{"phones.type: a new column, string"},
		},
		{name: "other words", old: `"Name."`, now: `"Full name."`},
		{
			name: "a column that is missing, or new, and that no row has",
			old:  `"name":{"type":["string","null"],"description":"Name."},`,
			now:  `"nickname":{"type":["string","null"]},`, found: Found{Absent: []string{"name", "nickname"}},
			want: []string{"name: the column is missing", "nickname: a new column, string"},
		},
		{
			name:  "what rows showed",
			found: Found{Absent: []string{"at", "elsewhere"}, Unlisted: []string{"status=draft"}},
			want: []string{
				"at: no row has this column", "status=draft: not among the values of the contract",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			agreed, err := Parse(written(t))
			require.NoError(t, err)
			require.Contains(t, agreedColumns, c.old)
			c.found.Shape = parse(t, strings.Replace(agreedColumns, c.old, c.now, 1))
			if c.old == "" {
				c.found.Shape = parse(t, agreedColumns)
			}
			assert.Equal(t, c.want, agreed.Differences("users", c.found))
			assert.Equal(t, []string{"the contract does not have this stream"},
				agreed.Differences("jobs", c.found))
		})
	}
}

// Only the enums of the file count: whoever removes one agrees to any value.
func TestThePersonWhoEditsTheFileDecidesOnValues(t *testing.T) {
	edited := strings.Replace(string(written(t)), `"closed",`, ``, 1)
	c, err := Parse([]byte(edited))
	require.NoError(t, err)
	shape := c.Listing("users", parse(t, agreedColumns))
	assert.Equal(t, []string{"open"}, shape.Column("status").Shape.Values)
	assert.Nil(t, c.Listing("jobs", shape).Column("status").Shape.Values)
	without := jsontext.Value(strings.Replace(edited, `"enum"`, `"enums"`, 1))
	c, err = Parse(without)
	require.NoError(t, err)
	assert.Nil(t, c.Listing("users", shape).Column("status").Shape.Values)
}

func TestFilesThatAreNoContract(t *testing.T) {
	for text, want := range map[string]string{
		`{"streams":[]}`: "streams", `{}`: "no contract", `{"contract":1}`: "no contract",
		`{"contract":2,"streams":{}}`:                         "form 2",
		`{"contract":1,"streams":{"users":{"type":"x"}}}`:     `stream users: schema: unknown type "x"`,
		`{"contract":1,"streams":{"users":{}}}`:               "stream users: it has no properties",
		`{"contract":1,"streams":{"users":{"enum":1}}}`:       "stream users",
		`{"contract":1,"streams":{"users":7}}`:                "stream users",
		`{"contract":1,"streams":{"users":{},"users":{}}}`:    "users",
		`{"streams":[{"tap_stream_id":"users","schema":{}}]}`: "streams",
	} {
		_, err := Parse([]byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}
