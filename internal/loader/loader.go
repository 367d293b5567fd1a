// Package loader is a strict loader for tests: it reads Singer messages, checks each record against
// the last schema of its stream, and keeps rows by their key. It shares no code with the writer of
// the messages.
package loader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/xeipuuv/gojsonschema"
)

// Loader holds what was loaded. The zero value is ready for use.
type Loader struct {
	// Rows are the loaded records by stream and key, as JSON.
	Rows map[string]map[string]json.RawMessage
	// Records counts RECORD messages by stream, Schemas SCHEMA messages.
	Records, Schemas map[string]int
	// States are the values of all STATE messages in order; Covered is the number of records before
	// each.
	States  []json.RawMessage
	Covered []int
	// LastSchema is the last schema of each stream.
	LastSchema map[string]json.RawMessage

	validators map[string]*gojsonschema.Schema
	keys       map[string][]string
	columns    map[string]map[string]any
	compiled   map[string]*gojsonschema.Schema
	total      int
}

// Load reads messages until the end. If partial is true, it ignores an incomplete last line, as
// after a kill.
func (l *Loader) Load(r io.Reader, partial bool) error {
	if l.Rows == nil {
		l.Rows, l.Records, l.Schemas = map[string]map[string]json.RawMessage{}, map[string]int{},
			map[string]int{}
		l.LastSchema, l.keys, l.compiled = map[string]json.RawMessage{}, map[string][]string{},
			map[string]*gojsonschema.Schema{}
	}
	l.columns = map[string]map[string]any{}
	l.validators = map[string]*gojsonschema.Schema{} // each run must send its schemas again
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			if len(line) == 0 || partial {
				return nil
			}
			return fmt.Errorf("line %d has no end: %.200s", n, line)
		}
		if err != nil {
			return err
		}
		if err := l.take(line); err != nil {
			return fmt.Errorf("line %d: %w: %.300s", n, err, line)
		}
	}
}

func (l *Loader) take(line []byte) error {
	m, err := decode(line)
	if err != nil {
		return err
	}
	switch m.text("type") {
	case "SCHEMA":
		return l.schema(m)
	case "RECORD":
		return l.record(m)
	case "STATE":
		state := m["value"].raw
		if !bytes.HasPrefix(state, []byte("{")) {
			return fmt.Errorf("a state that is no object")
		}
		l.States = append(l.States, state)
		l.Covered = append(l.Covered, l.total)
		return nil
	}
	return fmt.Errorf("unknown message type %q", m.text("type"))
}

func (l *Loader) schema(m message) error {
	stream, schema := m.text("stream"), m["schema"]
	keys, err := m.texts("key_properties")
	if err != nil {
		return err
	}
	if stream == "" {
		return fmt.Errorf("a schema of no stream")
	}
	if len(keys) == 0 {
		return fmt.Errorf("a schema without key")
	}
	compiled := l.compiled[string(schema.raw)]
	if compiled == nil {
		compiled, err = gojsonschema.NewSchema(gojsonschema.NewRawLoader(schema.decoded))
		if err != nil {
			return fmt.Errorf("a schema that is none: %w", err)
		}
		l.compiled[string(schema.raw)] = compiled
	}
	columns, ok := schema.member("properties").(map[string]any)
	if !ok {
		return fmt.Errorf("a schema without columns")
	}
	l.columns[stream], l.validators[stream], l.keys[stream] = columns, compiled, keys
	l.LastSchema[stream] = schema.raw
	l.Schemas[stream]++
	return nil
}

func (l *Loader) record(m message) error {
	stream, record := m.text("stream"), m["record"]
	v := l.validators[stream]
	if v == nil {
		return fmt.Errorf("a record before its schema")
	}
	if _, err := time.Parse(time.RFC3339Nano, m.text("time_extracted")); err != nil {
		return err
	}
	row, ok := record.decoded.(map[string]any)
	if !ok {
		return fmt.Errorf("a record that is no object")
	}
	result, err := v.Validate(gojsonschema.NewRawLoader(row))
	if err != nil {
		return err
	}
	if !result.Valid() {
		return fmt.Errorf("a record that its schema does not admit: %v", result.Errors())
	}
	for column := range row {
		if l.columns[stream][column] == nil {
			return fmt.Errorf("column %q stands in no schema", column)
		}
	}
	key := ""
	for _, k := range l.keys[stream] {
		if row[k] == nil {
			return fmt.Errorf("a record without key")
		}
		key += keyOf(row[k])
	}
	if l.Rows[stream] == nil {
		l.Rows[stream] = map[string]json.RawMessage{}
	}
	l.Rows[stream][key] = record.raw
	l.Records[stream]++
	l.total++
	return nil
}

// LastState is the value of the last STATE message; empty if there was none.
func (l *Loader) LastState() []byte {
	if len(l.States) == 0 {
		return nil
	}
	return l.States[len(l.States)-1]
}

// Total is the number of records of all streams.
func (l *Loader) Total() int { return l.total }

// Missing lists the differences between what was loaded and rows, a JSON array of objects with the
// key id: missing rows, and rows with other values.
func (l *Loader) Missing(stream string, rows []byte) (missing, stale []string, err error) {
	var all []json.RawMessage
	if err := json.Unmarshal(rows, &all); err != nil {
		return nil, nil, err
	}
	loaded := make(map[string]bool, len(l.Rows[stream]))
	for _, row := range l.Rows[stream] {
		loaded[string(row)] = true
	}
	texts := textColumns(l.LastSchema[stream])
	for _, row := range all {
		if loaded[string(row)] {
			continue // byte for byte
		}
		v, err := newDecoder(row).value(true)
		if err != nil {
			return nil, nil, err
		}
		key := keyOf(v.member("id"))
		have, ok := l.Rows[stream][key]
		switch {
		case !ok:
			missing = append(missing, key)
		case !same(have, row, texts):
			stale = append(stale, key)
		}
	}
	return missing, stale, nil
}

// textColumns are the columns that a schema gives as text.
func textColumns(schema []byte) map[string]bool {
	var s struct {
		Properties map[string]struct {
			Type any `json:"type"`
		} `json:"properties"`
	}
	texts := map[string]bool{}
	if json.Unmarshal(schema, &s) != nil {
		return texts
	}
	for name, c := range s.Properties {
		texts[name] = fmt.Sprint(c.Type) == "[string null]"
	}
	return texts
}

// same reports whether a loaded row has the values of another one; in columns of text, values of
// other kinds are their JSON.
func same(have, row []byte, texts map[string]bool) bool {
	var x, y map[string]any
	if json.Unmarshal(have, &x) != nil || json.Unmarshal(row, &y) != nil {
		return false
	}
	for name, value := range y {
		text, isText := x[name].(string)
		if _, wasText := value.(string); isText && !wasText && texts[name] {
			var loaded any
			if json.Unmarshal([]byte(text), &loaded) != nil {
				return false
			}
			x[name] = loaded
		}
	}
	p, err1 := json.Marshal(x)
	q, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && bytes.Equal(p, q)
}
