package singer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/voicetest"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// FuzzState checks that a state that was read and written reads and writes as the same state.
func FuzzState(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"bookmarks":{}}`,
		`{"bookmarks":{"users":{"replication_key":"updated_at","replication_key_value":"2026-01-31T08:15:30.123Z","pages":3}}}`,
		`{"type":"STATE","value":{"bookmarks":{"users":{"replication_key_value":"2026-01-31"}},"currently_syncing":"users"}}`,
		`{"bookmarks":{"users":{"partitions":[{"replication_key_value":"2026-01-31T08:15:30Z"},{"replication_key_value":"2025-01-31T08:15:30Z"}]}}}`,
		`{"bookmarks":{"candidates":{"progress":{"began":"2026-01-31T08:15:30Z","query":"id","pieces":[{"from":"2020-01-01T00:00:00Z","before":"2021-01-01T00:00:00Z","cursor":"c"},{}]}}}}`,
		`{"bookmarks":{"job_posts":{"progress":{"began":"2026-01-31T08:15:30Z","pieces":[{"pass":1}]},"learnt":{"new":{"type":["string","null"]}}}}}`,
		`{"bookmarks":{"gone":{"any":"thing"}},"version":1}`,
	} {
		f.Add([]byte(seed))
	}
	all, err := schemas.Load()
	require.NoError(f, err)
	known := map[string]*tap.Stream{}
	for _, s := range all {
		known[s.Name] = s
	}
	lookup := func(name string) *tap.Stream { return known[name] }
	write := func(t *testing.T, st *tap.State) []byte {
		t.Helper()
		var m struct {
			Value json.RawMessage `json:"value"`
		}
		require.NoError(t, json.Unmarshal(new(singer.Voice).Append(nil, tap.Saved{State: st}), &m))
		return m.Value
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := singer.ParseState(data, lookup)
		if err != nil {
			return
		}
		for name, b := range first.Bookmarks {
			if y := b.Until.Year(); y < 0 || y > 9999 {
				t.Skipf("%s: a year that no platform writes", name)
			}
		}
		once := write(t, first)
		second, err := singer.ParseState(once, lookup)
		require.NoError(t, err, string(once))
		assert.JSONEq(t, string(once), string(write(t, second)))
		for name, b := range first.Bookmarks {
			if again := second.Bookmarks[name]; again != nil {
				assert.False(t, again.Until.After(b.Until), "a bookmark never moves on by itself")
				assert.Equal(t, b.Progress, again.Progress)
				assert.Equal(t, b.Pages, again.Pages)
			} else {
				assert.True(t, b.Until.IsZero() && b.Progress == nil && len(b.Learnt) == 0,
					"only what says nothing is left out")
			}
		}
		assert.Len(t, second.Others, len(first.Others), "what is not known is passed on")
	})
}

// Foreign states: a bare one, a whole message, one with partitions, of another key, with unknown
// streams.
func TestForeignStates(t *testing.T) {
	users := &tap.Stream{
		Name: "users", Key: []string{"id"}, Bookmark: "updated_at",
		Schema: []byte(`{"type":"object","properties":{"id":{"type":"integer"}}}`),
	}
	users.Prepare()
	lookup := func(name string) *tap.Stream {
		if name != "users" {
			return nil
		}
		return users
	}
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	mark := func(entry string) string { return `{"bookmarks":{"users":` + entry + `}}` }
	for state, want := range map[string]time.Time{
		`{}`: {}, `null`: {}, mark(`null`): {}, mark(`{}`): {},
		mark(`{"replication_key_value":null}`):                                                  {},
		mark(`{"replication_key_value":"2026-01-05"}`):                                          day(5),
		mark(`{"replication_key":"updated_at","replication_key_value":"2026-01-05T00:00:00Z"}`): day(5),
		`{"type":"STATE","value":` + mark(`{"replication_key_value":"2026-01-05"}`) +
			`}`: day(5),
		`{"singer_state":` + mark(`{"replication_key_value":"2026-01-05"}`) + `}`:                                                             day(5),
		`{"type":"STATE","bookmarks":{"users":{"replication_key_value":"2026-01-05"}}}`:                                                       day(5),
		mark(`{"partitions":[{"replication_key_value":"2026-01-05"},{"replication_key_value":"2026-01-03"}]}`):                                day(3),
		mark(`{"partitions":[{"replication_key_value":"2026-01-05"},{}]}`):                                                                    {},
		mark(`{"replication_key_value":"2026-01-07","partitions":[{"replication_key_value":"2026-01-03"}]}`):                                  day(7),
		mark(`{"replication_key":"created_at","replication_key_value":"2026-01-05"}`):                                                         {},
		mark(`{"replication_key":"created_at"}`):                                                                                              {},
		mark(`{"replication_key":"created_at","partitions":[{"replication_key_value":"2026-01-05"},{"replication_key_value":"2026-01-06"}]}`): {},
	} {
		st, err := singer.ParseState([]byte(state), lookup)
		require.NoError(t, err, state)
		assert.Equal(t, want, st.Of("users").Until, state)
		assert.Len(t, st.Notes, map[bool]int{true: 1}[strings.Contains(state, "created_at") &&
			strings.Contains(state, "2026")], state)
	}
	for _, bad := range []string{
		`[]`, `{"type":"STATE","value":[]}`, mark(`{"updated_at":"soon"}`), mark(`{"updated_at":7}`),
		mark(`{"replication_key_value":"soon"}`), mark(`{"replication_key_value":7}`),
		mark(`{"partitions":[{"replication_key_value":"soon"}]}`), mark(`{"partitions":7}`),
		mark(`{"replication_key_value":"2026-01-05","pages":-1}`),
	} {
		_, err := singer.ParseState([]byte(bad), lookup)
		assert.Error(t, err, bad)
	}
	twice, err := singer.ParseState([]byte(`{"bookmarks":{"users":{"replication_key_value":"2026-01-04","replication_key_value":"2026-01-05"}}}`), lookup)
	require.NoError(t, err, "of a member that appears twice, the last one counts")
	assert.Equal(t, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), twice.Of("users").Until)
	st, err := singer.ParseState([]byte(`{"bookmarks":{"users":{"replication_key_value":"2026-01-05"},"other":{"any":[1]}},"extra":{"kept":true}}`), lookup)
	require.NoError(t, err)
	out := string(new(singer.Voice).Append(nil, tap.Saved{State: st}))
	assert.Contains(t, out, `"other":{"any":[1]}`)
	assert.Contains(t, out, `"extra":{"kept":true}`)
}

// The forms of singer-python and of the SDK are known; of any other, a note says that its streams
// are read from the start.
func TestUnknownFormsOfStatesAreSaid(t *testing.T) {
	all, err := schemas.Load("users", "jobs", "demographic_questions")
	require.NoError(t, err)
	lookup := func(name string) *tap.Stream {
		for _, s := range all {
			if s.Name == name {
				return s
			}
		}
		return nil
	}
	for _, state := range []string{
		`{}`, `null`, `{"bookmarks":null}`, `{"bookmarks":{}}`, `{"currently_syncing":"users"}`,
		`{"currently_syncing":"users","bookmarks":{"users":{"updated_at":"2026-01-05T00:00:00Z"}}}`,
		`{"bookmarks":{"users":{"replication_key":"updated_at","starting_replication_value":"2026-01-01"}}}`,
		`{"bookmarks":{"users":{"partitions":[]},"jobs":{"progress_markers":{"Note":"x"}}}}`,
		`{"bookmarks":{"users":{"pages":3,"more":"of a later version"}}}`,
		`{"bookmarks":{"users":{"progress":null,"policy":null,"odd":null}}}`,
		`{"bookmarks":{"gone":{"last_record":"x"},"demographic_questions":{"last_record":"x"}}}`,
	} {
		st, err := singer.ParseState([]byte(state), lookup)
		require.NoError(t, err, state)
		assert.Empty(t, st.Notes, state)
	}
	st, err := singer.ParseState([]byte(`{"currently_syncing":"users","bookmarks":{"users":{"updated_at":"2026-01-05"}}}`), lookup)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), st.Of("users").Until)
	assert.Contains(t, string(new(singer.Voice).Append(nil, tap.Saved{State: st})), `"currently_syncing":null`,
		"it was another run's")

	for state, says := range map[string]string{
		`{"users":"2026-01-05T00:00:00Z"}`:                           "all streams are read from the start",
		`{"users":{"updated_at":"2026-01-05T00:00:00Z"}}`:            "all streams are read from the start",
		`{"bookmarks":[]}`:                                           "all streams are read from the start",
		`{"bookmarks":"2026-01-05"}`:                                 "all streams are read from the start",
		`{"bookmarks":{"users":"2026-01-05","jobs":{"last":"x"}}}`:   "from the start: jobs, users",
		`{"bookmarks":{"users":{"created_at":"2026-01-05"}}}`:        "from the start: users",
		`{"bookmarks":{"users":{"offset":{"page":3}},"jobs":[1,2]}}`: "from the start: jobs, users",
	} {
		st, err := singer.ParseState([]byte(state), lookup)
		require.NoError(t, err, state)
		require.Len(t, st.Notes, 1, state)
		assert.Contains(t, st.Notes[0], says, state)
		assert.True(t, st.Of("users").Until.IsZero(), state)
	}
}

// A bookmark of another replication key is not used, and what else is known of its stream is.
func TestOtherReplicationKeysLoseNothingElse(t *testing.T) {
	users := &tap.Stream{Name: "users", Key: []string{"id"}, Bookmark: "updated_at"}
	st, err := singer.ParseState([]byte(`{"bookmarks":{"users":{"replication_key":"created_at","replication_key_value":"2026-01-05","pages":3,"version":7}}}`),
		func(string) *tap.Stream { return users })
	require.NoError(t, err)
	assert.Equal(t, &tap.Bookmark{Pages: 3, Version: 7}, st.Of("users"))
	require.Len(t, st.Notes, 1)
	assert.Contains(t, st.Notes[0], "a value of created_at")
}

// What every voice keeps to.
func TestVoice(t *testing.T) {
	voicetest.Voice(t, func() tap.Voice { return new(singer.Voice) })
}

// The organization stands beside the bookmarks, wherever the state came from; what is unreadable is
// unknown.
func TestStateKeepsItsOrganization(t *testing.T) {
	acme := tap.Organization{ID: "1", Name: "Acme"}
	for text, want := range map[string][]tap.Organization{
		`{"bookmarks":{},"organization":{"id":"1","name":"Acme"}}`: {acme},
		`{"bookmarks":{},"organization":"Acme"}`:                   nil,
		`{"bookmarks":{},"organization":null}`:                     {{}},
		`{"bookmarks":{}}`:                                         nil,
	} {
		st, err := singer.ParseState([]byte(text), func(string) *tap.Stream { return nil })
		require.NoError(t, err, text)
		assert.Equal(t, want, st.Earlier, text)
		assert.Empty(t, st.Extra, "it is not passed on twice")
	}
	st := tap.NewState()
	st.Organization = acme
	assert.JSONEq(t,
		`{"type":"STATE","value":{"bookmarks":{},"organization":{"id":"1","name":"Acme"}}}`,
		string(new(singer.Voice).Append(nil, tap.Saved{State: st})))
}
