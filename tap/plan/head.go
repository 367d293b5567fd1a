package plan

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// HeadOf reads the first page of a list; made is the column that holds when a row was made, and
// changed when it last changed, empty if it has none. more reports whether another page follows. A
// page that is not whole is a [record.MalformedError].
func HeadOf(page []byte, made, changed string, more bool) (Head, error) {
	var rows []map[string]jsontext.Value
	if err := json.Unmarshal(page, &rows, jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true)); err != nil {
		return Head{}, &record.MalformedError{What: "an unreadable value"}
	}
	h := Head{Rows: len(rows), More: more}
	for _, row := range rows {
		if t, ok := timeOf(row[made]); ok {
			h.Times = append(h.Times, t)
		}
		if t, ok := timeOf(row[changed]); ok {
			h.Changed = append(h.Changed, t)
		}
	}
	slices.SortFunc(h.Times, func(a, b time.Time) int { return b.Compare(a) })
	return h, nil
}

func timeOf(value jsontext.Value) (time.Time, bool) {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UTC(), err == nil
}
