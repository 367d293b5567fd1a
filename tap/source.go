package tap

import (
	"context"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Request asks for one page of a list.
type Request struct {
	Stream *Stream
	// Params are the parameters of this pass, in addition to the bounds.
	Params map[string]string
	// IDs are the rows to read; nil for all. The API takes [MaxIDs] at most.
	IDs []int64
	// From and Before bound the time of the last change; zero for no bound.
	From, Before time.Time
	// Fields are the columns to return; nil for all.
	Fields []string
	// Cursor leads to a later page. It implies all of the above, which is not sent with it.
	Cursor string
	// PerPage is the number of records; 0 for the API's maximum.
	PerPage int
}

// Sends reports whether the request has a parameter of that name.
func (r Request) Sends(name string) bool {
	switch name {
	case "fields":
		return len(r.Fields) > 0
	case r.Stream.Bookmark:
		return name != "" && (!r.From.IsZero() || !r.Before.IsZero())
	}
	_, ok := r.Params[name]
	return ok
}

// MaxIDs is the number of ids in a request (docs).
const MaxIDs = 50

// PageRows is the number of rows of a page, unless a request says otherwise (docs).
const PageRows = 500

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

// Enricher completes the records of a page before they are written. It returns them with additions,
// each as one JSON object on a line. It may be called by several goroutines at once, once per page.
// The page waits for it, and so does the state that covers the page.
type Enricher interface {
	// It receives the shape that the records fit.
	Enrich(
		ctx context.Context, q *Query, shape *record.Shape, records [][]byte,
	) ([][]byte, error)
}
