package engine

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

// Engine reads streams from a source and reports to a voice.
type Engine struct {
	Source tap.Source
	Voice  tap.Voice
	Out    io.Writer
	Log    *slog.Logger
	// Concurrency is the number of pages that are read at the same time.
	Concurrency int
	// Lookback is how far a bookmark is moved back.
	Lookback time.Duration
	// StartDate is the time before which changes are left out; zero for none.
	StartDate time.Time
	// NewColumns says how to log columns that no schema has: they are learnt or dropped as their
	// shape says.
	NewColumns tap.NewColumns
	// TypeChanges says how to treat values of a type that their column does not have; empty for
	// Widen.
	TypeChanges tap.TypeChanges
	// PrivacyKey is the key of hashes, required if anything is hashed.
	PrivacyKey []byte
	// Policy is a fingerprint of the privacy policy, kept in the state.
	Policy string
	// ReplacesTables means that the loader replaces the whole table after a full read, so that
	// deleted rows need not be reported.
	ReplacesTables bool
	// FailForbidden makes a stream whose scope is missing fail instead of being skipped.
	FailForbidden bool
	// Sample reads one record of each stream and writes no state.
	Sample bool
	// Proof is a stream that has rows in every account. If a run saw no row at all, this stream is
	// asked for one: if it has none either, the user may not see anything, and no bookmark moves.
	// It may be nil.
	Proof *tap.Stream
	// User names the user that the run acts for, in errors.
	User string
	// ReadAs is a fingerprint of credential and user, kept in the state.
	ReadAs string
	// Schedule says when a stream may be left alone; nil for never.
	Schedule func(stream string) progress.Schedule
	// Refresh reports whether a stream is read from the start, whatever the state says; nil for
	// none.
	Refresh func(stream string) bool
	// MaxRunTime is the time after which the run ends by itself; 0 for never.
	MaxRunTime time.Duration
	// Now is the server's time, as far as it is known; nil for this machine's.
	Now func() time.Time
	// ID tells the run from all others, and Version is that of the program; for the stream
	// [tap.SyncLog].
	ID, Version string
	// UsedBy returns how often a list was requested, and how many of these requests were
	// repetitions; nil if nobody counts.
	UsedBy func(stream string) (requests, retries int)
	// Enricher completes records; nil for none.
	Enricher tap.Enricher
	// Deletes says how to find deleted rows; nil for not at all.
	Deletes *Deletes

	current atomic.Pointer[run]
}

// Deletes says how to find deleted rows.
type Deletes struct {
	Store gone.Store
	// Every is the time between sweeps of a long list.
	Every time.Duration
	// MaxShare is the share of a stream's rows that may be gone; if more are gone, and more than a
	// few, the stream fails.
	MaxShare float64
	// Accept names streams of which any number of rows may be gone in this run.
	Accept []string
	// Verify sweeps all streams in this run. A stream that could not be compared fails.
	Verify bool
	// Nonce tells this run from others that begin at the same time.
	Nonce string
}

// Snapshot returns the progress of each stream; nil if no run is under way.
func (e *Engine) Snapshot() []tap.StreamReport {
	if r := e.current.Load(); r != nil {
		return r.reports()
	}
	return nil
}

// Waiting reports to the voice that the budget is used up until a time. It does nothing if no run
// is under way.
func (e *Engine) Waiting(until time.Time) {
	if r := e.current.Load(); r != nil {
		_ = r.send(r.ctx, waiting{until})
	}
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}
