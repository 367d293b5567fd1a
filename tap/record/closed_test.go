package record_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// containers has a list of objects, an object, and a list within a list, each with a member v that
// is treated and a member kind that is not.
const containers = `{"type":"object","properties":{"id":{"type":"integer"},
	"list":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"v":{"type":["string","null"]},"kind":{"type":["string","null"]}}}},
	"object":{"type":["object","null"],"properties":{"v":{"type":["string","null"]},"kind":{"type":["string","null"]}}},
	"nested":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"deep":{"type":["array","null"],"items":{"type":["object","null"],
		"properties":{"v":{"type":["string","null"]},"kind":{"type":["string","null"]}}}}}}}}}`

func treatedContainers(t *testing.T, how record.Treatment) *record.Shape {
	t.Helper()
	s, err := record.ParseShape([]byte(containers))
	require.NoError(t, err)
	s.Column("id").Key = true
	return s.Treat(treatV(how))
}

// treatV treats each member v.
func treatV(how record.Treatment) func(path []string, _ *record.Column) (own, unknown record.Treatment) {
	return func(path []string, _ *record.Column) (own, unknown record.Treatment) {
		if path[len(path)-1] == "v" {
			return how, record.Drop
		}
		return record.Keep, record.Drop
	}
}

// odd are values of every kind, all with the canary.
var odd = []string{
	`"canary"`, `["canary"]`, `[["canary"]]`, `[{"v":["canary"]}]`, `{"canary":1}`, `{"v":"canary"}`,
	`[{"v":"canary"}]`, `[[{"v":"canary"}]]`, `{"v":{"v":"canary"}}`, `{"kind":{"v":"canary"}}`,
	`[{"kind":["canary"]}]`, `[{"kind":{"x":"canary"}}]`, `{"deep":"canary"}`, `[{"deep":"canary"}]`,
	`[{"deep":{"v":"canary"}}]`, `[{"deep":[["canary"]]}]`, `[{"deep":[{"kind":["canary"]}]}]`,
	`[{"other":"canary"}]`, `{"other":{"v":"canary"}}`,
}

// In place of a list or an object with treated members, or below it, a value of another kind is
// null, and widens nothing. The schema says so, even where it had no null.
func TestOddValueInPlaceOfTreatedMembersIsNull(t *testing.T) {
	for _, how := range []record.Treatment{record.Hash, record.Mask, record.Drop} {
		for _, column := range []string{"list", "object", "nested"} {
			for _, value := range odd {
				shape := treatedContainers(t, how).WithUnknown(record.Drop, false)
				page := fmt.Sprintf(`[{"id":1,"%s":%s}]`, column, value)
				splitter := record.NewSplitter(shape, record.Options{Key: treatKey})
				res, err := splitter.Split([]byte(page))
				require.NoError(t, err, "%d %s: it must not widen the column", how, page)
				require.Len(t, res.Records, 1)
				assert.NotContains(t, string(res.Records[0]), "canary", "%d %s", how, page)
				assert.True(t, json.Valid(res.Records[0]), "%s", res.Records[0])
			}
		}
		strict, err := record.ParseShape([]byte(strings.ReplaceAll(containers, `,"null"]`, `]`)))
		require.NoError(t, err)
		shape := strict.Treat(treatV(how)).WithUnknown(record.Drop, false)
		admits, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(shape.AppendSchema(nil)))
		require.NoError(t, err)
		for _, column := range []string{"list", "object", "nested"} {
			for _, value := range odd {
				page := fmt.Sprintf(`[{"id":1,"%s":%s}]`, column, value)
				res, err := record.NewSplitter(shape, record.Options{Key: treatKey}).Split([]byte(page))
				require.NoError(t, err)
				valid, err := admits.Validate(gojsonschema.NewBytesLoader(res.Records[0]))
				require.NoError(t, err)
				assert.True(t, valid.Valid(), "%s becomes %s: %v", page, res.Records[0], valid.Errors())
			}
		}
	}
}

// A value that became null because it did not fit is reported with its column.
func TestOddValueInPlaceOfTreatedMembersIsReported(t *testing.T) {
	splitter := record.NewSplitter(treatedContainers(t, record.Mask), record.Options{})
	res, err := splitter.Split([]byte(`[{"id":1,"list":"canary","object":{"v":"x","kind":"k"}}]`))
	require.NoError(t, err)
	assert.Equal(t, []record.Nulled{{Column: "list", ID: "1"}}, res.Nulled)
	assert.JSONEq(t, `{"id":1,"list":null,"object":{"v":null,"kind":"k"}}`, string(res.Records[0]))
}

// Drift elsewhere on the page does not widen a column with treated members.
func TestTreatedMembersAreNotWidenedByOtherDrift(t *testing.T) {
	shape := treatedContainers(t, record.Hash)
	page := []byte(`[{"id":1,"list":"canary","object":["canary"],"new":1}]`)
	wider, names, err := record.Learn(shape, page, record.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"new"}, names)
	for _, column := range []string{"list", "object"} {
		assert.Equal(t, string(shape.Column(column).Shape.AppendSchema(nil)),
			string(wider.Column(column).Shape.AppendSchema(nil)))
	}
}

// A state that learnt a wider column before its members were treated does not let it through.
func TestLearntShapeIsMendedWhereMembersAreTreated(t *testing.T) {
	plain, err := record.ParseShape([]byte(containers))
	require.NoError(t, err)
	plain.Column("id").Key = true
	page := []byte(`[{"id":1,"list":"canary","object":["canary"],"nested":[{"deep":[{"v":1,"kind":{"a":"canary"}}]}]}]`)
	wide, _, err := record.Learn(plain, page, record.Options{})
	require.NoError(t, err)
	learnt := wide.Differences(plain)
	require.Len(t, learnt, 3)
	shape := treatedContainers(t, record.Hash)
	mended, err := shape.WithUnknown(record.Drop, false).Learnt(learnt)
	require.NoError(t, err)
	assert.Empty(t, mended.Differences(shape), "the next state forgets it")
	res, err := record.NewSplitter(mended, record.Options{Key: treatKey}).Split(page)
	require.NoError(t, err)
	assert.NotContains(t, string(res.Records[0]), "canary")

	// So is a treated column itself: names of members would come out under hash.
	text, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},"text":{"type":["string","null"]}}}`))
	require.NoError(t, err)
	hashed := text.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
		if path[0] == "text" {
			return record.Hash, record.Keep
		}
		return record.Keep, record.Keep
	})
	mended, err = hashed.WithUnknown(record.Drop, false).Learnt(map[string]jsontext.Value{
		"text": jsontext.Value(`{"type":["string","object","array","null"]}`),
	})
	require.NoError(t, err)
	res, err = record.NewSplitter(mended, record.Options{Key: treatKey}).
		Split([]byte(`[{"id":1,"text":{"canary":1}}]`))
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":1,"text":null}`, string(res.Records[0]))
}

// Where unknown members are treated, a list or an object in place of a plain value is null, and
// widens nothing: nobody has classified what stands in it. Other plain values do widen the column.
func TestContainerInPlaceOfAPlainValueIsNull(t *testing.T) {
	plain, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},
		"number":{"type":["integer","null"]},"text":{"type":["string","null"]},
		"list":{"type":["array","null"],"items":{"type":["integer","null"]}}}}`))
	require.NoError(t, err)
	plain.Column("id").Key = true
	containers := []string{
		`{"name":"canary"}`, `["canary"]`, `[{"name":"canary"}]`, `[["canary"]]`, `{"a":[{"b":"canary"}]}`,
	}
	keep := func([]string, *record.Column) (own, unknown record.Treatment) { return record.Keep, record.Drop }
	shape := plain.Treat(keep).WithUnknown(record.Drop, true)
	again := shape.Treat(func(_ []string, c *record.Column) (own, unknown record.Treatment) {
		return c.Treatment, c.Members().Unknown
	})
	for _, sealed := range []*record.Shape{shape, again} {
		for _, value := range containers {
			for _, column := range []string{"number", "text", "list"} {
				if column == "list" && value == `["canary"]` {
					continue // a list of texts is a list of plain values
				}
				page := []byte(`[{"id":1,"` + column + `":` + value + `}]`)
				res, err := record.NewSplitter(sealed, record.Options{}).Split(page)
				require.NoError(t, err, "%s: it must not widen the column", page)
				assert.NotContains(t, string(res.Records[0]), "canary")
				assert.Len(t, res.Nulled, 1, "%s", page)

				wide, _, err := record.Learn(plain, page, record.Options{})
				require.NoError(t, err)
				mended, err := sealed.Learnt(wide.Differences(plain))
				require.NoError(t, err)
				res, err = record.NewSplitter(mended, record.Options{}).Split(page)
				require.NoError(t, err)
				assert.NotContains(t, string(res.Records[0]), "canary", "a state that learnt it is mended")
			}
		}
	}
	_, err = record.NewSplitter(shape, record.Options{}).Split([]byte(`[{"id":1,"number":"seven"}]`))
	require.ErrorIs(t, err, record.ErrDrift)
	wider, names, err := record.Learn(shape, []byte(`[{"id":1,"number":"seven","text":{"name":"canary"}}]`),
		record.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"number"}, names)
	assert.Equal(t, record.String|record.Integer|record.Null, wider.Column("number").Shape.Kinds)
}

// Columns that are dropped because nobody classified them are named once; those that someone left
// out are not.
func TestUnclassifiedColumnsAreNamed(t *testing.T) {
	s, err := record.ParseShape([]byte(containers))
	require.NoError(t, err)
	s.Column("id").Key = true
	s = s.Treat(func(path []string, c *record.Column) (own, unknown record.Treatment) {
		c.Members().Unclassified = path[0] != "object"
		return record.Keep, record.Drop
	})
	splitter := record.NewSplitter(s.WithUnknown(record.Drop, true), record.Options{})
	row := `{"id":1,"shoe_size":42,"list":[{"v":"x","extension":"1"}],"object":{"extra":1},"nested":[{"deep":[{"x":1}]}]}`
	res, err := splitter.Split([]byte("[" + row + "," + row + "]"))
	require.NoError(t, err)
	assert.Equal(t, []string{"list.extension", "nested.deep.x", "shoe_size"}, res.Dropped)
	res, err = splitter.Split([]byte(`[{"message":"no rights"},` + row + "]"))
	require.NoError(t, err)
	assert.Empty(t, res.Dropped)

	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf(`"n%d":1`, i))
	}
	res, err = splitter.Split([]byte(`[{"id":1,` + strings.Join(names, ",") + `}]`))
	require.NoError(t, err)
	assert.Len(t, res.Dropped, 97, "a hundred in all")
	res, err = record.NewSplitter(s.WithUnknown(record.Drop, false), record.Options{}).
		Split([]byte(`[{"id":1,"shoe_size":42}]`))
	require.NoError(t, err)
	assert.Empty(t, res.Dropped, "left out for another reason")
}

// What docs/privacy.md says of the text that is hashed: white space is Unicode's, and each
// character becomes lower case by itself.
func TestHashedTextIsTrimmedAndLowered(t *testing.T) {
	const space = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"
	for text, plain := range map[string]string{
		space + "Ann@Example.com" + space: "ann@example.com", "İ": "i", "ΑΣ": "ασ", "Ä b": "ä b",
		"a\u001c": "a\u001c", "\u200ba": "\u200ba",
	} {
		value, err := json.Marshal(text)
		require.NoError(t, err)
		splitter := record.NewSplitter(treatShape(t).WithUnknown(record.Drop, false),
			record.Options{Key: treatKey})
		res, err := splitter.Split([]byte(`[{"id":1,"text":` + string(value) + `}]`))
		require.NoError(t, err)
		mac := hmac.New(sha256.New, treatKey)
		mac.Write([]byte(plain))
		assert.Contains(t, string(res.Records[0]), hex.EncodeToString(mac.Sum(nil)), "%q", text)
	}
}
