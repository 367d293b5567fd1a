package tap

import (
	"context"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Request asks for one page of a list.
type Request struct {
	Stream *Stream
	// Params are the parameters of this read, in addition to the bounds.
	Params map[string]string
	// From and Before bound the time of the last change; zero for no bound.
	From, Before time.Time
	// Fields are the columns to return; nil for all.
	Fields []string
	// Cursor leads to a later page. It implies all of the above, which is not sent with it.
	Cursor string
	// PerPage is the number of records; 0 for the API's maximum.
	PerPage int
}

// sends reports whether the request has a parameter of that name.
func (r Request) sends(name string) bool {
	switch name {
	case "fields":
		return len(r.Fields) > 0
	case r.Stream.Bookmark:
		return name != "" && !(r.From.IsZero() && r.Before.IsZero())
	}
	_, ok := r.Params[name]
	return ok
}

// Page is one whole answer.
type Page struct {
	// Body is valid until the function that receives the page returns.
	Body []byte
	// Next is the cursor of the next page; empty on the last one.
	Next string
	// Asked is a lower bound for when the page was requested, on the server's clock. It is early by
	// a few seconds at most.
	Asked time.Time
}

// Source reads pages. Read may be called by several goroutines at once.
type Source interface {
	// Read requests a page and passes it to take. If the page is not whole, take returns a
	// [record.MalformedError], and the page is requested again. Read returns an [*Error], of kind
	// CursorExpired if only the cursor was refused. Unless the error came from take, take was not
	// called.
	Read(ctx context.Context, req Request, take func(Page) error) error
}

// Voice says what happened in the terms of a protocol. Each method appends whole lines to dst; if
// the protocol has no message for it, it returns dst unchanged. Only one goroutine calls it, except
// for Frame, which many call.
type Voice interface {
	// Frame returns the text before and after each record of a page that was received at a time.
	Frame(sel *Selection, at time.Time) (prefix, suffix []byte)
	// Started is called once for every selected stream, before anything else about it.
	Started(dst []byte, s *Stream) []byte
	// Schema is called before the first record of a stream, even if there are no records, and again
	// whenever the shape is widened.
	Schema(dst []byte, sel *Selection, shape *record.Shape) []byte
	// Running is called once before the first record of a stream.
	Running(dst []byte, s *Stream) []byte
	// Gone is called with the ids of deleted rows, after all rows have been written under the
	// selection's version.
	Gone(dst []byte, sel *Selection, ids []int64, at time.Time) []byte
	// Estimate is called with the number of records of a stream, if it is known or can be
	// estimated.
	Estimate(dst []byte, s *Stream, records int64) []byte
	// State is called with the state of all streams and what was written since the last call.
	State(dst []byte, st *State, since []Written) []byte
	// Waiting is called while the budget is used up, with the streams under way and the time of its
	// renewal.
	Waiting(dst []byte, streams []*Stream, until time.Time) []byte
	// Ended is called once for every stream that was started. A nil error means that it is
	// complete.
	Ended(dst []byte, s *Stream, err error) []byte
}

// Enricher completes the records of a page before they are written. It returns them with additions,
// each as one JSON object on a line. It may be called by several goroutines at once, once per page.
// The page waits for it, and so does the state that covers the page.
type Enricher interface {
	// It receives the shape that the records fit.
	Enrich(
		ctx context.Context, sel *Selection, shape *record.Shape, records [][]byte,
	) ([][]byte, error)
}

// Written is the number of records of a stream that were written since the last state.
type Written struct {
	Stream  *Stream
	Records int
	// Ended means that the end of the stream was already reported.
	Ended bool
}
