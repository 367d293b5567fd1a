package record_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

func parsed(t *testing.T, schema string) *record.Shape {
	t.Helper()
	s, err := record.ParseShape([]byte(schema))
	require.NoError(t, err, schema)
	return s
}

// What a type is for people, and whether it is a plain text, or anything at all.
func TestTypesOfAShape(t *testing.T) {
	for schema, c := range map[string]struct {
		name      string
		text, any bool
	}{
		`{}`:                                     {"", false, true},
		`{"type":"string"}`:                      {"string", true, false},
		`{"type":["string","null"]}`:             {"string", true, false},
		`{"type":["string","integer"]}`:          {"integer or string", false, false},
		`{"type":"string","format":"date-time"}`: {"string (date-time)", false, false},
		`{"type":"string","format":"date"}`:      {"string (date)", false, false},
		`{"type":"string","format":"email"}`:     {"string", true, false},
		`{"type":["object","array","null"]}`:     {"object or array", false, false},
		`{"type":["string","object","array"]}`:   {"string or object or array", false, true},
	} {
		s := parsed(t, schema)
		assert.Equal(t, c.name, s.TypeName(), schema)
		assert.Equal(t, c.text, s.IsText(), schema)
		assert.Equal(t, c.any, s.AnyKind(), schema)
	}
}

// A document that says less than a shape agrees with it; one that says another type, at any depth,
// does not.
func TestShapesAgree(t *testing.T) {
	s := parsed(t, `{"type":["object","null"],"properties":{"id":{"type":"integer"},
"at":{"type":"string","format":"date-time"},"tags":{"type":"array","items":{"type":"string"}}}}`)
	for o, agrees := range map[string]bool{
		`{}`:                true,
		`{"type":"object"}`: true,
		`{"type":["object","null"],"properties":{}}`:                                                  true,
		`{"type":"object","properties":{"id":{},"other":{"type":"string"}}}`:                          true,
		`{"type":"object","properties":{"id":{"type":["null","integer"]},"at":{"type":"string"}}}`:    false,
		`{"type":"object","properties":{"id":{"type":"integer"},"tags":{"type":"array"}}}`:            true,
		`{"type":"object","properties":{"tags":{"type":"array","items":{"type":["string","null"]}}}}`: true,
		`{"type":"object","properties":{"tags":{"type":"array","items":{"type":"integer"}}}}`:         false,
		`{"type":"object","properties":{"id":{"type":"number"}}}`:                                     false,
		`{"type":"object","properties":{"at":{"type":"string","format":"date-time"}}}`:                true,
		`{"type":"object","properties":{"at":{"type":"string","format":"date"}}}`:                     false,
		`{"type":"array","items":{"type":"string"}}`:                                                  false,
		`{"type":["object","string"],"properties":{"id":{"type":"integer"}}}`:                         false,
	} {
		assert.Equal(t, agrees, s.Agrees(parsed(t, o)), o)
	}
}

// A shape is treated if anything in it is, at any depth.
func TestTreatedShapes(t *testing.T) {
	s := parsed(t, `{"type":"object","properties":{"a":{"type":"string"},
"o":{"type":"object","properties":{"b":{"type":"string"}}},
"l":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string"}}}}}}`)
	treat := func(at string, how, below record.Treatment) *record.Shape {
		return s.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
			if strings.Join(path, ".") == at {
				return how, below
			}
			return record.Keep, record.Keep
		})
	}
	assert.False(t, (*record.Shape)(nil).Treated())
	assert.False(t, s.Treated())
	assert.False(t, treat("", record.Drop, record.Drop).Treated())
	for _, at := range []string{"a", "o", "o.b", "l", "l.c"} {
		for _, how := range []record.Treatment{record.Hash, record.Mask, record.Drop} {
			assert.True(t, treat(at, how, record.Keep).Treated(), at)
		}
	}
	assert.True(t, treat("o", record.Keep, record.Drop).Treated(), "unknown members are left out")
	assert.True(t, treat("l", record.Keep, record.Drop).Treated())
	assert.True(t, s.WithUnknown(record.Drop, false).Treated())
}

// Known values are those that a list gives for the column as it comes out.
func TestListedValues(t *testing.T) {
	s := parsed(t, `{"type":"object","properties":{"a":{"type":["string","null"],"enum":["old",null,7]},
"A":{"type":"string"},"n":{"type":"integer"}}}`)
	assert.Equal(t, []string{"old"}, s.Column("a").Shape.Values, "only texts are values of a text")
	s.Column("A").As = "A_1"
	list := map[string][]string{"A_1": {"x", `"y"`}, "n": {"1"}}
	listed := s.Listing(func(column string) []string { return list[column] })
	assert.Equal(t, `{"type":"object","properties":{"a":{"type":["string","null"]},`+
		`"A_1":{"type":"string","enum":["x","\"y\""]},"n":{"type":"integer"}}}`,
		string(listed.AppendAgreed(nil)), "a number has none")
	assert.Equal(t, []string{"old"}, s.Column("a").Shape.Values, "the shape itself stays")
}

// Reading a schema says what it cannot read, wherever that is.
func TestSchemasThatCannotBeRead(t *testing.T) {
	for _, schema := range []string{
		``, `[]`, `"x"`, `{`, `{"type"`, `{"type":7}`, `{"type":[7]}`, `{"type":"thing"}`,
		`{"type":["string","thing"]}`, `{"format":7}`, `{"description":7}`, `{"enum":7}`,
		`{"enum":["\x"]}`, `{"items":[]}`, `{"items":{"type":"thing"}}`, `{"properties":7}`,
		`{"properties":{"a":[]}}`, `{"properties":{"a":{"type":"thing"}}}`, `{"other":}`,
	} {
		_, err := record.ParseShape([]byte(schema))
		assert.ErrorContains(t, err, "schema: ", schema)
	}
}

// What a column admits teaches nothing: no column is named, and its schema stays as it is.
func TestAdmittedValuesTeachNothing(t *testing.T) {
	for schema, values := range map[string]string{
		`{"type":["integer","null"]}`:                                      `1 -1 null`,
		`{"type":"number"}`:                                                `1 1.5 1e9`,
		`{"type":["number","string"],"format":"date-time"}`:                `1 1.5 "2026-01-01T00:00:00Z"`,
		`{"type":["string","null"],"format":"date-time"}`:                  `null "2026-01-01T00:00:00Z" "soon"`,
		`{"type":["object","null"],"properties":{"a":{"type":"integer"}}}`: `{} {"a":1} {"b":"x"} null`,
		`{"type":"array","items":{"type":"string"}}`:                       `[] ["a"]`,
		`{"type":"array"}`:                                                 `[] ["a",1,null]`,
		`{}`:                                                               `1 "a" null [] {}`,
	} {
		s := parsed(t, `{"type":"object","properties":{"x":`+schema+`}}`)
		before := string(s.AppendSchema(nil))
		for value := range strings.FieldsSeq(values) {
			after, names, err := record.Learn(s, []byte(`[{"x":`+value+`}]`), record.Options{})
			require.NoError(t, err)
			assert.Empty(t, names, "%s: %s", schema, value)
			assert.Equal(t, before, string(after.AppendSchema(nil)), "%s: %s", schema, value)
		}
	}
}

// What is learnt is named: the columns that are new or wider, and no others. Those that are
// treated, or whose odd values become null, stay as they are.
func TestLearntColumnsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		page    string
		unknown record.Treatment
		opts    record.Options
		want    []string
	}{
		"new":                 {`[{"id":1,"x":1,"y":2}]`, record.Keep, record.Options{}, []string{"x", "y"}},
		"new, to be hashed":   {`[{"id":1,"x":1}]`, record.Hash, record.Options{}, []string{"x"}},
		"new, to be dropped":  {`[{"id":1,"x":1}]`, record.Drop, record.Options{}, nil},
		"wider":               {`[{"id":1,"name":7}]`, record.Keep, record.Options{}, []string{"name"}},
		"null in place of it": {`[{"id":1,"name":7}]`, record.Keep, record.Options{NullUnfit: true}, nil},
		"a wider key":         {`[{"id":"a"}]`, record.Keep, record.Options{NullUnfit: true}, []string{"id"}},
		"new, with two types": {`[{"id":1,"x":1},{"id":2,"x":"a"}]`, record.Keep, record.Options{NullUnfit: true}, []string{"x"}},
		"a message":           {`[{"message":"no row"},{"id":1,"name":"a"}]`, record.Keep, record.Options{}, nil},
	} {
		s := shape(t).WithUnknown(c.unknown, false)
		wider, names, err := record.Learn(s, []byte(c.page), c.opts)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, names, name)
		if name == "new, with two types" {
			assert.Contains(t, string(wider.AppendSchema(nil)), `"x":{"type":["integer","string","null"]}`)
		}
	}
	for _, page := range []string{``, `[{"id":1,"x":`, `[{"id"`} {
		_, _, err := record.Learn(shape(t), []byte(page), record.Options{})
		assert.Error(t, err, "half a page teaches nothing: %s", page)
	}
}

// Values nest as deeply where a schema says nothing as where it does, counted from the record.
func TestDepthCountsFromTheRecord(t *testing.T) {
	s := parsed(t, `{"type":"object","properties":{"id":{"type":"integer"},"any":{},
"o":{"type":"object","properties":{"known":{"type":"array"}}}}}`)
	for format, most := range map[string]int{
		`[{"any":%s}]`: 499, `[{"o":{"unknown":%s}}]`: 498, `[{"o":{"known":%s}}]`: 498,
		`[{"any":[1,{"a":%s}]}]`: 497,
	} {
		for depth, deep := range map[int]bool{most: false, most + 1: true} {
			value := strings.Repeat("[", depth) + strings.Repeat("]", depth)
			_, err := record.NewSplitter(s, record.Options{}).Split(fmt.Appendf(nil, format, value))
			if deep {
				assert.ErrorContains(t, err, "values nested too deeply", format)
			} else {
				assert.NoError(t, err, format)
			}
		}
	}
}

// What earlier runs learnt of a column widens it: a format stays if both have it, and comes to a
// column that was always null.
func TestFormatsThatWereLearnt(t *testing.T) {
	for _, c := range [][3]string{
		{`{"type":"null"}`, `{"type":["string","null"],"format":"date-time"}`, `{"type":["string","null"],"format":"date-time"}`},
		{`{"type":"null"}`, `{"type":["integer","null"]}`, `{"type":["integer","null"]}`},
		{`{"type":["string","null"],"format":"date"}`, `{"type":"string","format":"date-time"}`, `{"type":["string","null"]}`},
		{`{"type":["string","null"],"format":"date"}`, `{"type":"string","format":"date"}`, `{"type":["string","null"],"format":"date"}`},
		{`{"type":["string","null"],"format":"date"}`, `{"type":"null"}`, `{"type":["string","null"],"format":"date"}`},
		{`{"type":"boolean"}`, `{"type":"string","format":"date"}`, `{"type":["boolean","string"]}`},
		{`{"type":["string","null"],"format":"date"}`, `{"type":"boolean"}`, `{"type":["boolean","string","null"]}`},
	} {
		s := parsed(t, `{"type":"object","properties":{"x":`+c[0]+`}}`)
		wider, err := s.Learnt(map[string]jsontext.Value{"x": jsontext.Value(c[1])})
		require.NoError(t, err)
		assert.Equal(t, `{"type":"object","properties":{"x":`+c[2]+`}}`, string(wider.AppendSchema(nil)))
	}
}
