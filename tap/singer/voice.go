package singer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Voice says what happened in Singer messages.
type Voice struct {
	state stateCache
}

// Frame makes a RECORD message of each record.
func (*Voice) Frame(sel *tap.Selection, at time.Time) (prefix, suffix []byte) {
	prefix = append(prefix, `{"type":"RECORD","stream":"`...)
	prefix = append(prefix, sel.Stream.Name...)
	prefix = append(prefix, `","record":`...)
	suffix = append(suffix, `,"time_extracted":"`...)
	suffix = append(suffix, tap.FormatTime(at)...)
	suffix = append(suffix, '"')
	if sel.Version != 0 {
		suffix = append(suffix, `,"version":`...)
		suffix = strconv.AppendInt(suffix, sel.Version, 10)
	}
	suffix = append(suffix, "}\n"...)
	return prefix, suffix
}

// DeletedAt is the column with the time at which a row was found gone.
const DeletedAt = "_sdc_deleted_at"

// Gone makes a RECORD of each deleted row, with only its key and a version lower by one, and then
// ACTIVATE_VERSION: each of the two families of loaders acts on one of them. The time comes with the
// key unless the catalog deselects its column.
func (*Voice) Gone(dst []byte, sel *tap.Selection, ids []int64, at time.Time) []byte {
	mark := fmt.Sprintf(",%q:%q", DeletedAt, tap.FormatTime(at))
	if sel.LeavesOut(DeletedAt) {
		mark = ""
	}
	for _, id := range ids {
		dst = fmt.Appendf(dst, `{"type":"RECORD","stream":%q,"record":{%q:%d%s},"time_extracted":%q,"version":%d}`+"\n",
			sel.Stream.Name, sel.Stream.Key[0], id, mark, tap.FormatTime(at), sel.Version-1)
	}
	return fmt.Appendf(dst, `{"type":"ACTIVATE_VERSION","stream":%q,"version":%d}`+"\n",
		sel.Stream.Name, sel.Version)
}

// Schema makes a SCHEMA message.
func (*Voice) Schema(dst []byte, sel *tap.Selection, shape *record.Shape) []byte {
	dst = append(dst, `{"type":"SCHEMA","stream":"`...)
	dst = append(dst, sel.Stream.Name...)
	dst = append(dst, `","schema":`...)
	dst = shape.AppendSchema(dst)
	dst = append(dst, `,"key_properties":`...)
	dst = appendJSON(dst, sel.Stream.Key)
	if sel.Stream.Bookmark != "" {
		dst = append(dst, `,"bookmark_properties":`...)
		dst = appendJSON(dst, []string{sel.Stream.Bookmark})
	}
	return append(dst, "}\n"...)
}

// State makes a STATE message with the bookmarks of all streams.
func (v *Voice) State(dst []byte, st *tap.State, since []tap.Written) []byte {
	for _, w := range since {
		v.state.forget(w.Stream.Name)
	}
	dst = append(dst, `{"type":"STATE","value":`...)
	dst = v.state.append(dst, st)
	return append(dst, "}\n"...)
}

// Started has no message in Singer.
func (*Voice) Started(dst []byte, _ *tap.Stream) []byte { return dst }

// Estimate has no message in Singer.
func (*Voice) Estimate(dst []byte, _ *tap.Stream, _ int64) []byte { return dst }

// Running has no message in Singer.
func (*Voice) Running(dst []byte, _ *tap.Stream) []byte { return dst }

// Waiting has no message in Singer.
func (*Voice) Waiting(dst []byte, _ []*tap.Stream, _ time.Time) []byte { return dst }

// Ended has no message in Singer.
func (*Voice) Ended(dst []byte, _ *tap.Stream, _ error) []byte { return dst }

// appendJSON appends a value that has a JSON form.
func appendJSON(dst []byte, v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // only types of this package are passed
	}
	return append(dst, out...)
}
