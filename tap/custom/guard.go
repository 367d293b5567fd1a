package custom

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// guard returns a transformation for pages of which the single column with custom fields is hashed:
// fields with few values, by the type that stands beside them, become null before that. It returns
// nil if nothing is hashed.
func guard(s *tap.Stream, shape *record.Shape) func(dst, page []byte) ([]byte, error) {
	column := shape.Column(s.CustomFields.Column)
	if column == nil || column.Treatment != record.Hash && column.Shape.Unknown != record.Hash {
		return nil
	}
	return func(dst, page []byte) ([]byte, error) {
		return eachRow(dst, page, func(dst []byte, row jsontext.Value) ([]byte, error) {
			out := newObject(dst)
			err := eachMember(row, func(name string, value jsontext.Value) {
				if name == column.Name && value.Kind() == '{' {
					value = withoutGuessable(s, value)
				}
				out.member(name, value)
			})
			return out.close(), err
		})
	}
}

// withoutGuessable returns the custom fields without values that a hash would not hide.
func withoutGuessable(s *tap.Stream, fields jsontext.Value) jsontext.Value {
	out := newObject(nil)
	err := eachMember(fields, func(key string, field jsontext.Value) {
		var f struct {
			Type string `json:"type"`
		}
		err := json.Unmarshal(field, &f, record.Tolerant)
		if err != nil || f.Type == "" || privacy.Guessable(classOf(f.Type, s)) {
			field = jsontext.Value("null") // without its type, a field may hold anything
		}
		out.member(key, field)
	})
	if err != nil {
		return jsontext.Value("null")
	}
	return out.close()
}
