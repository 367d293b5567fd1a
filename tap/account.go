package tap

import "time"

// Account describes a run: how it ended, what each stream read, and how the budget was spent. The
// report, the display and the summary are made from it.
type Account struct {
	Version  string    `json:"version"`  // of the program
	Protocol string    `json:"protocol"` // singer or airbyte
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	ExitCode int       `json:"exit_code"`
	Identity           // of the credential
	// Outcome is one sentence for a person.
	Outcome string `json:"outcome"`
	// Overtime reports whether max_run_time ended the run.
	Overtime bool `json:"overtime,omitzero"`
	// Next lists what a person can do about it, one sentence each.
	Next     []string        `json:"next"`
	Streams  []StreamAccount `json:"streams"`
	Requests RequestAccount  `json:"requests"`
	Windows  []Window        `json:"windows"`
}

// StreamAccount describes one stream of a run.
type StreamAccount struct {
	Stream string `json:"stream"`
	// Status is complete, failed, skipped, left_alone or unfinished.
	Status  string  `json:"status"`
	Records int     `json:"records"`
	Pages   int     `json:"pages"`
	Bytes   int64   `json:"bytes"` // of its pages, unpacked
	Seconds float64 `json:"seconds"`
	Retries int     `json:"retries"`
	// Reason is why the stream is not complete.
	Reason string `json:"reason,omitzero"`
	// Scope is the missing scope because of which the stream was skipped.
	Scope string `json:"scope,omitzero"`
	// Gone is the number of rows that Greenhouse no longer has.
	Gone int `json:"gone,omitzero"`
	// Swept is the time of the last complete listing of ids, NextSweep when the next one is due,
	// and NextRead when a stream that was left alone is due.
	Swept     time.Time `json:"swept,omitzero"`
	NextSweep time.Time `json:"next_sweep,omitzero"`
	NextRead  time.Time `json:"next_read,omitzero"`
	// Changes are the columns that are new or had a value of another type.
	Changes []string `json:"schema_changes,omitzero"`

	// While the run lasts: whether the stream is being read, and the estimated number of pages; 0
	// if unknown.
	Reading  bool `json:"-"`
	Expected int  `json:"-"`
}

// RequestAccount is what a run used.
type RequestAccount struct {
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

// Status says in a word how a stream ended.
func (o *Outcome) Status() string {
	switch {
	case o.Skipped:
		return "skipped"
	case o.Err != nil:
		return "failed"
	case o.Rested:
		return "left_alone"
	case o.Complete:
		return "complete"
	}
	return "unfinished"
}
