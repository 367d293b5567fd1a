package tap

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Engine reads streams from a source and reports to a voice.
type Engine struct {
	Source Source
	Voice  Voice
	Out    io.Writer
	Log    *slog.Logger
	// Concurrency is the number of pages that are read at the same time.
	Concurrency int
	// Lookback is how far a bookmark is moved back.
	Lookback time.Duration
	// StartDate is the time before which changes are left out; zero for none.
	StartDate time.Time
	// FailForbidden makes a stream whose scope is missing fail instead of being skipped.
	FailForbidden bool
	// Sample reads one record of each stream and writes no state.
	Sample bool
	// Proof is a stream that has rows in every account. If a run saw no row at all, this stream is
	// asked for one: if it has none either, the user may not see anything, and no bookmark moves.
	// It may be nil.
	Proof *Stream
	// User names the user that the run acts for, in errors.
	User string
	// ReadAs is a fingerprint of credential and user, kept in the state.
	ReadAs string
	// Refresh returns how recent the last complete read of a stream must be for the stream to be
	// left alone; nil or 0 for never.
	Refresh func(stream string) time.Duration
	// MaxRunTime is the time after which the run ends by itself; 0 for never.
	MaxRunTime time.Duration
	// Now is the server's time, as far as it is known; nil for this machine's.
	Now func() time.Time
	// Enricher completes records; nil for none.
	Enricher Enricher
	// Deletes says how to find deleted rows; nil for not at all.
	Deletes *Deletes

	current atomic.Pointer[syncer]
}

// Outcome is how a stream ended, or its progress so far.
type Outcome struct {
	Stream  *Stream
	Records int
	Pages   int
	// Complete reports whether all of it was written.
	Complete bool
	// Err is why the stream is not complete; nil if it is, or was not reached.
	Err error
	// Skipped reports whether it was left out because its scope is missing.
	Skipped bool
	// Rested reports whether it was left alone because its last complete read is recent enough.
	Rested bool
	// Started reports whether anything was requested.
	Started bool
	// Bytes is the size of its pages, unpacked; Took is the time from the first request to the last
	// page.
	Bytes int64
	Took  time.Duration
	// Gone is the number of rows that were reported as gone.
	Gone int
	// Swept is the time of the last complete listing of ids, and NextSweep when the next one is
	// due; NextRead is when a stream that was left alone is due.
	Swept, NextSweep, NextRead time.Time
	// Expected is the estimated number of pages; 0 if unknown.
	Expected int
	// Changes are the columns that are new or had a value of another type.
	Changes []string
	// Dropped are the columns that the policy for personal data dropped because nobody classified
	// them.
	Dropped []string
}

// Summary is how a run ended.
type Summary struct {
	Outcomes []Outcome
	// Read reports whether any page was read.
	Read bool
	// Overtime reports whether MaxRunTime ended the run.
	Overtime bool
}

// Records is the number of records in all streams.
func (s *Summary) Records() int {
	n := 0
	for _, o := range s.Outcomes {
		n += o.Records
	}
	return n
}

// Snapshot returns the progress of each stream; nil if no sync is under way.
func (e *Engine) Snapshot() []Outcome {
	if s := e.current.Load(); s != nil {
		return s.outcomes()
	}
	return nil
}

// Waiting reports to the voice that the budget is used up until a time. It does nothing if no sync
// is under way.
func (e *Engine) Waiting(until time.Time) {
	if s := e.current.Load(); s != nil {
		_ = s.send(s.ctx, item{waiting: until})
	}
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}
