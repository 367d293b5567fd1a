package airbyte

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// organization is the member of a stream's state that says whose rows it is about.
const organization = "organization"

// bookmark is a stream's state: the key that Airbyte's own Greenhouse source writes, and this
// source's own keys.
type bookmark struct {
	UpdatedAt    string           `json:"updated_at,omitzero"`
	Organization tap.Organization `json:"organization,omitzero"`
	tap.Extra
}

func toState(b *tap.Bookmark, o tap.Organization) bookmark {
	out := bookmark{Extra: b.Extra(), Organization: o}
	if !b.Until.IsZero() {
		out.UpdatedAt = tap.FormatTime(b.Until)
	}
	return out
}

// foreign is what other sources of Airbyte write: a cursor, the ranges of time that were read, or a
// state by partitions.
type foreign struct {
	cursor
	Slices []struct {
		Start  string `json:"start"`
		End    string `json:"end"`
		Newest string `json:"most_recent_cursor_value"`
	} `json:"slices"`
	States []struct {
		Cursor cursor `json:"cursor"`
	} `json:"states"`
	Global         cursor  `json:"state"`
	UseGlobal      bool    `json:"use_global_cursor"`
	LookbackWindow float64 `json:"lookback_window"` // in seconds
}

// cursor is a time under the name of its column. What was submitted until a time was changed then
// or later, so submitted_at is a bookmark, too.
type cursor struct {
	UpdatedAt   *string `json:"updated_at"`
	SubmittedAt *string `json:"submitted_at"`
}

func (c cursor) time() (time.Time, error) {
	for name, text := range map[string]*string{
		"updated_at": c.UpdatedAt, "submitted_at": c.SubmittedAt,
	} {
		if text == nil || *text == "" || name == "submitted_at" && c.UpdatedAt != nil {
			continue
		}
		t, err := tap.ParseTime(*text)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s: %w", name, err)
		}
		return t, nil
	}
	return time.Time{}, nil
}

// payload is a state message's content.
type payload struct {
	Type   string       `json:"type"`
	Stream *inputStream `json:"stream"`
	Global *struct {
		Streams []inputStream `json:"stream_states"`
	} `json:"global"`
	Data map[string]jsontext.Value `json:"data"` // of all streams, before each had a state
}

type inputStream struct {
	Descriptor descriptor     `json:"stream_descriptor"`
	State      jsontext.Value `json:"stream_state"`
}

// payloads returns the array of STATE payloads in data: it may be a single one, or a whole message,
// as somebody kept it who read the messages by himself. It returns nil for any other object.
func payloads(data []byte) []byte {
	if jsontext.Value(data).Kind() != '{' {
		return data
	}
	var message struct {
		Type  string         `json:"type"`
		State jsontext.Value `json:"state"`
	}
	one := payload{}
	if json.Unmarshal(data, &message, jsontext.AllowDuplicateNames(true)) == nil &&
		message.Type == "STATE" && message.State.Kind() == '{' {
		data = message.State
	}
	err := json.Unmarshal(data, &one, jsontext.AllowDuplicateNames(true))
	if err != nil || one.Stream == nil && one.Global == nil && one.Data == nil {
		return nil
	}
	return slices.Concat([]byte("["), data, []byte("]"))
}

// IsState reports whether data is a state of Airbyte, and not one of Singer.
func IsState(data []byte) bool {
	data = bytes.TrimSpace(data)
	return jsontext.Value(data).Kind() == '[' ||
		jsontext.Value(data).Kind() == '{' && payloads(data) != nil
}

// ParseState reads the state from the platform, an array of STATE payloads, including one that
// Airbyte's own Greenhouse source wrote. Streams for which lookup returns nil are left out. Errors
// name the stream.
func ParseState(data []byte, lookup tap.Lookup) (*tap.State, error) {
	st := tap.NewState()
	if trimmed := bytes.TrimSpace(data); string(trimmed) == "{}" || string(trimmed) == "null" {
		return st, nil // what the platform passes on a first run
	}
	array := payloads(bytes.TrimSpace(data))
	if array == nil {
		return nil, errors.New("it is an object, not an array of states: is it a Singer state?")
	}
	var all []payload
	// PyAirbyte passes objects with a member twice; the last one counts, as in the parsers of the
	// platforms.
	if err := json.Unmarshal(array, &all, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, err
	}
	var unknown []string
	for _, p := range all {
		streams, known := p.streams()
		if !known {
			st.Notes = append(st.Notes, fmt.Sprintf("state: a payload of type %q is not known, and its streams are read from the start",
				p.Type))
		}
		for _, in := range streams {
			name := in.Descriptor.Name
			s := lookup(name)
			if s == nil || len(in.State) == 0 || in.State.Kind() == 'n' {
				continue
			}
			b, understood, err := parseBookmark(in.State, s)
			if err != nil {
				return nil, fmt.Errorf("stream %q: %w", name, err)
			}
			if !understood {
				unknown = append(unknown, name)
			}
			st.Bookmarks[name] = b
			if o := organizationOf(in.State); o.ID != "" && !slices.Contains(st.Earlier, o) {
				st.Earlier = append(st.Earlier, o)
			}
		}
	}
	st.NoteUnknown(unknown)
	return st, nil
}

// organizationOf returns the organization of a stream's state; empty if it says none.
func organizationOf(state jsontext.Value) tap.Organization {
	var of struct {
		Organization tap.Organization `json:"organization"`
	}
	if json.Unmarshal(state, &of, jsontext.AllowDuplicateNames(true)) != nil {
		return tap.Organization{}
	}
	return of.Organization
}

// streams returns the states of streams in a payload, and whether it has a known form.
func (p *payload) streams() (streams []inputStream, known bool) {
	switch {
	case p.Stream != nil:
		return []inputStream{*p.Stream}, true
	case p.Global != nil:
		return p.Global.Streams, true
	}
	for _, name := range slices.Sorted(maps.Keys(p.Data)) {
		streams = append(streams,
			inputStream{Descriptor: descriptor{Name: name}, State: p.Data[name]})
	}
	return streams, p.Data != nil
}

// parseBookmark reads a stream's state. It reports whether its form is known.
func parseBookmark(
	raw jsontext.Value, s *tap.Stream,
) (b *tap.Bookmark, understood bool, err error) {
	if raw.Kind() != '{' {
		return &tap.Bookmark{}, false, nil
	}
	var f foreign
	if err := json.Unmarshal(raw, &f, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, false, errors.New("its cursor is not a time")
	}
	if b, err = tap.ParseBookmark(raw, s); err != nil {
		return nil, false, err
	}
	if b.Until, err = f.until(); err != nil {
		return nil, false, err
	}
	understood = !b.Until.IsZero() || s.Bookmark == "" ||
		tap.Understood(raw, organization, "use_global_cursor", "state_type", "lookback_window",
			"parent_state", "legacy")
	return b, understood, nil
}

// until returns the time up to which a stream is complete; zero for none.
func (f *foreign) until() (time.Time, error) {
	switch {
	case f.UpdatedAt != nil || f.SubmittedAt != nil:
		return f.time()
	case len(f.Slices) > 0:
		// What was read before the first gap.
		first := f.Slices[0]
		for _, s := range f.Slices {
			if s.Start < first.Start {
				first = s
			}
		}
		at := first.Newest
		if at == "" {
			at = first.End
		}
		return cursor{UpdatedAt: &at}.time()
	case f.UseGlobal:
		t, err := f.Global.time()
		if t.IsZero() {
			return t, err
		}
		return t.Add(-time.Duration(f.LookbackWindow * float64(time.Second))), err
	}
	// A stream that was read in partitions is complete up to where the slowest one stopped.
	parts := make([]time.Time, len(f.States))
	for i, p := range f.States {
		var err error
		if parts[i], err = p.Cursor.time(); err != nil {
			return time.Time{}, err
		}
	}
	return tap.Slowest(parts), nil
}
