package tap

import "time"

// Account is what can be told of a run: how it ended, what each stream brought, and how the budget
// was spent. Report, display and summary are made from it.
type Account struct {
	Version  string    `json:"version"`  // of the program
	Protocol string    `json:"protocol"` // singer or airbyte
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	ExitCode int       `json:"exit_code"`
	// Outcome is one sentence for a person.
	Outcome string `json:"outcome"`
	// Overtime tells that max_run_time ended the run.
	Overtime bool `json:"overtime,omitzero"`
	// Next is what a person can do about it, a sentence each.
	Next     []string        `json:"next"`
	Streams  []StreamAccount `json:"streams"`
	Requests RequestAccount  `json:"requests"`
	Windows  []Window        `json:"windows"`
}

// StreamAccount is what can be told of one stream of a run.
type StreamAccount struct {
	Stream string `json:"stream"`
	// Status is complete, failed, skipped, left_alone or unfinished.
	Status  string  `json:"status"`
	Records int     `json:"records"`
	Pages   int     `json:"pages"`
	Bytes   int64   `json:"bytes"` // of its pages, unpacked
	Seconds float64 `json:"seconds"`
	Retries int     `json:"retries"`
	// Reason is why it is not complete.
	Reason string `json:"reason,omitzero"`
	// Scope is the one for want of which it was skipped.
	Scope string `json:"scope,omitzero"`
	// Gone is how many rows were found gone from Greenhouse.
	Gone int `json:"gone,omitzero"`
	// Swept is when all ids were listed last, NextSweep when that is due again, and NextRead when a
	// stream that was left alone is.
	Swept     time.Time `json:"swept,omitzero"`
	NextSweep time.Time `json:"next_sweep,omitzero"`
	NextRead  time.Time `json:"next_read,omitzero"`
	// Changes are the columns that were new or came with a value of another type.
	Changes []string `json:"schema_changes,omitzero"`

	// While the run lasts: whether the stream is being read, and how many pages it is thought to
	// have; 0 where that is not known.
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
	Limit int       `json:"limit"` // 0 where none was told
	Sent  int       `json:"sent"`  // requests of this run
	Left  int       `json:"left"`  // by the last word of the server
	// Ends is when the next one begins, by this machine's clock; zero where that is not known.
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
