package tap

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Voice says what happened in the terms of a protocol.
type Voice interface {
	// Frame returns the text before and after each record of a page that was received at a time.
	// version is that of the records; 0 for none. Many goroutines call it.
	Frame(q *Query, version int64, at time.Time) (prefix, suffix []byte)
	// Append appends an event to dst, as whole lines; nothing if the protocol has no message for
	// it. One goroutine calls it, in the order of the events.
	Append(dst []byte, e Event) []byte
}

// Event is something that happened in a run: one of the types below. A linter holds that a voice
// names all of them.
//
//sumtype:decl
type Event interface{ event() }

// Started comes once for every selected stream, before anything else about it.
type Started struct{ Stream *Stream }

// Schema comes before the first record of a stream, even if there are no records, and again
// whenever the shape is widened.
type Schema struct {
	Query *Query
	Shape *record.Shape
}

// Running comes once, before the first record of a stream.
type Running struct{ Stream *Stream }

// Estimate is the number of records of a stream, if it is known or can be estimated.
type Estimate struct {
	Stream  *Stream
	Records int64
}

// Deleted is a report of deleted rows. It comes after all rows have been written under the version.
// A voice appends nothing if the catalog lacks what it needs to say so.
type Deleted struct {
	Query   *Query
	Version int64
	IDs     []int64
	At      time.Time // when that was found out, by the server's clock
}

// Waiting comes while the budget is used up, with the streams under way and the time of its
// renewal.
type Waiting struct {
	Streams []*Stream
	Until   time.Time
}

// Ended comes once for every stream that was started. A nil error means that it is complete, or was
// left alone because its last complete read is recent enough.
type Ended struct {
	Stream *Stream
	Err    error
}

// Saved is the state of all streams, and what was written since the last one.
type Saved struct {
	State *State
	Since []Written
}

// Written is the number of records of a stream that were written since the last state.
type Written struct {
	Stream  *Stream
	Records int
	// Ended means that the end of the stream was already reported.
	Ended bool
}

func (Started) event()  {}
func (Schema) event()   {}
func (Running) event()  {}
func (Estimate) event() {}
func (Deleted) event()  {}
func (Waiting) event()  {}
func (Ended) event()    {}
func (Saved) event()    {}
