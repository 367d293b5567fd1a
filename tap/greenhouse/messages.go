package greenhouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Message is a Singer message. Type decides which members are set: SCHEMA, RECORD, STATE or
// ACTIVATE_VERSION. The receiver may keep its bytes.
type Message struct {
	Type   string `json:"type"`
	Stream string `json:"stream"`
	// Record is the row of a RECORD, and Extracted when it was read.
	Record    json.RawMessage `json:"record"`
	Extracted time.Time       `json:"time_extracted"`
	// Schema and Key belong to a SCHEMA.
	Schema json.RawMessage `json:"schema"`
	Key    []string        `json:"key_properties"`
	// Version belongs to a RECORD or an ACTIVATE_VERSION, with deletes.
	Version int64 `json:"version"`
	// State is the value of a STATE: it covers all records before it, so a run with this state
	// continues from there.
	State json.RawMessage `json:"value"`
}

// Messages returns a writer for [Run.Do] that passes each Singer message to a function. An error or
// a panic of the function ends the run, like a loader that goes away.
func Messages(each func(Message) error) io.Writer { return &messages{each: each} }

type messages struct {
	each func(Message) error
	rest []byte // the incomplete line
}

func (m *messages) Write(p []byte) (int, error) {
	written := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			m.rest = append(m.rest, p...)
			return written, nil
		}
		line := p[:i]
		if len(m.rest) > 0 {
			line = append(m.rest, line...)
		}
		var msg Message
		if err := json.Unmarshal(line, &msg); err != nil {
			return 0, fmt.Errorf("a line that is not a message: %w", err)
		}
		if err := m.each(msg); err != nil {
			return 0, err
		}
		m.rest, p = m.rest[:0], p[i+1:]
	}
}
