package tap

import (
	"context"
	"time"
)

// Ledger keeps the ids of loaded rows between runs: what is known and no longer there is gone.
// docs/deletes.md has the argument.
type Ledger interface {
	// Load returns what is known of a stream; nil where nothing is.
	Load(ctx context.Context, stream string) (*Known, error)
	// Save keeps what is known of a stream, in one step.
	Save(ctx context.Context, stream string, k *Known) error
}

// Known is what is known of a stream's rows.
type Known struct {
	// Version is that of the stream's records.
	Version int64
	// ReadAs is a mark of the credential and user that saw the rows. What another one does not see
	// is not gone.
	ReadAs string
	// Swept is when the last complete listing began, by the server's clock; zero for never.
	Swept time.Time
	// Rows are the ids that the last complete listing showed.
	Rows IDs
	// Fresh are ids of rows that were written since that listing began.
	Fresh IDs
	// Sweep is a listing under way; nil for none.
	Sweep *Sweep
}

// Sweep is a listing of all ids that is under way. Rows and Fresh are as they were when it began,
// and ids that were written since are in Since.
type Sweep struct {
	Began  time.Time
	Pass   int
	Cursor string
	// Listed are the ids of the passes that are complete, Pass those of the one under way.
	Listed, Current IDs
	Since           IDs
}

// Deletes says how vanished rows are found.
type Deletes struct {
	Ledger Ledger
	// Every is how long a long list is not swept again.
	Every time.Duration
	// MaxShare is the share of a stream's rows that may be gone; if more are, and more than
	// [fewGone], the stream fails.
	MaxShare float64
	// Accept names streams of which any number of rows may be gone in this run.
	Accept []string
}

// fewGone is how many rows may be gone whatever their share.
const fewGone = 20
