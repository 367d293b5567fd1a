package tap

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Engine reads streams from a source and tells a voice.
type Engine struct {
	Source Source
	Voice  Voice
	Out    io.Writer
	Log    *slog.Logger
	// Concurrency is how many pages are read at once.
	Concurrency int
	// Lookback is how far a bookmark is moved back.
	Lookback time.Duration
	// StartDate leaves out what was last changed before it; zero for none.
	StartDate time.Time
	// FailForbidden makes a stream whose scope is missing a failed one, not one that is left out.
	FailForbidden bool
	// Sample reads one record of each stream and writes no state.
	Sample bool
	// Proof is a stream that has rows in every account. It is asked for one where a run saw no row
	// at all: if it has none either, the user may see nothing, and no bookmark moves. Nil for no
	// such stream.
	Proof *Stream
	// User names the user that the run acts for, in errors.
	User string
	// ReadAs is a mark of credential and user, kept in the state.
	ReadAs string
	// Refresh tells how young the last complete read of a stream may be for the stream to be left
	// alone; nil or 0 for never.
	Refresh func(stream string) time.Duration
	// MaxRunTime is after how long the run ends by itself; 0 for never.
	MaxRunTime time.Duration
	// Now is the server's time, as well as it is known; nil for this machine's.
	Now func() time.Time
	// Enricher completes records; nil for none.
	Enricher Enricher
	// Deletes says how vanished rows are found; nil for not at all.
	Deletes *Deletes

	current atomic.Pointer[syncer]
}

// Outcome is how a stream ended, or how far it has come.
type Outcome struct {
	Stream  *Stream
	Records int
	Pages   int
	// Complete tells that all of it was written.
	Complete bool
	// Err is why it did not get complete; nil where it did, or was not reached.
	Err error
	// Skipped tells that it was left out for want of a scope.
	Skipped bool
	// Rested tells that it was left alone because its last complete read is recent enough.
	Rested bool
	// Started tells that something was asked for.
	Started bool
	// Bytes is the size of its pages, unpacked; Took is how long it took from the first request to
	// the last page.
	Bytes int64
	Took  time.Duration
	// Gone is how many rows were told as gone.
	Gone int
	// Swept is when all ids were listed last, NextSweep when that is due again; NextRead is when a
	// stream that was left alone is due.
	Swept, NextSweep, NextRead time.Time
	// Expected is how many pages the list is thought to have; 0 where that is not known.
	Expected int
	// Changes are the columns that were new or came with a value of another type.
	Changes []string
}

// Summary is how a run ended.
type Summary struct {
	Outcomes []Outcome
	// Read tells whether any page was read.
	Read bool
	// Overtime tells that MaxRunTime ended the run.
	Overtime bool
}

// Records is the number of records of all streams.
func (s *Summary) Records() int {
	n := 0
	for _, o := range s.Outcomes {
		n += o.Records
	}
	return n
}

// Snapshot tells how far each stream has come; nil while no sync is under way.
func (e *Engine) Snapshot() []Outcome {
	if s := e.current.Load(); s != nil {
		return s.outcomes()
	}
	return nil
}

// Waiting tells the voice that the budget is used up until then. It does nothing while no sync is
// under way.
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
