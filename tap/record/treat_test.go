package record_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

var treatKey = []byte("sixteen bytes or more")

// treatShape hashes a string, a number, an array, an object and a member of an array's items, and
// masks or drops others.
func treatShape(t testing.TB) *record.Shape {
	t.Helper()
	s, err := record.ParseShape([]byte(`{"type":"object","properties":{"id":{"type":"integer"},"text":{"type":["string","null"]},"number":{"type":["number","null"]},
		"list":{"type":["array","null"],"items":{"type":["string","null"]}},"open":{"type":["object","null"]},"mask":{"type":["string","null"]},"drop":{"type":["string","null"]},
		"tags":{"type":["array","null"],"items":{"type":["object","null"],"properties":{"v":{"type":["string","null"]},"kind":{"type":["string","null"]}}}},"plain":{}}}`))
	require.NoError(t, err)
	s.Column("id").Key = true
	treatments := map[string]record.Treatment{
		"text": record.Hash, "number": record.Hash, "list": record.Hash, "open": record.Hash,
		"mask": record.Mask, "drop": record.Drop, "tags.v": record.Hash,
	}
	return s.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
		return treatments[strings.Join(path, ".")], record.Drop
	})
}

func reference(text string) string {
	mac := hmac.New(sha256.New, treatKey)
	mac.Write([]byte(strings.ToLower(strings.TrimSpace(text))))
	return hex.EncodeToString(mac.Sum(nil))
}

// treated applies the policy of treatShape to a decoded row.
func treated(row map[string]any) map[string]any {
	var hash func(v any) any
	hash = func(v any) any {
		switch v := v.(type) {
		case string:
			if v == "" {
				return v
			}
			return reference(v)
		case json.Number:
			return reference(v.String())
		case bool:
			return nil
		case []any:
			for i := range v {
				v[i] = hash(v[i])
			}
			return v
		case map[string]any:
			for k := range v {
				v[k] = hash(v[k])
			}
			return v
		}
		return v
	}
	container := func(v any) bool {
		switch v.(type) {
		case []any, map[string]any:
			return true
		}
		return false
	}
	out := map[string]any{}
	for k, v := range row {
		switch k {
		case "text", "number":
			if container(v) {
				v = nil
			}
			v = hash(v)
		case "list":
			list, ok := v.([]any)
			if !ok {
				v = nil
				break
			}
			for i := range list {
				if container(list[i]) {
					list[i] = nil
				}
			}
			v = hash(v)
		case "open":
			if _, ok := v.(map[string]any); !ok {
				v = nil
			}
			v = hash(v)
		case "mask":
			v = nil
		case "drop":
			continue
		case "tags":
			list, ok := v.([]any)
			if !ok {
				v = nil // a list with treated members: what does not fit is null
			}
			for i, item := range list {
				tag, ok := item.(map[string]any)
				if !ok {
					list[i] = nil
					continue
				}
				for name := range tag {
					switch {
					case name == "v" && container(tag[name]):
						tag[name] = nil
					case name == "v":
						tag[name] = hash(tag[name])
					case name == "kind":
						if _, ok := tag[name].(string); !ok {
							tag[name] = nil
						}
					default:
						delete(tag, name)
					}
				}
			}
		case "id", "plain":
		default:
			continue // unknown
		}
		out[k] = v
	}
	return out
}

// FuzzTreat compares the treatment of a page's bytes with decoding it, treating it and encoding it.
// It skips pages with values that do not fit a kept column, which would be widened.
func FuzzTreat(f *testing.F) {
	for _, seed := range []string{
		`[{"id":1,"text":" Ann@Example.COM ","number":12.50,"list":["a",1,null,true],"open":{"a":{"b":["x"]}},"mask":"m","drop":"d","tags":[{"v":"x","kind":"k","w":1}],"new":1}]`,
		`[{"id":1,"text":"\u00c4\ud83d\ude00 \"q\"","open":{},"list":[],"tags":null}]`,
		`[{"id":1,"text":{"a":1},"list":"x","number":[1],"open":"x"}]`,
		"[{\"drop\":1 , \"id\":2,\n\"text\":\"\"}]",
		`[{"id":1,"tags":"x"},{"id":1,"tags":["x",{"v":{},"kind":1},{"kind":{"v":1}}]}]`,
		`[{"id":1,"text":1e400,"number":-0.0E+5,"open":{"a":"a","a":"b"}}]`,
		"[{\"id\":1,\"text\":\"a\xdd\xddb\"}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		// A run of invalid bytes is one replacement character here, but one per byte in
		// encoding/json.
		dec := json.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(page, []byte("\ufffd"))))
		dec.UseNumber()
		var rows []map[string]any
		if dec.Decode(&rows) != nil || bytes.Contains(page, []byte(`\u0000`)) ||
			bytes.Contains(page, []byte("\ufffd")) {
			return
		}
		splitter := record.NewSplitter(treatShape(t).WithUnknown(record.Drop, false),
			record.Options{Key: treatKey})
		res, err := splitter.Split(bytes.Clone(page))
		if err != nil {
			return // not a page, or one that widens a kept column
		}
		require.Len(t, res.Records, len(rows))
		for i, r := range res.Records {
			require.True(t, json.Valid(r), "%s", r)
			var have map[string]any
			got := json.NewDecoder(bytes.NewReader(r))
			got.UseNumber()
			require.NoError(t, got.Decode(&have), "%s", r)
			want := treated(rows[i])
			wanted, err := json.Marshal(want)
			require.NoError(t, err)
			found, err := json.Marshal(have)
			require.NoError(t, err)
			require.Equal(t, string(wanted), string(found), "%s", page)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	page := fullPage()
	s, _, err := record.Learn(shape(b), page, record.Options{})
	require.NoError(b, err)
	s = s.Treat(func(path []string, _ *record.Column) (own, unknown record.Treatment) {
		if path[0] == "name" {
			return record.Hash, record.Keep
		}
		return record.Keep, record.Keep
	})
	splitter := record.NewSplitter(s, record.Options{Key: treatKey})
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := splitter.Split(page); err != nil {
			b.Fatal(err)
		}
	}
}
