package record

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Tolerant are the options that read a row of the API into a struct: a member of another type than
// its field is left out. Answers do not wait for the published schema, and one odd member says
// nothing about the others. What is wrong with a page is found elsewhere.
var Tolerant = json.JoinOptions(
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		only[string](`"`), only[bool]("tf"), only[*bool]("tfn"))),
)

// only leaves out values of other kinds than those given.
func only[T any](kinds string) *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, _ *T) error {
		if strings.IndexByte(kinds, byte(dec.PeekKind())) < 0 {
			return dec.SkipValue()
		}
		return errors.ErrUnsupported // read as usual
	})
}
