package plan

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// HeadOf reads the first page of a list; column is the one that holds when a row was made, empty if
// it has none. more reports whether another page follows. A page that is not whole is a
// [record.MalformedError].
func HeadOf(page []byte, column string, more bool) (Head, error) {
	var rows []map[string]jsontext.Value
	if err := json.Unmarshal(page, &rows, jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true)); err != nil {
		return Head{}, &record.MalformedError{What: "an unreadable value"}
	}
	h := Head{Rows: len(rows), More: more}
	for _, row := range rows {
		var text string
		if json.Unmarshal(row[column], &text) != nil {
			continue
		}
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			h.Times = append(h.Times, t.UTC())
		}
	}
	slices.SortFunc(h.Times, func(a, b time.Time) int { return b.Compare(a) })
	return h, nil
}
