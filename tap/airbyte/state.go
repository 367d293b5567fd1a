package airbyte

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// bookmark is a stream's state: the key that Airbyte's own Greenhouse source writes, and this
// source's own keys.
type bookmark struct {
	UpdatedAt    string           `json:"updated_at,omitzero"`
	Organization tap.Organization `json:"organization,omitzero"`
	tap.Bookmark
}

func toState(b *tap.Bookmark, o tap.Organization) bookmark {
	out := bookmark{Bookmark: *b, Organization: o}
	if !b.Until.IsZero() {
		out.UpdatedAt = tap.FormatTime(b.Until)
	}
	return out
}

// foreign is the other form that Airbyte's sources write: a state by partitions.
type foreign struct {
	UpdatedAt *string `json:"updated_at"`
	States    []struct {
		Cursor struct {
			UpdatedAt *string `json:"updated_at"`
		} `json:"cursor"`
	} `json:"states"`
}

// ParseState reads the state from the platform, an array of STATE payloads, including one that
// Airbyte's own Greenhouse source wrote. Streams for which lookup returns nil are left out. Errors
// name the stream.
func ParseState(data []byte, lookup tap.Lookup) (*tap.State, error) {
	st := tap.NewState()
	if trimmed := bytes.TrimSpace(data); string(trimmed) == "{}" || string(trimmed) == "null" {
		return st, nil // what the platform passes on a first run
	}
	var payloads []struct {
		Type   string `json:"type"`
		Stream *struct {
			Descriptor descriptor     `json:"stream_descriptor"`
			State      jsontext.Value `json:"stream_state"`
		} `json:"stream"`
	}
	// PyAirbyte passes objects with a member twice; the last one counts, as in the parsers of the
	// platforms.
	if err := json.Unmarshal(data, &payloads, jsontext.AllowDuplicateNames(true)); err != nil {
		if jsontext.Value(data).Kind() == '{' {
			return nil, errors.New("it is an object, not an array of states: is it a Singer state?")
		}
		return nil, err
	}
	for _, p := range payloads {
		if p.Stream == nil {
			return nil, fmt.Errorf("a state of type %q is not the state of a stream", p.Type)
		}
		name := p.Stream.Descriptor.Name
		s := lookup(name)
		if s == nil || len(p.Stream.State) == 0 || p.Stream.State.Kind() == 'n' {
			continue
		}
		b, err := parseBookmark(p.Stream.State, s)
		if err != nil {
			return nil, fmt.Errorf("stream %q: %w", name, err)
		}
		st.Bookmarks[name] = b
		if o := organizationOf(p.Stream.State); o.ID != "" && !slices.Contains(st.Earlier, o) {
			st.Earlier = append(st.Earlier, o)
		}
	}
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

func parseBookmark(raw jsontext.Value, s *tap.Stream) (*tap.Bookmark, error) {
	var f foreign
	if err := json.Unmarshal(raw, &f, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, errors.New("updated_at is not a time")
	}
	b, err := tap.ParseBookmark(raw, s)
	if err != nil {
		return nil, err
	}
	if b.Until, err = parseTime(f.UpdatedAt); err != nil {
		return nil, err
	}
	// A stream that was read in partitions is complete up to where the slowest one stopped.
	parts := make([]time.Time, len(f.States))
	for i, p := range f.States {
		if parts[i], err = parseTime(p.Cursor.UpdatedAt); err != nil {
			return nil, err
		}
	}
	if f.UpdatedAt == nil {
		b.Until = tap.Slowest(parts)
	}
	return b, nil
}

func parseTime(text *string) (time.Time, error) {
	if text == nil || *text == "" {
		return time.Time{}, nil
	}
	t, err := tap.ParseTime(*text)
	if err != nil {
		return time.Time{}, fmt.Errorf("updated_at: %w", err)
	}
	return t, nil
}
