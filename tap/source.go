package tap

import (
	"context"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Request asks for one page of a list.
type Request struct {
	Stream *Stream
	// Params are those of this read, beside the bounds.
	Params map[string]string
	// From and Before bound the time of the last change; zero for no bound.
	From, Before time.Time
	// Fields are the columns to return; nil for all.
	Fields []string
	// Cursor leads to a later page. It carries all of the above, which is not sent beside it.
	Cursor string
	// PerPage is the number of records; 0 for as many as the API gives.
	PerPage int
}

// Page is one whole answer.
type Page struct {
	// Body is valid until the function that was given the page returns.
	Body []byte
	// Next is the cursor of the page that follows; empty for the last one.
	Next string
	// Asked is a lower bound for when the page was requested, on the server's clock. It is early by
	// a few seconds at most.
	Asked time.Time
}

// Source reads pages. Its Read is called by many goroutines at once.
type Source interface {
	// Read asks for a page and hands it to take, which returns a [record.MalformedError] where the
	// page is not whole: then it is asked for again. What Read returns is an [*Error]; of kind
	// CursorExpired where only the cursor was refused. Unless the error came from take, take was
	// not called.
	Read(ctx context.Context, req Request, take func(Page) error) error
}

// Voice says what happened in the words of a protocol. Each method appends whole lines to dst;
// where the protocol has no word for it, it returns dst. Only one goroutine calls it, but Frame,
// which many do.
type Voice interface {
	// Frame returns what stands before and behind each record of a page that was received at that
	// time.
	Frame(sel *Selection, at time.Time) (prefix, suffix []byte)
	// Started is called once for every selected stream, before anything else about it.
	Started(dst []byte, s *Stream) []byte
	// Schema is called before the first record of a stream, also where none will come, and again
	// whenever its shape is widened.
	Schema(dst []byte, sel *Selection, shape *record.Shape) []byte
	// Running is called once before the first record of a stream.
	Running(dst []byte, s *Stream) []byte
	// Gone is called with the ids of rows that Greenhouse no longer has, once all rows have been
	// written under the selection's version.
	Gone(dst []byte, sel *Selection, ids []int64, at time.Time) []byte
	// Estimate is called where it is known, or can be guessed from a first page, how many records a
	// stream has.
	Estimate(dst []byte, s *Stream, records int64) []byte
	// State is called with the state of all streams and what was written since the last call.
	State(dst []byte, st *State, since []Written) []byte
	// Waiting is called while the budget is used up, with the streams under way and the time at
	// which it is renewed.
	Waiting(dst []byte, streams []*Stream, until time.Time) []byte
	// Ended is called once for every stream that was started. A nil error means that it is
	// complete.
	Ended(dst []byte, s *Stream, err error) []byte
}

// Enricher completes the records of a page before they go out: it returns them with more, each one
// JSON object on a line. It is called by many goroutines at once, once a page; the page waits for
// it, and so does the state that covers it.
type Enricher interface {
	// It gets the shape that the records were held against.
	Enrich(ctx context.Context, sel *Selection, shape *record.Shape, records [][]byte) ([][]byte, error)
}

// Written is the number of records of a stream that were written since the last state.
type Written struct {
	Stream  *Stream
	Records int
	// Ended tells that the end of the stream was told before.
	Ended bool
}
