// Package voicetest holds the laws that every [tap.Voice] keeps.
package voicetest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Voice tests a voice; each call of made returns a new one.
func Voice(t *testing.T, made func() tap.Voice) {
	t.Run("the same state is the same bytes", func(t *testing.T) { sameBytes(t, made) })
	t.Run("events are whole lines", func(t *testing.T) { wholeLines(t, made()) })
	t.Run("a record in its frame is a line", func(t *testing.T) { framed(t, made()) })
}

func users() *tap.Stream {
	s := &tap.Stream{
		Name: "users", Key: []string{"id"}, Bookmark: "updated_at",
		Schema: jsontext.Value(`{"type":"object","properties":{"id":{"type":"integer"},"updated_at":{"type":"string","format":"date-time"}}}`),
	}
	s.Prepare()
	return s
}

// sameBytes holds whatever texts of the server are in a state.
func sameBytes(t *testing.T, made func() tap.Voice) {
	st := tap.NewState()
	st.Organization.Name = "no UTF-8: \xff"
	learnt := map[string]jsontext.Value{}
	for name := 'a'; name <= 'z'; name++ {
		learnt[string(name)] = jsontext.Value(`{"type":"string"}`)
	}
	st.Of("users").Learnt = learnt
	saved := tap.Saved{State: st, Since: []tap.Written{{Stream: users()}}}
	first := made().Append(nil, saved)
	assert.Contains(t, string(first), "no UTF-8: \ufffd")
	for range 5 {
		assert.Equal(t, string(first), string(made().Append(nil, saved)))
	}
}

// wholeLines holds for every event, and what was there before stays.
func wholeLines(t *testing.T, voice tap.Voice) {
	s := users()
	shape, err := s.Shape()
	require.NoError(t, err)
	q := (&tap.Choice{Stream: s}).Select(shape, nil)
	noon := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	state := tap.NewState()
	state.Of(s.Name).Until = noon
	for _, e := range []tap.Event{
		tap.Started{Stream: s},
		tap.Schema{Query: q, Shape: shape},
		tap.Running{Stream: s},
		tap.Estimate{Stream: s, Records: 3},
		tap.Deleted{Query: q, Version: 2, IDs: []int64{7, 3}, At: noon},
		tap.Waiting{Streams: []*tap.Stream{s}, Until: noon},
		tap.Saved{State: state, Since: []tap.Written{{Stream: s, Records: 3}}},
		tap.Ended{Stream: s},
		tap.Ended{Stream: s, Err: errors.New("two\nlines")},
	} {
		out, ok := bytes.CutPrefix(voice.Append([]byte("before\n"), e), []byte("before\n"))
		require.True(t, ok, "%T", e)
		for line := range bytes.Lines(out) {
			assert.True(t, bytes.HasSuffix(line, []byte("\n")), "%T: %s", e, line)
			assert.True(t, jsontext.Value(line).IsValid(), "%T: %s", e, line)
		}
	}
}

func framed(t *testing.T, voice tap.Voice) {
	q := (&tap.Choice{Stream: users()}).Select(nil, nil)
	for _, version := range []int64{0, 2} {
		prefix, suffix := voice.Frame(q, version, time.Now())
		line := append(append(bytes.Clone(prefix), `{"id":7}`...), suffix...)
		assert.Equal(t, 1, bytes.Count(line, []byte("\n")))
		assert.True(t, bytes.HasSuffix(line, []byte("\n")))
		assert.True(t, jsontext.Value(line).IsValid(), "%s", line)
	}
}
