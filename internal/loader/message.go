package loader

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// message is a Singer message, by its members.
type message map[string]value

// value is a JSON value: as it was written, and decoded, with its numbers as text. The value of a
// state is not decoded.
type value struct {
	raw     json.RawMessage
	decoded any
}

// decode reads a message, each of its bytes once. A line is one object, whose members differ in
// name.
func decode(line []byte) (message, error) {
	dec := newDecoder(line)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("a message that is no object"), err)
	}
	m := message{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := dec.value(name != "value") // of a state, only the form matters
		if err != nil {
			return nil, err
		}
		if _, twice := m[name.(string)]; twice {
			return nil, fmt.Errorf("a message with two members %q", name)
		}
		m[name.(string)] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than a message in a line")
	}
	return m, nil
}

// text is a member that is text; empty if it is none.
func (m message) text(name string) string {
	s, _ := m[name].decoded.(string)
	return s
}

// texts is a member that is a list of texts.
func (m message) texts(name string) ([]string, error) {
	list, _ := m[name].decoded.([]any)
	texts := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no list of texts", name)
		}
		texts[i] = s
	}
	return texts, nil
}

// member is a member of an object; nil if there is none.
func (v value) member(name string) any {
	object, _ := v.decoded.(map[string]any)
	return object[name]
}

// keyOf is the part of a row's key that a column is.
func keyOf(column any) string { return fmt.Sprint(column) + "/" }

// decoder decodes values and keeps what they were decoded from.
type decoder struct {
	*json.Decoder
	data []byte
}

func newDecoder(data []byte) decoder {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return decoder{d, data}
}

// value reads the next value, and decodes it if that is asked for.
func (d decoder) value(decoded bool) (v value, err error) {
	if !decoded {
		return v, d.Decode(&v.raw)
	}
	from := d.InputOffset()
	if err := d.Decode(&v.decoded); err != nil {
		return value{}, err
	}
	v.raw = bytes.TrimLeft(d.data[from:d.InputOffset()], ":, \t\r\n")
	return v, nil
}
