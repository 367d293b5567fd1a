package tap

import (
	"context"
	"time"
)

// Ledger keeps the ids of loaded rows between runs: what is known and no longer listed is gone.
// docs/deletes.md explains it.
type Ledger interface {
	// Load returns what is known of a stream; nil for nothing.
	Load(ctx context.Context, stream string) (*Known, error)
	// Save stores what is known of a stream, in one step.
	Save(ctx context.Context, stream string, k *Known) error
}

// Known is what is known of a stream's rows.
type Known struct {
	// Version is that of the stream's records.
	Version int64
	// ReadAs is a fingerprint of the credential and user that saw the rows. What another one does
	// not see is not gone.
	ReadAs string
	// Swept is when the last complete listing began, by the server's clock; zero for never.
	Swept time.Time
	// Rows are the ids of the last complete listing.
	Rows IDs
	// Fresh are ids of rows that were written since that listing began.
	Fresh IDs
	// Sweep is a listing under way; nil for none.
	Sweep *Sweep
}

// Sweep is an unfinished listing of all ids. Rows and Fresh stay as they were when it began; ids
// written since are in Since.
type Sweep struct {
	Began  time.Time
	Pass   int
	Cursor string
	// Listed are the ids of the complete passes, Pass those of the current one.
	Listed, Current IDs
	Since           IDs
}

// Deletes says how to find deleted rows.
type Deletes struct {
	Ledger Ledger
	// Every is the time between sweeps of a long list.
	Every time.Duration
	// MaxShare is the share of a stream's rows that may be gone; if more are gone, and more than
	// [fewGone] rows, the stream fails.
	MaxShare float64
	// Accept names streams of which any number of rows may be gone in this run.
	Accept []string
}

// fewGone is the number of rows that may be gone whatever their share.
const fewGone = 20
