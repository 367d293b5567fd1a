package airbyte_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/voicetest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
)

// stateOf is the state of users, as the platform passes it.
func stateOf(state string) []byte {
	return []byte(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":` + state + `}}]`)
}

// The organization stands in the state of each stream; what is unreadable is unknown.
func TestStatesKeepTheirOrganization(t *testing.T) {
	acme, other := tap.Organization{ID: "1", Name: "Acme"}, tap.Organization{ID: "2"}
	any := func(name string) *tap.Stream { return &tap.Stream{Name: name, Bookmark: "updated_at"} }
	for text, want := range map[string][]tap.Organization{
		string(stateOf(`{"organization":{"id":"1","name":"Acme"}}`)): {acme},
		string(stateOf(`{"organization":"Acme"}`)):                   nil,
		string(stateOf(`{"organization":{"name":"Acme"}}`)):          nil,
		string(stateOf(`{"organization":null}`)):                     nil,
		string(stateOf(`{"organization":{"id":"2"},"x":1,"x":2}`)):   {other},
		string(stateOf(`"2026-01-05"`)):                              nil,
		`[{"type":"LEGACY","data":{"a":{"organization":{"id":"2"}},"b":{"organization":{"id":"2"}},"c":{"organization":{"id":"1","name":"Acme"}}}}]`: {other, acme},
	} {
		st, err := airbyte.ParseState([]byte(text), any)
		require.NoError(t, err, text)
		assert.Equal(t, want, st.Earlier, text)
	}
	st := tap.NewState()
	st.Organization = acme
	st.Of("users").Until = at
	assert.Contains(t, string(new(airbyte.Voice).Append(nil, tap.Saved{State: st, Since: []tap.Written{{Stream: users}}})),
		`"stream_state":{"updated_at":"`+tap.FormatTime(at)+`","organization":{"id":"1","name":"Acme"},`)
}

// What every voice keeps to.
func TestVoice(t *testing.T) {
	voicetest.Voice(t, func() tap.Voice { return new(airbyte.Voice) })
}

// A state that cannot be used is an error that names the stream and the cause; wrong members of
// other forms do not matter beside a known one.
func TestUnusableStates(t *testing.T) {
	for text, says := range map[string]string{
		`[`:                                      "EOF",
		`{"bookmarks":{}}`:                       "it is an object, not an array of states: is it a Singer state?",
		`"x"`:                                    "JSON string",
		string(stateOf(`{"updated_at":7}`)):      `stream "users": its cursor is not a time`,
		string(stateOf(`{"updated_at":"soon"}`)): `stream "users": updated_at: "soon" is not a time`,
		string(stateOf(`{"submitted_at":"soon"}`)):                                  `stream "users": submitted_at: `,
		string(stateOf(`{"slices":[{"end":"soon"}]}`)):                              `stream "users": `,
		string(stateOf(`{"states":[{"cursor":{"updated_at":"soon"}}]}`)):            `stream "users": updated_at: `,
		string(stateOf(`{"use_global_cursor":true,"state":{"updated_at":"soon"}}`)): `stream "users": updated_at: `,
		string(stateOf(`{"updated_at":"2026-01-05","pages":-1}`)):                   `stream "users": pages is negative`,
		string(stateOf(`{"updated_at":"2026-01-05","progress":7}`)):                 `stream "users": `,
	} {
		_, err := airbyte.ParseState([]byte(text), lookupUsers)
		assert.ErrorContains(t, err, says, text)
	}
	st, err := airbyte.ParseState(stateOf(`{"updated_at":"2026-01-04","updated_at":"2026-01-05","pages":3}`), lookupUsers)
	require.NoError(t, err, "of a member that appears twice, the last one counts")
	assert.Equal(t, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), st.Of("users").Until)
	assert.Equal(t, 3, st.Of("users").Pages)
}

// A look-back of another source is kept, to a part of a second.
func TestLookBackOfAGlobalCursor(t *testing.T) {
	st, err := airbyte.ParseState(stateOf(`{"use_global_cursor":true,"lookback_window":1.5,"state":{"updated_at":"2026-01-05"}}`), lookupUsers)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 4, 23, 59, 58, 500_000_000, time.UTC), st.Of("users").Until)
}

// The state of a list that Greenhouse cannot filter by time says nothing, in whatever form.
func TestStatesOfListsWithoutATime(t *testing.T) {
	st, err := airbyte.ParseState(stateOf(`{"cursor":7}`), func(name string) *tap.Stream {
		return &tap.Stream{Name: name}
	})
	require.NoError(t, err)
	assert.Empty(t, st.Notes)
}
