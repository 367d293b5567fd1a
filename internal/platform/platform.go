// Package platform is a strict reader of Airbyte messages for tests: it checks the order of stream
// statuses, the counts of states, and each record against the catalog. It shares no code with the
// writer of the messages.
package platform

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
)

// Platform holds what was read. Its Rows, by stream and key, are those of the loader.
type Platform struct {
	loader.Loader
	// Statuses are the statuses of each stream in the last run, without repetitions.
	Statuses map[string][]string
	// Limited counts the statuses of the last run with the reason RATE_LIMITED.
	Limited int
	// Errors are the errors of the last run.
	Errors []Error
	// Estimates are the estimated numbers of rows in the last run.
	Estimates map[string]int64
	// Configs are the configs that the source asked to save.
	Configs []json.RawMessage
	// Status is the last CONNECTION_STATUS.
	Status ConnectionStatus

	validators map[string]*gojsonschema.Schema
	states     map[string]json.RawMessage
	since      map[string]int // records since the stream's last state
	ended      map[string]bool
}

// Error is a TRACE of an error.
type Error struct {
	Message         string `json:"message"`
	InternalMessage string `json:"internal_message"`
	FailureType     string `json:"failure_type"`
	Descriptor      struct {
		Name string `json:"name"`
	} `json:"stream_descriptor"`
}

// ConnectionStatus is the answer to check.
type ConnectionStatus struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type message struct {
	Type             string            `json:"type"`
	Log              *json.RawMessage  `json:"log"`
	Catalog          *json.RawMessage  `json:"catalog"`
	Spec             *json.RawMessage  `json:"spec"`
	ConnectionStatus *ConnectionStatus `json:"connectionStatus"`
	Record           *struct {
		Stream    string          `json:"stream"`
		Data      json.RawMessage `json:"data"`
		EmittedAt int64           `json:"emitted_at"`
	} `json:"record"`
	State *struct {
		Type   string `json:"type"`
		Stream struct {
			Descriptor struct {
				Name string `json:"name"`
			} `json:"stream_descriptor"`
			State json.RawMessage `json:"stream_state"`
		} `json:"stream"`
		SourceStats struct {
			RecordCount *float64 `json:"recordCount"`
		} `json:"sourceStats"`
	} `json:"state"`
	Trace   *trace `json:"trace"`
	Control *struct {
		Type            string `json:"type"`
		ConnectorConfig struct {
			Config json.RawMessage `json:"config"`
		} `json:"connectorConfig"`
	} `json:"control"`
}

type trace struct {
	Type         string `json:"type"`
	Error        *Error `json:"error"`
	StreamStatus *struct {
		Descriptor struct {
			Name string `json:"name"`
		} `json:"stream_descriptor"`
		Status  string `json:"status"`
		Reasons []struct {
			Type        string `json:"type"`
			RateLimited struct {
				QuotaReset int64 `json:"quota_reset"`
			} `json:"rate_limited"`
		} `json:"reasons"`
	} `json:"stream_status"`
	Estimate *struct {
		Name string `json:"name"`
		Rows int64  `json:"row_estimate"`
	} `json:"estimate"`
}

// Catalog sets the configured catalog of the next runs, whose schemas records are checked against.
func (p *Platform) Catalog(catalog []byte) error {
	var c struct {
		Streams []struct {
			Stream struct {
				Name   string          `json:"name"`
				Schema json.RawMessage `json:"json_schema"`
			} `json:"stream"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(catalog, &c); err != nil {
		return err
	}
	p.validators = map[string]*gojsonschema.Schema{}
	p.LastSchema = map[string]json.RawMessage{}
	for _, s := range c.Streams {
		v, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(s.Stream.Schema))
		if err != nil {
			return fmt.Errorf("%s: %w", s.Stream.Name, err)
		}
		p.validators[s.Stream.Name] = v
		p.LastSchema[s.Stream.Name] = s.Stream.Schema
	}
	return nil
}

// Read reads the messages of a run until the end. If partial is true, it ignores an incomplete last
// line, as after a kill.
func (p *Platform) Read(r io.Reader, partial bool) error {
	if p.Rows == nil {
		p.Rows, p.states = map[string]map[string]json.RawMessage{}, map[string]json.RawMessage{}
	}
	p.Statuses, p.Estimates, p.since, p.ended = map[string][]string{}, map[string]int64{},
		map[string]int{}, map[string]bool{}
	p.Limited, p.Errors = 0, nil
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		switch {
		case err == io.EOF && (len(line) == 0 || partial):
			return nil
		case err != nil:
			return fmt.Errorf("line %d: %w: %.200s", n, err, line)
		}
		if err := p.take(line); err != nil {
			return fmt.Errorf("line %d: %w: %.300s", n, err, line)
		}
	}
}

func (p *Platform) take(line []byte) error {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return err
	}
	switch {
	case m.Type == "LOG" && m.Log != nil, m.Type == "CATALOG" && m.Catalog != nil,
		m.Type == "SPEC" && m.Spec != nil:
		return nil
	case m.Type == "CONNECTION_STATUS" && m.ConnectionStatus != nil:
		p.Status = *m.ConnectionStatus
		return nil
	case m.Type == "RECORD" && m.Record != nil:
		return p.record(m.Record.Stream, m.Record.Data, time.UnixMilli(m.Record.EmittedAt))
	case m.Type == "STATE" && m.State != nil && m.State.Type == "STREAM" &&
		m.State.SourceStats.RecordCount != nil:
		name := m.State.Stream.Descriptor.Name
		if have := p.since[name]; int(*m.State.SourceStats.RecordCount) != have {
			return fmt.Errorf("a state that counts not %d records", have)
		}
		if p.ended[name] {
			return fmt.Errorf("a state after the stream's end")
		}
		p.since[name], p.states[name] = 0, bytes.Clone(line)
		return nil
	case m.Type == "TRACE" && m.Trace != nil:
		return p.trace(m.Trace)
	case m.Type == "CONTROL" && m.Control != nil && m.Control.Type == "CONNECTOR_CONFIG":
		p.Configs = append(p.Configs, bytes.Clone(m.Control.ConnectorConfig.Config))
		return nil
	}
	return fmt.Errorf("no message of the protocol")
}

func (p *Platform) record(stream string, data json.RawMessage, at time.Time) error {
	v := p.validators[stream]
	switch last := p.lastStatus(stream); {
	case v == nil:
		return fmt.Errorf("a record of a stream that nobody chose")
	case last != "RUNNING":
		return fmt.Errorf("a record of a stream whose status is %q", last)
	case time.Since(at).Abs() > 24*time.Hour:
		return fmt.Errorf("emitted_at is not in milliseconds")
	}
	var row map[string]any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&row); err != nil {
		return err
	}
	result, err := v.Validate(gojsonschema.NewRawLoader(row))
	if err != nil {
		return err
	}
	if !result.Valid() {
		return fmt.Errorf("a record that its schema does not admit: %v", result.Errors())
	}
	if row["id"] == nil {
		return fmt.Errorf("a record without key")
	}
	if p.Rows[stream] == nil {
		p.Rows[stream] = map[string]json.RawMessage{}
	}
	p.Rows[stream][fmt.Sprint(row["id"], "/")] = data
	p.since[stream]++
	return nil
}

// follows lists which statuses may follow which.
var follows = map[string][]string{
	"":        {"STARTED"},
	"STARTED": {"RUNNING", "COMPLETE", "INCOMPLETE"},
	"RUNNING": {"RUNNING", "COMPLETE", "INCOMPLETE"},
}

func (p *Platform) lastStatus(stream string) string {
	if all := p.Statuses[stream]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

func (p *Platform) trace(t *trace) error {
	switch {
	case t.Type == "ERROR" && t.Error != nil && t.Error.Message != "" &&
		slices.Contains([]string{"config_error", "transient_error", "system_error"},
			t.Error.FailureType):
		p.Errors = append(p.Errors, *t.Error)
	case t.Type == "ESTIMATE" && t.Estimate != nil:
		p.Estimates[t.Estimate.Name] = t.Estimate.Rows
	case t.Type == "STREAM_STATUS" && t.StreamStatus != nil:
		name, status := t.StreamStatus.Descriptor.Name, t.StreamStatus.Status
		last := p.lastStatus(name)
		if !slices.Contains(follows[last], status) {
			return fmt.Errorf("status %q after %q", status, last)
		}
		if status == "COMPLETE" && p.since[name] > 0 {
			return fmt.Errorf("complete, with records that no state covers")
		}
		for _, r := range t.StreamStatus.Reasons {
			reset := time.UnixMilli(r.RateLimited.QuotaReset)
			if r.Type != "RATE_LIMITED" || time.Until(reset).Abs() > time.Hour {
				return fmt.Errorf("a reason that is none")
			}
			p.Limited++
		}
		p.ended[name] = status == "COMPLETE" || status == "INCOMPLETE"
		if status != last {
			p.Statuses[name] = append(p.Statuses[name], status)
		}
	default:
		return fmt.Errorf("no trace of the protocol")
	}
	return nil
}

// State is the input of the next run: the last state message of each stream.
func (p *Platform) State() []byte {
	all := make([]json.RawMessage, 0, len(p.states))
	for _, s := range p.states {
		all = append(all, s)
	}
	for i, s := range all {
		var m struct {
			State json.RawMessage `json:"state"`
		}
		if json.Unmarshal(s, &m) == nil {
			all[i] = m.State
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		panic(err) // they were parsed from JSON
	}
	return out
}
