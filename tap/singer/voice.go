package singer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Voice says what happened in Singer messages.
type Voice struct {
	state stateCache
}

// Frame makes a RECORD message of each record.
func (*Voice) Frame(
	q *tap.Query, version int64, at time.Time,
) (prefix, suffix []byte) {
	prefix = append(prefix, `{"type":"RECORD","stream":"`...)
	prefix = append(prefix, q.Stream.Name...)
	prefix = append(prefix, `","record":`...)
	suffix = append(suffix, `,"time_extracted":"`...)
	suffix = append(suffix, tap.FormatTime(at)...)
	suffix = append(suffix, '"')
	if version != 0 {
		suffix = append(suffix, `,"version":`...)
		suffix = strconv.AppendInt(suffix, version, 10)
	}
	suffix = append(suffix, "}\n"...)
	return prefix, suffix
}

// DeletedAt is the column with the time at which a row was found gone.
const DeletedAt = "_sdc_deleted_at"

// Append appends the message of an event. Singer has one for schemas, deleted rows and states.
func (v *Voice) Append(dst []byte, e tap.Event) []byte {
	switch e := e.(type) {
	case tap.Schema:
		return appendSchema(dst, e)
	case tap.Deleted:
		return appendDeleted(dst, e)
	case tap.Saved:
		for _, w := range e.Since {
			v.state.forget(w.Stream.Name)
		}
		dst = append(dst, `{"type":"STATE","value":`...)
		dst = v.state.append(dst, e.State)
		return append(dst, "}\n"...)
	case tap.Started, tap.Running, tap.Estimate, tap.Waiting, tap.Ended: // it has no message for these
	}
	return dst
}

// appendDeleted makes a RECORD of each deleted row, with only its key and a version lower by one,
// and then ACTIVATE_VERSION: each of the two families of loaders acts on one of them. The time
// comes with the key unless the catalog deselects its column.
func appendDeleted(dst []byte, e tap.Deleted) []byte {
	s, deletedAt := e.Query.Stream, fmt.Sprintf(",%q:%q", DeletedAt, tap.FormatTime(e.At))
	if e.Query.LeavesOut(DeletedAt) {
		deletedAt = ""
	}
	for _, id := range e.IDs {
		dst = fmt.Appendf(dst, `{"type":"RECORD","stream":%q,"record":{%q:%d%s},"time_extracted":%q,"version":%d}`+"\n",
			s.Name, s.Key[0], id, deletedAt, tap.FormatTime(e.At), e.Version-1)
	}
	return fmt.Appendf(dst, `{"type":"ACTIVATE_VERSION","stream":%q,"version":%d}`+"\n", s.Name,
		e.Version)
}

func appendSchema(dst []byte, e tap.Schema) []byte {
	s := e.Query.Stream
	dst = append(dst, `{"type":"SCHEMA","stream":"`...)
	dst = append(dst, s.Name...)
	dst = append(dst, `","schema":`...)
	dst = e.Shape.AppendSchema(dst)
	dst = append(dst, `,"key_properties":`...)
	dst = appendJSON(dst, s.Key)
	if s.Bookmark != "" {
		dst = append(dst, `,"bookmark_properties":`...)
		dst = appendJSON(dst, []string{s.Bookmark})
	}
	return append(dst, "}\n"...)
}

// appendJSON appends a value that has a JSON form.
func appendJSON(dst []byte, v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // only types of this package are passed
	}
	return append(dst, out...)
}
