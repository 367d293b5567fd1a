package airbyte

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Voice says what happened in Airbyte messages.
type Voice struct{}

// Frame makes a RECORD message of each record.
func (*Voice) Frame(q *tap.Query, _ int64, at time.Time) (prefix, suffix []byte) {
	prefix = append(prefix, `{"type":"RECORD","record":{"stream":"`...)
	prefix = append(prefix, q.Stream.Name...)
	prefix = append(prefix, `","data":`...)
	suffix = append(suffix, `,"emitted_at":`...)
	suffix = strconv.AppendInt(suffix, at.UnixMilli(), 10)
	suffix = append(suffix, "}}\n"...)
	return prefix, suffix
}

// DeletedAt is the column with the time at which a row was found gone: destinations use it to
// delete the row.
const DeletedAt = "_ab_cdc_deleted_at"

// Append appends the messages of an event. There is none for a schema: the platform accepts columns
// that the catalog lacks.
func (*Voice) Append(dst []byte, e tap.Event) []byte {
	switch e := e.(type) {
	case tap.Started:
		return appendStreamStatus(dst, e.Stream, "STARTED")
	case tap.Running:
		return appendStreamStatus(dst, e.Stream, "RUNNING")
	case tap.Waiting:
		limited := reason{
			Type: "RATE_LIMITED", RateLimited: rateLimited{QuotaReset: e.Until.UnixMilli()},
		}
		for _, s := range e.Streams {
			dst = appendStreamStatus(dst, s, "RUNNING", limited)
		}
	case tap.Estimate:
		t := newTrace("ESTIMATE")
		t.Estimate = &estimate{Name: e.Stream.Name, Type: "STREAM", RowEstimate: e.Records}
		return appendMessage(dst, message{Type: "TRACE", Trace: t})
	case tap.Deleted:
		return appendDeleted(dst, e)
	case tap.Saved:
		return appendStates(dst, e)
	case tap.Ended:
		return appendEnded(dst, e)
	case tap.Schema: // the platform has it from the catalog
	}
	return dst
}

// appendDeleted makes a RECORD of each deleted row, with its key, the bookmark column and the time.
// Without the time, whose column the catalog may lack, it would be a row that only lost its other
// columns.
func appendDeleted(dst []byte, e tap.Deleted) []byte {
	if e.Query.LeavesOut(DeletedAt) {
		return dst
	}
	s, bookmark := e.Query.Stream, ""
	if s.Bookmark != "" {
		bookmark = fmt.Sprintf("%q:%q,", s.Bookmark, tap.FormatTime(e.At))
	}
	for _, id := range e.IDs {
		dst = fmt.Appendf(dst, `{"type":"RECORD","record":{"stream":%q,"data":{%q:%d,%s%q:%q},"emitted_at":%d}}`+"\n",
			s.Name, s.Key[0], id, bookmark, DeletedAt, tap.FormatTime(e.At), e.At.UnixMilli())
	}
	return dst
}

// notOfOneStream are kinds of errors that are reported once, by the caller that ends the run.
var notOfOneStream = []tap.Kind{
	tap.BadInput, tap.Credentials, tap.SignIn, tap.Rights, tap.Unreachable, tap.Interrupted,
	tap.LoaderGone,
}

// appendEnded makes the stream status COMPLETE, or an error and INCOMPLETE.
func appendEnded(dst []byte, e tap.Ended) []byte {
	if e.Err == nil {
		return appendStreamStatus(dst, e.Stream, "COMPLETE")
	}
	if !slices.Contains(notOfOneStream, tap.KindOf(e.Err)) {
		t := newTrace("ERROR")
		t.Error = toError(e.Err)
		t.Error.Descriptor = &descriptor{Name: e.Stream.Name}
		dst = appendMessage(dst, message{Type: "TRACE", Trace: t})
	}
	return appendStreamStatus(dst, e.Stream, "INCOMPLETE")
}

// appendStates makes a STATE message for each stream of which something was written.
func appendStates(dst []byte, e tap.Saved) []byte {
	for _, w := range e.Since {
		if w.Ended {
			continue // nothing may follow the end of a stream; the next run handles it
		}
		dst = appendMessage(dst, message{Type: "STATE", State: &stateMessage{
			Type: "STREAM",
			Stream: streamState{
				Descriptor: descriptor{Name: w.Stream.Name},
				State:      toState(e.State.Of(w.Stream.Name), e.State.Organization),
			},
			SourceStats: stats{RecordCount: float64(w.Records)},
		}})
	}
	return dst
}

func appendStreamStatus(dst []byte, s *tap.Stream, status string, reasons ...reason) []byte {
	t := newTrace("STREAM_STATUS")
	t.StreamStatus = &streamStatus{
		Descriptor: descriptor{Name: s.Name}, Status: status, Reasons: reasons,
	}
	return appendMessage(dst, message{Type: "TRACE", Trace: t})
}
