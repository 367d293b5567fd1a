package record_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

const schema = `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["string","null"]},
"at":{"type":["string","null"],"format":"date-time"},"tags":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"v":{"type":["integer","null"]}}}}}}`

func shape(t testing.TB) *record.Shape {
	t.Helper()
	s, err := record.ParseShape([]byte(schema))
	require.NoError(t, err)
	s.Column("id").Key = true
	return s
}

// read reads a page, learns like the engine does, and returns its records and the final shape.
func read(
	t testing.TB, s *record.Shape, page string, opts record.Options,
) ([]string, *record.Shape, error) {
	t.Helper()
	splitter := record.NewSplitter(s, opts)
	for range 3 {
		res, err := splitter.Split([]byte(page))
		if err == record.ErrDrift { //nolint:errorlint // it comes as it is
			s, _, err = record.Learn(s, splitter.Page(), opts)
			require.NoError(t, err)
			splitter.Use(s)
			continue
		}
		var out []string
		for _, r := range res.Records {
			out = append(out, string(r))
		}
		return out, s, err
	}
	require.Fail(t, "the shape is never wide enough")
	return nil, nil, nil
}

func TestMalformedPages(t *testing.T) {
	for _, page := range []string{
		"", " ", "{}", "null", "[", "[{]", `[{"id":1}`, `[{"id":1},]`, `[{"id":1}] x`,
		`[{"id":1}][]`, `[1]`, `[{"id":1,}]`, `[{"id":01}]`, `[{"id":1.}]`,
		`[{"id":1e}]`, `[{"id":-}]`, `[{"id":1,"name":"a` + "\n" + `"}]`, `[{"id":1,"name":"\x"}]`,
		`[{"id":1,"name":"\u12g4"}]`, `[{"id":1 "name":""}]`,
		`[{"id":null}]`, `[{"name":"no key"}]`, `[{"id":1,"name":tru}]`,
		`[{"id":1,"x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}]`,
		"[{\"id\":1}]\x00", `[{"id":1,"name":"`,
	} {
		_, _, err := read(t, shape(t), page, record.Options{})
		var malformed *record.MalformedError
		assert.ErrorAs(t, err, &malformed, page)
	}
}

func TestRecordsAreValidAndOnOneLine(t *testing.T) {
	for page, want := range map[string][]string{
		`[]`:                   nil,
		" [ ] \n":              nil,
		`[{"id":1}, {"id":2}]`: {`{"id":1}`, `{"id":2}`},
		"[\n{\n\"id\" : 1,\r\n\"name\":\"a b\"}]": {`{"id":1,"name":"a b"}`},
		"[{\"id\":1,\"name\":\"\xff\xfe\"}]":      {`{"id":1,"name":"` + "\uFFFD" + `"}`},
		`[{"id":1,"name":"\ud83d"}]`:              {`{"id":1,"name":"\ufffd"}`},
		`[{"id":1,"name":"\ud83d\ude00"}]`:        {`{"id":1,"name":"\ud83d\ude00"}`},
		`[{"id":1,"name":"a","name":"b"}]`:        {`{"id":1,"name":"b"}`},
		`[{"id":1,"name":"a\u0000b"}]`:            {`{"id":1,"name":"a\ufffdb"}`},
		`[{"message":"no row"},{"id":1}]`:         {`{"id":1}`},
		`[{"\u0069d":1}]`:                         {`{"\u0069d":1}`},
	} {
		got, _, err := read(t, shape(t), page, record.Options{})
		require.NoError(t, err, page)
		assert.Equal(t, want, got, page)
	}
}

func TestDriftWidensTheShape(t *testing.T) {
	for page, want := range map[string]string{
		`[{"id":1,"name":5}]`:                                                   `"name":{"type":["integer","string","null"]}`,
		`[{"id":1,"seen_at":"2026-01-01T00:00:00Z"}]`:                           `"seen_at":{"type":["string","null"],"format":"date-time"}`,
		`[{"id":1,"seen_at":"2026-01-01T00:00:00Z"},{"id":2,"seen_at":"soon"}]`: `"seen_at":{"type":["string","null"]}`,
		`[{"id":1,"seen_at":"2026-01-01T00:00:00Z"},{"id":2,"seen_at":[1]}]`:    `"seen_at":{"type":["string","array","null"],"items":{"type":["integer","null"]}}`,
		`[{"id":1,"seen_at":[1]},{"id":2,"seen_at":[]},{"id":3,"seen_at":[2]}]`: `"seen_at":{"type":["array","null"],"items":{"type":["integer","null"]}}`,
		`[{"id":1,"new":[[1]]},{"id":2,"new":[["a"],[null]]}]`:                  `"new":{"type":["array","null"],"items":{"type":["array","null"],"items":{"type":["integer","string","null"]}}}`,
		`[{"id":1,"new":"2026-01-01T00:00:00Z"}]`:                               `"new":{"type":["string","null"]}`,
		`[{"id":1,"new":null}]`:                                                 `"new":{"type":["string","null"]}`,
		`[{"id":1,"new":1},{"id":2,"new":1.5}]`:                                 `"new":{"type":["number","null"]}`,
		`[{"id":1,"new":99999999999999999999}]`:                                 `"new":{"type":["number","null"]}`,
		`[{"id":1,"new":[1,"a"]}]`:                                              `"new":{"type":["array","null"],"items":{"type":["integer","string","null"]}}`,
		`[{"id":1,"new":{"a":1}}]`:                                              `"new":{"type":["object","null"]}`,
		`[{"id":1,"tags":[{"v":"x"}]}]`:                                         `"v":{"type":["integer","string","null"]}`,
		`[{"id":"a"}]`:                                                          `"id":{"type":["integer","string"]}`,
		`[{"id":99999999999999999999999}]`:                                      `"id":{"type":"number"}`,
		`[{"id":1,"new":true},{"id":2,"new":null}]`:                             `"new":{"type":["boolean","null"]}`,
		"[{\"id\":1,\"n\xff\xfe\":1}]": `"n` + "\uFFFD" +
			`":{"type":["integer","null"]}`,
		`[{"id":1,"Name":1}]`: `"Name_dcd1d522":{"type":["integer","null"]}`,
	} {
		records, s, err := read(t, shape(t), page, record.Options{})
		require.NoError(t, err, page)
		wider := string(s.AppendSchema(nil))
		assert.Contains(t, wider, want, page)
		compiled, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(wider))
		require.NoError(t, err)
		for _, r := range records {
			result, err := compiled.Validate(gojsonschema.NewStringLoader(r))
			require.NoError(t, err)
			assert.Empty(t, result.Errors(), page)
		}
		again, err := shape(t).Learnt(s.Differences(shape(t)))
		require.NoError(t, err)
		assert.JSONEq(t, wider, string(again.AppendSchema(nil)), "what was learnt is kept")
	}
}

func without(s *record.Shape, drop func(path []string) bool) *record.Shape {
	return s.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
		if drop(path) {
			return record.Drop, record.Keep
		}
		return record.Keep, record.Keep
	})
}

func TestDroppedColumns(t *testing.T) {
	for page, want := range map[string]string{
		`[{"id":1,"name":"a","at":null,"tags":[]}]`:       `{"id":1,"at":null,"tags":[]}`,
		`[{"name":"a","id":1}]`:                           `{"id":1}`,
		`[{"name":"a", "name":"b", "id":1, "x":2}]`:       `{"id":1}`,
		`[{"id":1,"tags":[{"v":1,"w":2},{"w":3,"v":4}]}]`: `{"id":1,"tags":[{"w":2},{"w":3}]}`,
		`[{"id":1,"tags":[{"v":1}],"name":"z"}]`:          `{"id":1,"tags":[{}]}`,
	} {
		s := without(shape(t), func(path []string) bool {
			return path[0] == "name" ||
				len(path) == 2 && path[1] == "v"
		})
		got, _, err := read(t, s.WithUnknown(record.Drop, false), page, record.Options{})
		require.NoError(t, err)
		assert.Equal(t, []string{want}, got, page)
	}
}

func TestSplittingHardlyAllocates(t *testing.T) {
	page := []byte("[" + strings.Repeat(`{"id":1,"name":"a name","at":"2026-01-01T00:00:00.000Z","tags":[{"v":1}]},`, 499) + `{"id":2}]`)
	page = slices.Grow(page, record.Padding)
	splitter := record.NewSplitter(shape(t), record.Options{})
	allocs := testing.AllocsPerRun(20, func() {
		if _, err := splitter.Split(page); err != nil {
			t.Fatal(err)
		}
	})
	assert.LessOrEqual(t, allocs, 5.0, "for a page of 500 records")
}

// FuzzSplit compares the splitter with encoding/json: it accepts the same arrays of objects with
// keys, and its records have the same values.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"id":1,"name":"x"}]`,
		`[{"id":1,"at":"2026-01-01T00:00:00Z"},{"id":2,"tags":[{"v":null}]}]`,
		"[{\"id\":1,\n\"new\":[1.5e3,\"\\ud800\"]}]", `[{"name":"\"\\","id":-0}]`, `{"id":1}`,
		`[{"id":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		if !bytes.Equal(bytes.ToLower(page), page) {
			return // columns that differ only in case get their own names
		}
		if bytes.Count(page, []byte("[")) > 200 || bytes.Count(page, []byte("{")) > 200 {
			return // deep nesting is handled differently
		}
		var rows []map[string]json.RawMessage
		std := json.Unmarshal(page, &rows)
		for _, r := range rows {
			id := r["id"]
			if r == nil || id == nil || string(id) == "null" {
				return
			}
		}
		records, _, err := read(t, shape(t), string(page), record.Options{})
		if std != nil || rows == nil {
			//nolint:errorlint // it comes as it is
			if _, typed := std.(*json.UnmarshalTypeError); std == nil || typed {
				return
			}
			require.Error(t, err, "%q", page)
			return
		}
		if bytes.Contains(page, []byte(`"id"`)) &&
			bytes.Contains(bytes.ToLower(page), []byte("null")) {
			return // a key that appears twice, once null
		}
		require.NoError(t, err, "%q", page)
		require.Len(t, records, len(rows))
		for i, r := range records {
			require.True(t, utf8.ValidString(r))
			require.NotContains(t, r, "\n")
			var got, want any
			require.NoError(t, json.Unmarshal([]byte(r), &got))
			whole, err := json.Marshal(rows[i])
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(whole, &want))
			require.Equal(t, want, got)
		}
	})
}

// fullPage returns a page of 500 realistic records: short and long texts, in many scripts, with
// escapes.
func fullPage() []byte {
	notes := []string{
		`Sehr überzeugend im Gespräch; Gehaltswunsch offen.\nZweite Runde vereinbaren.`,
		`Strong on systems, \"sceptical\" of hype — hire!\nSee <a href=\"https://example.com/a?b=c&d=e\">the notes</a>.`,
		`とても良い面接でした。次のステップへ進めてください。`,
		`Plain words, nothing more, but quite a few of them, as people write when they are in no hurry.`,
	}
	page := []byte("[")
	for i := range 500 {
		page = fmt.Appendf(page, `{"id":%d,"created_at":"2026-01-01T00:00:00.000Z","name":"Zoë O’Brien","at":"2026-01-01T00:00:00.000Z","title":"Staff Engineer",`+
			`"note":"%s\n%s","private":false,"count":%d,"nothing":null,"tags":[{"v":1},{"v":2}]},`,
			1000123+i, notes[i%4], notes[i/4%4], i)
	}
	page[len(page)-1] = ']'
	return slices.Grow(page, record.Padding)
}

func benchmarkSplit(b *testing.B, choose func(*record.Shape) *record.Shape) {
	page := fullPage()
	s, _, err := record.Learn(shape(b), page, record.Options{})
	require.NoError(b, err)
	splitter := record.NewSplitter(choose(s), record.Options{})
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := splitter.Split(page); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	benchmarkSplit(b, func(s *record.Shape) *record.Shape { return s })
}

// BenchmarkJsontext splits the same page with jsontext, without checks, for comparison.
func BenchmarkJsontext(b *testing.B) {
	page := fullPage()
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		dec := jsontext.NewDecoder(bytes.NewReader(page), jsontext.AllowDuplicateNames(true))
		_, err := dec.ReadToken()
		for err == nil && dec.PeekKind() == '{' {
			_, err = dec.ReadValue()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSelect drops a column, and a nested one.
func BenchmarkSelect(b *testing.B) {
	benchmarkSplit(b, func(s *record.Shape) *record.Shape {
		return without(s, func(path []string) bool {
			name := strings.Join(path, ".")
			return name == "name" || name == "tags.v"
		})
	})
}

// BenchmarkWiden learns the one new column of a page.
func BenchmarkWiden(b *testing.B) {
	page := fullPage()
	s := shape(b)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := record.Learn(s, page, record.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
