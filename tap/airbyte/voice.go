package airbyte

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Voice says what happened in Airbyte messages.
type Voice struct{}

// Frame makes a RECORD message of each record.
func (*Voice) Frame(sel *tap.Selection, at time.Time) (prefix, suffix []byte) {
	prefix = append(prefix, `{"type":"RECORD","record":{"stream":"`...)
	prefix = append(prefix, sel.Stream.Name...)
	prefix = append(prefix, `","data":`...)
	suffix = append(suffix, `,"emitted_at":`...)
	suffix = strconv.AppendInt(suffix, at.UnixMilli(), 10)
	suffix = append(suffix, "}}\n"...)
	return prefix, suffix
}

// DeletedAt is the column with the time at which a row was found gone: destinations use it to
// delete the row.
const DeletedAt = "_ab_cdc_deleted_at"

// Gone makes a RECORD of each deleted row, with its key, the bookmark column and the time.
func (*Voice) Gone(dst []byte, sel *tap.Selection, ids []int64, at time.Time) []byte {
	bookmark := ""
	if sel.Stream.Bookmark != "" {
		bookmark = fmt.Sprintf("%q:%q,", sel.Stream.Bookmark, tap.FormatTime(at))
	}
	for _, id := range ids {
		dst = fmt.Appendf(dst, `{"type":"RECORD","record":{"stream":%q,"data":{%q:%d,%s%q:%q},"emitted_at":%d}}`+"\n",
			sel.Stream.Name, sel.Stream.Key[0], id, bookmark, DeletedAt, tap.FormatTime(at),
			at.UnixMilli())
	}
	return dst
}

// Schema has no message: the platform accepts columns that the catalog lacks.
func (*Voice) Schema(dst []byte, _ *tap.Selection, _ *record.Shape) []byte { return dst }

// Started makes the stream status STARTED.
func (*Voice) Started(dst []byte,
	s *tap.Stream,
) []byte {
	return appendStreamStatus(dst, s, "STARTED")
}

// Running makes the stream status RUNNING.
func (*Voice) Running(dst []byte,
	s *tap.Stream,
) []byte {
	return appendStreamStatus(dst, s, "RUNNING")
}

// Waiting makes the stream status RUNNING with the reason RATE_LIMITED for each stream under way.
func (*Voice) Waiting(dst []byte, streams []*tap.Stream, until time.Time) []byte {
	for _, s := range streams {
		dst = appendStreamStatus(dst, s, "RUNNING",
			reason{Type: "RATE_LIMITED", RateLimited: rateLimited{QuotaReset: until.UnixMilli()}})
	}
	return dst
}

// Estimate makes an estimate of the number of records of a stream.
func (*Voice) Estimate(dst []byte, s *tap.Stream, records int64) []byte {
	t := newTrace("ESTIMATE")
	t.Estimate = &estimate{Name: s.Name, Type: "STREAM", RowEstimate: records}
	return appendMessage(dst, message{Type: "TRACE", Trace: t})
}

// Ended makes the stream status COMPLETE, or an error and INCOMPLETE. Errors that are not about one
// stream are reported once, by the caller that ends the run.
func (*Voice) Ended(dst []byte, s *tap.Stream, err error) []byte {
	if err == nil {
		return appendStreamStatus(dst, s, "COMPLETE")
	}
	if !slices.Contains([]tap.Kind{
		tap.BadInput, tap.Credentials, tap.SignIn, tap.Rights,
		tap.Unreachable, tap.Interrupted, tap.LoaderGone,
	}, tap.KindOf(err)) {
		t := newTrace("ERROR")
		t.Error = toError(err)
		t.Error.Descriptor = &descriptor{Name: s.Name}
		dst = appendMessage(dst, message{Type: "TRACE", Trace: t})
	}
	return appendStreamStatus(dst, s, "INCOMPLETE")
}

// State makes a STATE message for each stream of which something was written.
func (*Voice) State(dst []byte, st *tap.State, since []tap.Written) []byte {
	for _, w := range since {
		if w.Ended {
			continue // nothing may follow the end of a stream; the next run handles it
		}
		dst = appendMessage(dst, message{Type: "STATE", State: &stateMessage{
			Type: "STREAM",
			Stream: streamState{
				Descriptor: descriptor{Name: w.Stream.Name},
				State:      toState(st.Of(w.Stream.Name), st.Organization),
			},
			SourceStats: stats{RecordCount: float64(w.Records)},
		}})
	}
	return dst
}

func appendStreamStatus(dst []byte, s *tap.Stream, status string, reasons ...reason) []byte {
	t := newTrace("STREAM_STATUS")
	t.StreamStatus = &streamStatus{
		Descriptor: descriptor{Name: s.Name}, Status: status,
		Reasons: reasons,
	}
	return appendMessage(dst, message{Type: "TRACE", Trace: t})
}
