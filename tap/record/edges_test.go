package record_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Boundary cases; other tests cover the usual ones.
func TestEdgesOfNumbers(t *testing.T) {
	for number, want := range map[string]string{
		"9223372036854775807": "integer", "9223372036854775808": "number",
		"-9223372036854775808": "integer", "-9223372036854775809": "number",
		"999999999999999999": "integer", "0": "integer", "-0": "integer", "1e2": "number",
		"0.5": "number", "10": "integer",
	} {
		_, s, err := read(t, shape(t), `[{"id":1,"new":`+number+`}]`, record.Options{})
		require.NoError(t, err, number)
		assert.Contains(t, string(s.AppendSchema(nil)), `"new":{"type":["`+want+`","null"]}`,
			number)
	}
}

// First and Last are the watched values of the first and the last record, and IDs those of all
// records, including those left out.
func TestPageResults(t *testing.T) {
	page := []byte(`[{"id":3,"at":"2026-01-03T00:00:00.000Z"},{"id":2,"at":"2026-01-02T00:00:00.000Z"},{"id":1,"at":"2026-01-01T00:00:00.000Z"}]`)
	splitter := record.NewSplitter(shape(t), record.Options{Watch: "at", Mark: "at", IDs: true})
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	const day = 24 * 60 * 60 * 1000
	rows := []record.Row{{ID: 3, Mark: first + 2*day}, {ID: 2, Mark: first + day}, {ID: 1, Mark: first}}
	res, err := splitter.Split(page)
	require.NoError(t, err)
	assert.Equal(t, `"2026-01-03T00:00:00.000Z"`, string(res.First))
	assert.Equal(t, `"2026-01-01T00:00:00.000Z"`, string(res.Last))
	assert.Equal(t, rows, res.IDs)
	assert.Len(t, res.Records, 3)
	splitter.Since("2026-01-02T00:00:00.000Z", nil)
	res, err = splitter.Split(page)
	require.NoError(t, err)
	assert.Len(t, res.Records, 2, "what is of that very moment stays")
	assert.Equal(t, 3, res.Rows)
	assert.Equal(t, rows, res.IDs)
	splitter.Since("", nil)
	res, err = splitter.Split(page)
	require.NoError(t, err)
	assert.Len(t, res.Records, 3)
}

// The first and the last letter are folded, and nothing that is not a letter.
func TestHashesFoldCase(t *testing.T) {
	of := func(text string) string {
		splitter := record.NewSplitter(treatShape(t).WithUnknown(record.Drop, false),
			record.Options{Key: treatKey})
		res, err := splitter.Split([]byte(`[{"id":1,"text":"` + text + `"}]`))
		require.NoError(t, err)
		return string(res.Records[0])
	}
	assert.Equal(t, of("az@[`{"), of("AZ@[`{"))
	assert.NotEqual(t, of("@"), of("`"))
	assert.Equal(t, of("äö"), of("ÄÖ"))
	assert.Equal(t, of("x"), of(`\n x\t`))
	assert.Contains(t, of(" a "), reference("a"))
}

// learnt is the schema of shape after an earlier run learnt one of a column.
func learnt(t *testing.T, column, schema string) string {
	t.Helper()
	s, err := shape(t).Learnt(map[string]jsontext.Value{column: jsontext.Value(schema)})
	require.NoError(t, err)
	return string(s.AppendSchema(nil))
}

func TestLearntShapes(t *testing.T) {
	assert.Contains(t, learnt(t, "at", `{"type":["string","null"],"format":"date-time"}`),
		`"at":{"type":["string","null"],"format":"date-time"}`)
	assert.Contains(t, learnt(t, "at", `{"type":["string","null"]}`),
		`"at":{"type":["string","null"]}`, "a format that was lost stays lost")
	assert.Contains(t, learnt(t, "at", `{"type":["integer","null"]}`),
		`"at":{"type":["integer","string","null"]}`)
	assert.Contains(t, learnt(t, "tags", `{}`), `"tags":{}`, "anything goes, and below it, too")
	assert.Contains(t, learnt(t, "new", `{"type":"boolean","x-name":"new_1"}`),
		`"new_1":{"type":"boolean"}`, "a name of its own is kept")
	_, err := shape(t).Learnt(map[string]jsontext.Value{"odd": jsontext.Value(`[]`)})
	assert.ErrorContains(t, err, `"odd"`)
	_, err = shape(t).Learnt(map[string]jsontext.Value{"odd": jsontext.Value(`{"type":"thing"}`)})
	assert.ErrorContains(t, err, "thing")
}

// Boundary times: those that every loader accepts come out, others are null.
func TestEdgesOfTimes(t *testing.T) {
	isTime := func(text string) bool {
		t.Helper()
		got, s, err := read(t, shape(t), `[{"id":1,"at":"`+text+`"}]`, record.Options{})
		require.NoError(t, err, text)
		assert.Equal(t, record.DateTime, s.Column("at").Shape.Format, "a format never widens")
		_, learnt, err := read(t, shape(t), `[{"id":1,"seen_at":"`+text+`"}]`, record.Options{})
		require.NoError(t, err, text)
		kept := got[0] != `{"id":1,"at":null}`
		assert.Equal(t, kept, learnt.Column("seen_at").Shape.Format == record.DateTime, text)
		return kept
	}
	for _, good := range []string{
		"2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00.0Z", "2026-01-01T00:00:00+00:00",
		"2026-01-01T00:00:00-23:59", "2026-01-01T00:00:00.123+05:30", "2024-02-29T00:00:00Z",
		"2000-02-29T00:00:00Z", "2026-04-30T12:30:30Z", "2026-01-31T00:00:00Z",
	} {
		assert.True(t, isTime(good), good)
	}
	for _, bad := range []string{
		"", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T23:60:00Z", "2026-01-01T23:59:60Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00.5",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00+0000",
		"2026-01-01T00:00:00z", "2026-01-01T00:00:00ZZ", "2026-01-01T00-00:00Z",
		"2026-01-01T00:00-00Z", "2026/01-01T00:00:00Z", "2026-01/01T00:00:00Z",
		"x026-01-01T00:00:00Z",
		"2026-01-01T0x:00:00Z", "2026-01-01T00:00:00*00:00", "2026-01-01T00:00:00+00-00",
	} {
		assert.False(t, isTime(bad), bad)
	}
	for _, year := range []string{"1900", "2000", "2024", "2026"} {
		for month := 1; month <= 12; month++ {
			for day := 28; day <= 32; day++ {
				text := fmt.Sprintf("%s-%02d-%02dT00:00:00Z", year, month, day)
				_, err := time.Parse(time.RFC3339, text)
				assert.Equal(t, err == nil, isTime(text), text)
			}
		}
	}
}

// White space is allowed between tokens, and nesting up to a depth that loaders accept.
func TestEdgesOfStructure(t *testing.T) {
	got, _, err := read(t, shape(t),
		" [ { \"id\" : 1 , \"new\" : { } , \"more\" : [ ] } ,\n{\"id\":2,\"new\":{ \"a\" : [ 1 , 2 ] } } ] ", record.Options{})
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.NotContains(t, got[0]+got[1], "\n")
	nested := func(depth int) string {
		return `[{"id":1,"new":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}]`
	}
	_, _, err = read(t, shape(t), nested(499), record.Options{})
	require.NoError(t, err, "the record itself is one level")
	_, _, err = read(t, shape(t), nested(500), record.Options{})
	assert.ErrorContains(t, err, "nested too deep")
	for _, bad := range []string{
		`[{"id":1,}]`, `[{"id" 1}]`, `[{id:1}]`, `[{"id":1]`, `[{"id":1}`,
		`[{"id":01}]`, `[{"id":1.}]`, `[{"id":1e}]`, `[{"id":-}]`, `[{"id":tru}]`, `[{"id":1}]]`,
		`[{"id":"\u12"}]`, `[{"id":"\x"}]`, "[{\"id\":\"a\x01\"}]",
	} {
		_, _, err := read(t, shape(t), bad, record.Options{})
		var malformed *record.MalformedError
		assert.ErrorAs(t, err, &malformed, bad)
	}
}

// A string ends at its quote, wherever that is and whatever precedes it.
func TestEdgesOfText(t *testing.T) {
	for n := range 40 {
		for _, last := range []string{
			"", "é", `\"`, `\\`, "\u007f", "!", "#", " ", "😀", `\u00e9`,
			`\ud83d\ude00`,
		} {
			text := strings.Repeat("x", n) + last
			got, _, err := read(t, shape(t), `[{"id":1,"new":"`+text+`","z":"é"}]`,
				record.Options{})
			require.NoError(t, err, text)
			assert.Equal(t, `{"id":1,"new":"`+text+`","z":"é"}`, got[0])
		}
		for _, bad := range []string{"\x1f", "\n", "\x00"} {
			_, _, err := read(t, shape(t), `[{"id":1,"new":"`+strings.Repeat("x", n)+bad+`"}]`,
				record.Options{})
			assert.Error(t, err)
		}
		for _, mended := range []string{
			"\xff", `\ud83d`, `\ud83dx`, `\ude00`, `\u0000`,
			`\ud83d\u0041`, `\ud83d\ud83d`,
		} {
			got, _, err := read(t, shape(t),
				`[{"id":1,"new":"`+strings.Repeat("x", n)+mended+`y"}]`, record.Options{})
			require.NoError(t, err, mended)
			assert.Contains(t, got[0], "y\"", mended)
			assert.NotContains(t, got[0], mended+"y")
		}
	}
}

// A row that contains only a message is counted, and adds no column. With other members, it is a
// record without its key.
func TestMessageRows(t *testing.T) {
	for page, columns := range map[string]int{
		`[{"id":1},{"message":"the list goes on"},{"id":2}]`:         0,
		`[{"id":1},{"message":"the list goes on"},{"id":2,"new":1}]`: 1,
	} {
		got, s, err := read(t, shape(t), page, record.Options{})
		require.NoError(t, err)
		assert.Len(t, got, 2)
		assert.Nil(t, s.Column("message"))
		assert.Len(t, s.Columns, len(shape(t).Columns)+columns)
	}
	res, err := record.NewSplitter(shape(t), record.Options{}).
		Split([]byte(`[{"id":1},{"message":"a"},{"message":"b"}]`))
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 2}, []int{len(res.Records), res.Rows, res.Messages})
	for _, page := range []string{
		`[{"message":"a","name":"b"}]`, `[{"name":"b"}]`, `[{}]`,
		`[{"message":"` + strings.Repeat("x", 1<<20) + `"}]`,
	} {
		_, err := record.NewSplitter(shape(t), record.Options{}).Split([]byte(page))
		assert.Error(t, err, page[:min(40, len(page))])
	}
}

// Widening, dropping and adding columns leave the original shape unchanged.
func TestShapesAreImmutable(t *testing.T) {
	s := shape(t)
	before := string(s.AppendSchema(nil))
	wider, columns, err := record.Learn(s,
		[]byte(`[{"id":1,"name":7,"new":{"a":[1]},"tags":[{"v":"x","w":1}]}]`), record.Options{})
	require.NoError(t, err)
	assert.NotEmpty(t, columns)
	assert.NotNil(t, wider.Column("new"))
	more := s.With(record.Column{Name: "more", Shape: &record.Shape{}})
	assert.NotNil(t, more.Column("more"))
	less := s.Remove("name")
	assert.Nil(t, less.Column("name"))
	assert.NotNil(t, less.Column("tags"), "columns behind the one that went are still found")
	assert.Equal(t, before, string(s.AppendSchema(nil)))
}

// Exponents of every form are numbers, and names with escapes match their columns.
func TestEdgesOfNamesAndExponents(t *testing.T) {
	for _, number := range []string{
		"1e9", "1E9", "1e+9", "1e-9", "1e0", "1e19", "0e0", "0.0e9",
		"-1.5E-10",
	} {
		got, s, err := read(t, shape(t), `[{"id":1,"new":`+number+`}]`, record.Options{})
		require.NoError(t, err, number)
		assert.Equal(t, `{"id":1,"new":`+number+`}`, got[0])
		assert.Contains(t, string(s.AppendSchema(nil)), `"new":{"type":["number","null"]}`)
	}
	for _, bad := range []string{"1e", "1e+", "1e-", "1e:", "1e9:", "1.:", "1:", "1e/"} {
		_, _, err := read(t, shape(t), `[{"id":1,"new":`+bad+`}]`, record.Options{})
		assert.Error(t, err, bad)
	}
	before := len(shape(t).Columns)
	for _, name := range []string{`n\u0061me`, `\u006eame`, `nam\u0065`} {
		_, s, err := read(t, shape(t), `[{"id":1,"`+name+`":"x"}]`, record.Options{})
		require.NoError(t, err)
		assert.Len(t, s.Columns, before, "%s is no new column", name)
	}
	got, s, err := read(t, shape(t), `[{"id":1,"größe":1},{"id":2,"gr\u00f6\u00dfe":2}]`,
		record.Options{})
	require.NoError(t, err)
	assert.Len(t, s.Columns, before+1)
	assert.Len(t, got, 2)
}

// What is wrong with a page and where: in known columns, in arrays with a schema, and below a
// column without one.
func TestWhereAPageIsMalformed(t *testing.T) {
	for page, want := range map[string]string{
		``:                                "missing opening bracket at byte 0",
		` {}`:                             "missing opening bracket at byte 1",
		`[1]`:                             "missing record at byte 1",
		`[`:                               "missing record at byte 1",
		`[{"id":1},]`:                     "missing record at byte 10",
		`[{"id":1}`:                       "missing comma or closing bracket at byte 9",
		`[{"id":1}] x`:                    "data after the array at byte 11",
		"[{\"id\":1}]\x00":                "data after the array at byte 10",
		`[{"name":"a"}]`:                  "a record without its key at byte 1",
		`[{"id":1},{"name":"a"}]`:         "a record without its key at byte 10",
		`[{"id":null}]`:                   "a record whose id is null at byte 7",
		`[{"id":1 "name":""}]`:            "missing comma or closing brace at byte 9",
		`[{"id":1,}]`:                     "missing member name at byte 9",
		`[{"id" 1}]`:                      "missing colon at byte 7",
		`[{"id":}]`:                       "invalid value at byte 7",
		`[{"id":tru}]`:                    "invalid value at byte 7",
		`[{"id":-}]`:                      "invalid value at byte 7",
		`[{"id":1.}]`:                     "an incomplete number at byte 9",
		`[{"id":1e+}]`:                    "an incomplete number at byte 10",
		`[{"id":1,"name":"a`:              "an unterminated string at byte 16",
		`[{"id":1,"name":"abcdefghijkl`:   "an unterminated string at byte 16",
		"[{\"id\":1,\"name\":\"a\nb\"}]":  "a control character in a string at byte 18",
		"[{\"id\":1,\"name\":\"\x00\"}]":  "a control character in a string at byte 17",
		`[{"id":1,"name":"\x"}]`:          "an invalid escape at byte 17",
		`[{"id":1,"name":"\u00g0"}]`:      "an invalid escape at byte 17",
		`[{"id":1,"name":"\u00`:           "an invalid escape at byte 17",
		`[{"id":1,"name":"\`:              "an invalid escape at byte 17",
		`[{"id":1,"tags":[{"v":1}}]`:      "missing comma or closing bracket at byte 24",
		`[{"id":1,"tags":[{"v":1]]`:       "missing comma or closing brace at byte 23",
		`[{"id":1,"new":[}]}]`:            "invalid value at byte 16",
		`[{"id":1,"new":[1}]}]`:           "missing comma or closing bracket at byte 17",
		`[{"id":1,"new":{"a":1]}]`:        "missing comma or closing bracket at byte 21",
		`[{"id":1,"new":{"a":[1,{}}]}]`:   "missing comma or closing bracket at byte 25",
		`[{"id":1,"new":{"a":1,}}]`:       "missing member name at byte 22",
		`[{"id":1,"new":{"a":1,"b"}}]`:    "missing colon at byte 25",
		`[{"id":1,"new":{a:1}}]`:          "missing member name at byte 16",
		`[{"id":1,"new":{"a` + "\x01":     "a control character in a string at byte 18",
		`[{"id":1,"new":{"a":"b` + "\x01": "a control character in a string at byte 22",
		`[{"id":1,"new":[1,]}]`:           "invalid value at byte 18",
		`[{"id":1,"new":[nul]}]`:          "invalid value at byte 16",
		`[{"id":1,"new":[fals]}]`:         "invalid value at byte 16",
	} {
		_, err := record.NewSplitter(shape(t), record.Options{}).Split([]byte(page))
		var malformed *record.MalformedError
		if assert.ErrorAs(t, err, &malformed, page) {
			assert.Equal(t, "not a JSON array of records: "+want, err.Error(), page)
		}
	}
}

// Hexadecimal digits of either case are digits, and their neighbours are not.
func TestEdgesOfEscapes(t *testing.T) {
	for _, good := range []string{"0", "9", "a", "f", "A", "F"} {
		_, _, err := read(t, shape(t), `[{"id":1,"name":"\u004`+good+`"}]`, record.Options{})
		assert.NoError(t, err, good)
	}
	for _, bad := range []string{"/", ":", "`", "g", "@", "G", `\"`, " "} {
		_, _, err := read(t, shape(t), `[{"id":1,"name":"\u004`+bad+`"}]`, record.Options{})
		assert.Error(t, err, bad)
	}
	for text, want := range map[string]string{
		`\ud83d\ude00`: `\ud83d\ude00`, `\ud83dx`: `\ufffdx`, `\ude00`: `\ufffd`,
		`\ud83d\u0041`: `\ufffd\u0041`, `\ud83d\ud83d\ude00`: `\ufffd\ud83d\ude00`,
		`\ud7ff\ue000`: `\ud7ff\ue000`, `\udbff\udfff`: `\udbff\udfff`,
		`\udbff\udc00`: `\udbff\udc00`,
		`\udc00`:       `\ufffd`, `\ud83d\`: ``, `\u0000`: `\ufffd`, `\\u0000`: `\\u0000`,
		`\ud83d\n`: `\ufffd\n`,
	} {
		got, _, err := read(t, shape(t), `[{"id":1,"name":"`+text+`"}]`, record.Options{})
		if want == "" {
			assert.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		assert.Equal(t, `{"id":1,"name":"`+want+`"}`, got[0], text)
	}
}

// An integer column takes what fits in 64 bits; all else is a number, which widens it.
func TestIntegersFitIn64Bits(t *testing.T) {
	for number, fits := range map[string]bool{
		"1": true, "9223372036854775807": true, "-9223372036854775808": true,
		"9999999999999999999": false, "-9999999999999999999": false, "10000000000000000000": false,
		"1.0": false, "1E2": false,
	} {
		_, err := record.NewSplitter(shape(t), record.Options{}).
			Split([]byte(`[{"id":` + number + `}]`))
		if fits {
			assert.NoError(t, err, number)
		} else {
			assert.ErrorIs(t, err, record.ErrDrift, number)
		}
	}
}

// Values of another type become null and are named, except for keys; known columns that a record
// repeats count once, the last time.
func TestNulledAndRepeatedColumns(t *testing.T) {
	splitter := record.NewSplitter(shape(t).WithUnknown(record.Drop, false),
		record.Options{NullUnfit: true})
	res, err := splitter.Split([]byte(`[{"id":1,"name":7,"tags":[{"v":"x"},{"v":2}]},{"id":2,"at":[1,{"a":2}]}]`))
	require.NoError(t, err)
	assert.Equal(t, []record.Nulled{{"name", "1", false}, {"tags", "1", false}, {"at", "2", false}},
		res.Nulled)
	assert.Equal(t, `{"id":1,"name":null,"tags":[{"v":null},{"v":2}]}`, string(res.Records[0]))
	assert.Equal(t, `{"id":2,"at":null}`, string(res.Records[1]))
	res, err = splitter.Split([]byte(`[{"id":1,"name":"a"}]`))
	require.NoError(t, err)
	assert.Empty(t, res.Nulled, "of this page")
	_, err = splitter.Split([]byte(`[{"id":"1"}]`))
	assert.ErrorIs(t, err, record.ErrDrift, "a key is never null")
	res, err = splitter.Split([]byte(`[{"id":1,"name":"a","id":2,"name":"b"},{"id":3,"name":"c"}]`))
	require.NoError(t, err)
	assert.Equal(t, `{"id":2,"name":"b"}`, string(res.Records[0]))
	assert.Equal(t, `{"id":3,"name":"c"}`, string(res.Records[1]))
	res, err = splitter.Split([]byte(`[{"id":1,"tags":[{"v":1,"w":2,"v":3},{"v":4},{"v":5}]}]`))
	require.NoError(t, err)
	assert.Equal(t, `{"id":1,"tags":[{"v":3,"w":2},{"v":4},{"v":5}]}`, string(res.Records[0]))
}

// Columns whose names differ only in case come out under different names, in records and in the
// schema, also where their values are changed.
func TestNamesThatDifferInCase(t *testing.T) {
	opts := record.Options{NullUnfit: true}
	got, s, err := read(t, shape(t), `[{"id":1,"Name":"x","name":"y","Tags":{"a":1}}]`, opts)
	require.NoError(t, err)
	renamed := s.Column("Name").Out()
	assert.Regexp(t, `^Name_[0-9a-f]{8}$`, renamed)
	assert.Equal(t, `{"id":1,"`+renamed+`":"x","name":"y","`+s.Column("Tags").Out()+`":{"a":1}}`,
		got[0])
	assert.Contains(t, string(s.AppendSchema(nil)), `"`+renamed+`":{`)

	splitter := record.NewSplitter(s, opts)
	res, err := splitter.Split([]byte(`[{"id":1,"Name":7,"name":8}]`))
	require.NoError(t, err)
	assert.Equal(t, `{"id":1,"`+renamed+`":null,"name":null}`, string(res.Records[0]))

	again, err := shape(t).Learnt(s.Differences(shape(t)))
	require.NoError(t, err)
	assert.Equal(t, renamed, again.Column("Name").Out(), "it keeps its name")
}

// What earlier runs learnt of arrays and objects widens them, too, and nothing else.
func TestLearntMembers(t *testing.T) {
	same := string(shape(t).AppendSchema(nil))
	item := `{"type":["object","null"],"properties":{"v":{"type":["%s","null"]}}}`
	assert.Equal(t, same, learnt(t, "tags",
		`{"type":["array","null"],"items":`+strings.Replace(item, "%s", "integer", 1)+`}`))
	assert.Contains(t, learnt(t, "tags",
		`{"type":["array","null"],"items":`+strings.Replace(item, "%s", "string", 1)+`}`),
		`"v":{"type":["integer","string","null"]}`)
	assert.Contains(t, learnt(t, "tags", `{"type":["array","null"]}`),
		`"tags":{"type":["array","null"]}`,
		"items of any kind")
	assert.Equal(t, same, learnt(t, "tags",
		`{"type":["array","null"],"items":{"type":["object","null"],"properties":{"w":{"type":"string"}}}}`),
		"members that the schema does not have are no part of it")
	assert.Contains(t, learnt(t, "name", `{"type":["number","null"]}`),
		`"name":{"type":["number","string","null"]}`)
	assert.Contains(t, learnt(t, "id", `{"type":["number"]}`), `"id":{"type":"number"}`,
		"a number takes integers")
}

// The schema of a hashed column is that of strings, at every depth that it describes.
func TestSchemasOfTreatedColumns(t *testing.T) {
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},
		"at":{"type":["string","null"],"format":"date-time","description":"A time."},"n":{"type":["number","null"]},
		"o":{"type":["object","null"]},"l":{"type":["array","null"],"items":{"type":["boolean"]}},"any":{}}}`))
	require.NoError(t, err)
	for treatment, want := range map[record.Treatment]string{
		record.Keep: `"at":{"description":"A time.","type":["string","null"],"format":"date-time"},"n":{"type":["number","null"]},` +
			`"o":{"type":["object","null"]},"l":{"type":["array","null"],"items":{"type":"boolean"}},"any":{}`,
		record.Hash: `"at":{"description":"A time. HASHED","type":["string","null"]},"n":{"description":"HASHED","type":["string","null"]},` +
			`"o":{"description":"HASHED","type":["object","null"]},"l":{"description":"HASHED","type":["array","null"],"items":{"type":"string"}},"any":{"description":"HASHED"}`,
		record.Mask: `"at":{"description":"A time. Masked: always null.","type":["string","null"],"format":"date-time"},"n":{"description":"Masked: always null.","type":["number","null"]},` +
			`"o":{"description":"Masked: always null.","type":["object","null"]},"l":{"description":"Masked: always null.","type":["array","null"],"items":{"type":"boolean"}},"any":{"description":"Masked: always null."}`,
		record.Drop: ``,
	} {
		treated := s.Treat(func(path []string, _ *record.Column) (own, below record.Treatment) {
			if path[0] == "id" {
				return record.Keep, record.Keep
			}
			return treatment, treatment
		})
		if want != "" {
			want = "," + want
		}
		want = strings.ReplaceAll(want, "HASHED",
			"Hashed: hex HMAC-SHA256 under privacy_key of lower(trim(x)).")
		assert.Equal(t, `{"type":"object","properties":{"id":{"type":"integer"}`+want+`}}`,
			string(treated.AppendSchema(nil)))
	}
}

// A text that is no date becomes null wherever a schema says date or time, in the column and below
// it, and the page says in which row. The schema stays the same.
func TestFormatsNeverWiden(t *testing.T) {
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},
"on":{"type":["string","null"],"format":"date"},"at":{"type":["string","null"],"format":"date-time"},
"made":{"type":["object","null"],"properties":{"at":{"type":["string","null"],"format":"date-time"}}},
"list":{"type":["array","null"],"items":{"type":["string","null"],"format":"date"}}}}`))
	require.NoError(t, err)
	s.Column("id").Key = true
	before := string(s.AppendSchema(nil))
	for _, opts := range []record.Options{{}, {NullUnfit: true}} {
		splitter := record.NewSplitter(s, opts)
		res, err := splitter.Split([]byte(`[{"on":"12026-01-01","id":7},
{"id":8,"at":"2026-01-01","made":{"at":"2026-01-01T24:00:00Z"}},
{"id":9,"on":"2026-01-01","at":"2026-01-01T00:00:00Z","list":["2026-01-01","0000-00-00"]}]`))
		require.NoError(t, err)
		var got []string
		for _, r := range res.Records {
			got = append(got, string(r))
		}
		assert.Equal(t, []string{
			`{"on":null,"id":7}`, `{"id":8,"at":null,"made":{"at":null}}`,
			`{"id":9,"on":"2026-01-01","at":"2026-01-01T00:00:00Z","list":["2026-01-01",null]}`,
		}, got)
		assert.Equal(t, []record.Nulled{
			{"on", "7", true}, {"at", "8", true}, {"made", "8", true}, {"list", "9", true},
		}, res.Nulled)
		assert.Equal(t, before, string(s.AppendSchema(nil)))
	}
}

// A column of text holds values of every kind, as their JSON, and never widens.
func TestTextHoldsEveryValue(t *testing.T) {
	s := shape(t)
	s.Column("name").Shape = s.Column("name").Shape.AsText()
	before := string(s.AppendSchema(nil))
	got, after, err := read(t, s, `[{"id":1,"name":"a \"b\""},{"id":2,"name":12.50},{"id":3,"name":null},
{"id":4,"name":{ "a" : [ "x\\y", true ], "b": "ä" }},{"id":5,"name":false},{"id":6,"name":[]}]`,
		record.Options{})
	require.NoError(t, err)
	assert.Equal(t, before, string(after.AppendSchema(nil)))
	assert.Contains(t, before, `"name":{"type":["string","null"]}`)
	var texts []any
	for _, r := range got {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(r), &row), r)
		texts = append(texts, row["name"])
	}
	assert.Equal(t, []any{
		`a "b"`, "12.50", nil, `{"a":["x\\y",true],"b":"ä"}`, "false", "[]",
	}, texts)
	wider, err := s.Learnt(map[string]jsontext.Value{
		"name": jsontext.Value(`{"type":["integer","string","null"]}`),
	})
	require.NoError(t, err)
	assert.Equal(t, before, string(wider.AppendSchema(nil)), "whatever earlier runs learnt")
}

// A page is taken if it is JSON, and refused if it is not, whatever byte of a value is missing, too
// many or another one, in a column that nobody knows and in known ones.
func TestOneWrongByteIsNoticed(t *testing.T) {
	const value = `{"a":[1,-2.5e+3,[],{}],"b":{"c":null,"d":[true,false]},"e":"x\"\\\u00e9y", "f" : [ ] }`
	for _, column := range []string{"new", "tags", "name"} {
		before, after := `[{"id":1,"`+column+`":`, `}]`
		for i := range value {
			pages := []string{value[:i] + value[i+1:]}
			for _, c := range "{}[],:\"\\ tfe0-.+x\n" {
				pages = append(pages, value[:i]+string(c)+value[i:], value[:i]+string(c)+value[i+1:])
			}
			for _, page := range pages {
				page = before + page + after
				_, _, err := read(t, shape(t), page, record.Options{})
				assert.Equal(t, json.Valid([]byte(page)), err == nil, "%s: %v", page, err)
			}
		}
	}
}

// A text that has to be cleaned means what it meant, but for what has no meaning: each unpaired
// surrogate is U+FFFD, as encoding/json reads it, and so is NUL.
func TestCleanedTextsMeanTheSame(t *testing.T) {
	parts := []string{
		`a`, `\\`, `\"`, `\n0000`, `\\u0000`, `\u0041`, `\u00e9`, `\ud7ff`, `\ud800`, `\udbff`, `\udc00`,
		`\udfff`, `\ue000`, `\uFFFF`, `\u0001`, `0000`, `u`,
	}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				text := a + b + c
				got, _, err := read(t, shape(t), `[{"id":1,"name":"\u0000`+text+`"}]`, record.Options{})
				require.NoError(t, err, text)
				var cleaned struct{ Name string }
				require.NoError(t, json.Unmarshal([]byte(got[0]), &cleaned), text)
				var want string
				require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &want))
				require.Equal(t, "\ufffd"+want, cleaned.Name, text)
				require.True(t, jsontext.Value(got[0]).IsValid(), "%s: it has no unpaired surrogate", text)
			}
		}
	}
}
