package greenhouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Message is a Singer message. Which members are set goes by Type: SCHEMA, RECORD, STATE or
// ACTIVATE_VERSION. The bytes are its own.
type Message struct {
	Type   string `json:"type"`
	Stream string `json:"stream"`
	// Record is the row of a RECORD, Extracted when it was read.
	Record    json.RawMessage `json:"record"`
	Extracted time.Time       `json:"time_extracted"`
	// Schema and Key are those of a SCHEMA.
	Schema json.RawMessage `json:"schema"`
	Key    []string        `json:"key_properties"`
	// Version is that of a RECORD or an ACTIVATE_VERSION, where deletes are looked for.
	Version int64 `json:"version"`
	// State is the value of a STATE: all records before it are covered, so that a run which is
	// given it continues from there.
	State json.RawMessage `json:"value"`
}

// Messages returns a writer for [Run.Do] that hands each Singer message to a function, one after
// the other. An error of the function ends the run, as a loader that goes away does.
func Messages(each func(Message) error) io.Writer { return &messages{each: each} }

type messages struct {
	each func(Message) error
	rest []byte // the line that has begun
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
