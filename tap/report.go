package tap

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Report describes a run: how it ended, what was read of each stream, and how the budget was spent.
// The file of --report, the display and the summary are made from it.
type Report struct {
	Version  string    `json:"version"`  // of the program
	RunID    string    `json:"run_id"`   // tells the run from all others
	Protocol string    `json:"protocol"` // singer or airbyte
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	ExitCode int       `json:"exit_code"`
	Identity           // of the credential
	// Outcome is one sentence for a person.
	Outcome string `json:"outcome"`
	// Overtime reports whether max_run_time ended the run.
	Overtime bool `json:"overtime,omitzero"`
	// Policy says how personal data is treated, by class; empty if all of it is kept.
	Policy []string `json:"policy,omitzero"`
	// Next lists what a person can do about it, one sentence each.
	Next     []string       `json:"next"`
	Streams  []StreamReport `json:"streams"`
	Requests RequestReport  `json:"requests"`
	Windows  []Window       `json:"windows"`

	// AnyPage reports whether any page was read.
	AnyPage bool `json:"-"`
}

// Records is the number of records in all streams.
func (r *Report) Records() int {
	n := 0
	for _, s := range r.Streams {
		n += s.Records
	}
	return n
}

// How a stream ended.
const (
	Complete   = "complete"
	Failed     = "failed"
	Skipped    = "skipped"
	LeftAlone  = "left_alone"
	Unfinished = "unfinished"
)

// StreamReport describes one stream of a run.
type StreamReport struct {
	Stream string `json:"stream"`
	// Status is [Complete], [Failed], [Skipped], [LeftAlone] or [Unfinished].
	Status  string  `json:"status"`
	Records int     `json:"records"`
	Pages   int     `json:"pages"`
	Bytes   int64   `json:"bytes"` // of its pages, unpacked
	Seconds float64 `json:"seconds"`
	// Requests is the number of requests, and Retries how many of them were repetitions.
	Requests int `json:"requests"`
	Retries  int `json:"retries"`
	// Began is when the stream's turn came, and Ended when it was over; zero if that did not
	// happen.
	Began time.Time `json:"began,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Reason is why the stream is not complete.
	Reason string `json:"reason,omitzero"`
	// Scope is the missing scope because of which the stream was skipped.
	Scope string `json:"scope,omitzero"`
	// Gone is the number of rows that Greenhouse no longer has.
	Gone int `json:"gone"`
	// Swept is the time of the last complete listing of ids, NextSweep when the next one is due,
	// and NextRead when the stream is read next, if that is not in every run.
	Swept     time.Time `json:"swept,omitzero"`
	NextSweep time.Time `json:"next_sweep,omitzero"`
	NextRead  time.Time `json:"next_read,omitzero"`
	// VerifiedUntil is the time up to which every row is proven to be delivered; zero if this run
	// has not proven it. Then VerifiedRows is the number of rows and VerifiedSum the sum of their
	// ids. Repaired is the number of rows that were missing or stale, and were read again.
	VerifiedUntil time.Time `json:"verified_until,omitzero"`
	VerifiedRows  *int      `json:"verified_rows,omitzero"`
	VerifiedSum   string    `json:"verified_id_sum,omitzero"`
	// VerifiedNewest is the latest time of change of these rows; zero if it is not known.
	VerifiedNewest time.Time `json:"verified_max_updated_at,omitzero"`
	Repaired       int       `json:"repaired"`
	// CompleteUntil is the time up to which every change has been written, by the server's clock.
	CompleteUntil time.Time `json:"complete_until,omitzero"`
	// Changes are the columns that are new or had a value of another type; New are the new ones.
	Changes []string `json:"schema_changes,omitzero"`
	New     []string `json:"new_columns,omitzero"`
	// NewValues are values that the list of their column's known values does not have, as
	// column=value.
	NewValues []string `json:"new_values,omitzero"`
	// Differences are what differs from the contract, one sentence each.
	Differences []string `json:"contract_differences,omitzero"`
	// Dropped are the columns that the policy for personal data dropped because nobody classified
	// them.
	Dropped []string `json:"dropped_columns,omitzero"`

	// Shape is that of the records, with what was learnt; nil if the stream cannot be read. Absent
	// are the columns that no record had, if there were any.
	Shape  *record.Shape `json:"-"`
	Absent []string      `json:"-"`
	// While the run lasts: whether the stream is being read, and the estimated number of pages; 0
	// if unknown.
	Reading  bool `json:"-"`
	Expected int  `json:"-"`
	// Err is why the stream is not complete; nil if it is, or was not reached.
	Err error `json:"-"`
}

// RequestReport is what a run used.
type RequestReport struct {
	Lists   int64   `json:"lists"`
	Tokens  int64   `json:"tokens"`
	Retries int     `json:"retries"`
	Bytes   int64   `json:"bytes"` // as they came over the network
	Waited  float64 `json:"waited_seconds"`
	Limited int     `json:"limited"` // answers with 429
}

// Window is a window of the API's limit.
type Window struct {
	Began time.Time `json:"began"`
	Limit int       `json:"limit"` // 0 if unknown
	Sent  int       `json:"sent"`  // requests of this run
	Left  int       `json:"left"`  // according to the server's latest answer
	// Ends is when the next window begins, by this machine's clock; zero if unknown.
	Ends time.Time `json:"-"`
}
