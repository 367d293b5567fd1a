package airbyte_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

var (
	at    = time.UnixMilli(1_795_000_000_123).UTC()
	users = &tap.Stream{Name: "users", Key: []string{"id"}, Bookmark: "updated_at", Schema: []byte(`{"type":"object","properties":{
		"id":{"type":"integer"},"name":{"type":["string","null"]},"updated_at":{"type":["string","null"],"format":"date-time"}}}`)}
)

func init() { users.Prepare() }

// said is a message without its time.
func said(lines []byte) string {
	return regexp.MustCompile(`"emitted_at":[0-9]{13}`).
		ReplaceAllString(string(lines), `"emitted_at":0`)
}

// Every message, byte for byte.
func TestMessages(t *testing.T) {
	v := &airbyte.Voice{}
	q := &tap.Query{Stream: users}
	before, behind := v.Frame(q, 7, at)
	assert.Equal(t, `{"type":"RECORD","record":{"stream":"users","data":{},"emitted_at":1795000000123}}`+"\n", string(before)+"{}"+string(behind))
	status := func(s string) string {
		return `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":0,"stream_status":{"stream_descriptor":{"name":"users"},"status":"` + s + `"}}}` + "\n"
	}
	assert.Equal(t, status("STARTED"), said(v.Append(nil, tap.Started{Stream: users})))
	assert.Equal(t, status("RUNNING"), said(v.Append(nil, tap.Running{Stream: users})))
	assert.Equal(t, status("COMPLETE"), said(v.Append(nil, tap.Ended{Stream: users})))
	assert.Equal(t, status("INCOMPLETE"),
		said(v.Append(nil, tap.Ended{Stream: users, Err: tap.Errorf(tap.Interrupted, "stopped", "by a signal")})),
		"who ended the run tells why")
	assert.Equal(t, `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":0,"error":{"message":"reading list users: 404 Not Found",`+
		`"internal_message":"reading list users: 404 Not Found","failure_type":"system_error","stream_descriptor":{"name":"users"}}}}`+"\n"+status("INCOMPLETE"),
		said(v.Append(nil, tap.Ended{Stream: users, Err: tap.Errorf(tap.Refused, "reading list users", "404 Not Found")})))
	assert.Equal(t, `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":0,"stream_status":{"stream_descriptor":{"name":"users"},"status":"RUNNING",`+
		`"reasons":[{"type":"RATE_LIMITED","rate_limited":{"quota_reset":1795000000123}}]}}}`+"\n",
		said(v.Append(nil, tap.Waiting{Streams: []*tap.Stream{users}, Until: at})))
	assert.Equal(t, `{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":0,"estimate":{"name":"users","type":"STREAM","row_estimate":3}}}`+"\n", said(v.Append(nil, tap.Estimate{Stream: users, Records: 3})))
	assert.Equal(t, `{"type":"RECORD","record":{"stream":"users","data":{"id":3,"updated_at":"`+
		tap.FormatTime(at)+`","_ab_cdc_deleted_at":"`+tap.FormatTime(at)+
		`"},"emitted_at":1795000000123}}`+"\n",
		string(v.Append(nil, tap.Deleted{Query: q, Version: 7, IDs: []int64{3}, At: at})))
	lacking := &tap.Query{Stream: q.Stream, Shape: record.NewObject([]record.Column{
		{Name: airbyte.DeletedAt, Treatment: record.Drop},
	})}
	assert.Empty(t, v.Append(nil, tap.Deleted{Query: lacking, Version: 7, IDs: []int64{3}, At: at}),
		"without the time it would be a row")
	assert.Empty(t, v.Append(nil, tap.Schema{Query: q}))
	assert.Equal(t, `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}`+"\n",
		string(airbyte.AppendStatus(nil, nil)))
	assert.Equal(t, `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"why"}}`+"\n", string(airbyte.AppendStatus(nil, errors.New("why"))))
	assert.Equal(t, `{"type":"LOG","log":{"level":"WARN","message":"text"}}`+"\n",
		string(airbyte.AppendLog(nil, "WARN", "text")))
	assert.Equal(t, `{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":0,"connectorConfig":{"config":{"a":1}}}}`+"\n", said(airbyte.AppendControl(nil, []byte(`{"a":1}`))))
}

func TestFailureTypes(t *testing.T) {
	for kind, want := range map[tap.Kind]string{
		tap.BadInput: "config_error", tap.Credentials: "config_error", tap.Scope: "config_error",
		tap.Rights: "config_error", tap.Storage: "config_error", tap.Gone: "config_error",
		tap.SignIn: "transient_error", tap.Network: "transient_error",
		tap.Server: "transient_error", tap.Unreachable: "transient_error",
		tap.Interrupted: "transient_error",
		tap.Refused:     "system_error", tap.Origin: "system_error", tap.Fault: "system_error",
		tap.TooLarge: "system_error", tap.Unprocessable: "system_error",
		tap.CursorExpired: "system_error", tap.LoaderGone: "system_error",
	} {
		assert.Contains(t, string(airbyte.AppendError(nil, tap.Errorf(kind, "doing", "it"))),
			`"failure_type":"`+want+`"`, "%d", kind)
	}
}

// An error of one stream comes with its end; who ends the run for all of them tells why, once.
func TestErrorsOfARunAreToldOnce(t *testing.T) {
	for kind := tap.Fault; kind <= tap.Interrupted; kind++ {
		ofTheRun := slices.Contains([]tap.Kind{
			tap.BadInput, tap.Credentials, tap.SignIn, tap.Rights, tap.Unreachable, tap.Interrupted,
			tap.LoaderGone,
		}, kind)
		text := string(new(airbyte.Voice).Append(nil,
			tap.Ended{Stream: users, Err: tap.Errorf(kind, "doing", "it")}))
		assert.Equal(t, !ofTheRun, strings.Contains(text, `"type":"ERROR"`), "%d", kind)
		assert.Contains(t, text, `"status":"INCOMPLETE"`, "%d", kind)
	}
}

// Where a list has no time of change, a deleted row has its key and the time at which it was found.
func TestDeletedRowsWithoutATimeOfChange(t *testing.T) {
	tags := &tap.Query{Stream: &tap.Stream{Name: "tags", Key: []string{"id"}}}
	row := func(id string) string {
		return `{"type":"RECORD","record":{"stream":"tags","data":{"id":` + id + `,"_ab_cdc_deleted_at":"` +
			tap.FormatTime(at) + `"},"emitted_at":1795000000123}}` + "\n"
	}
	assert.Equal(t, row("3")+row("4"),
		string(new(airbyte.Voice).Append(nil, tap.Deleted{Query: tags, IDs: []int64{3, 4}, At: at})))
}

func TestStates(t *testing.T) {
	lookup := func(name string) *tap.Stream {
		if name == "users" {
			return users
		}
		return nil
	}
	payload := func(state string) []byte {
		return []byte(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":` + state + `}},{"type":"STREAM","stream":{"stream_descriptor":{"name":"other"},"stream_state":{}}}]`)
	}
	st, err := airbyte.ParseState(payload(`{"updated_at":"2026-01-31T08:15:30Z"}`), lookup)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 31, 8, 15, 30, 0, time.UTC), st.Of("users").Until)
	v := &airbyte.Voice{}
	assert.Equal(t, `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"updated_at":"2026-01-31T08:15:30.000Z",`+
		`"progress":null,"learnt":null,"complete":null,"policy":null,"version":null,"whole":null,"start_date":null,"ledger":null,"verified":null,"quiet":null,"refused":null}},"sourceStats":{"recordCount":4}}}`+"\n",
		string(v.Append(nil, tap.Saved{State: st, Since: []tap.Written{{Stream: users, Records: 4}}})))
	assert.Empty(t, v.Append(nil, tap.Saved{State: st, Since: []tap.Written{{Stream: users, Ended: true}}}),
		"nothing follows the end of a stream")
	st, err = airbyte.ParseState(payload(`{"states":[{"cursor":{"updated_at":"2026-02-01"}},{"cursor":{"updated_at":"2026-01-01"}}]}`), lookup)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), st.Of("users").Until,
		"as far as the slowest of its partitions")
	stream := `{"stream_descriptor":{"name":"users"},"stream_state":{"updated_at":"2026-01-31"}}`
	for _, one := range []string{
		`{"type":"STREAM","stream":` + stream + `}`,
		`{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[` + stream + `]}}`,
		`{"type":"LEGACY","data":{"users":{"updated_at":"2026-01-31"}}}`,
		`{"type":"STATE","state":{"type":"STREAM","stream":` + stream + `}}` + "\n",
	} {
		assert.True(t, airbyte.IsState([]byte(one)), one)
		st, err = airbyte.ParseState([]byte(one), lookup)
		require.NoError(t, err, one)
		assert.Equal(t, time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), st.Of("users").Until, one)
	}
	for _, other := range []string{`{"bookmarks":{}}`, `{"type":"STATE","value":{}}`, `{}`, ``, `null`} {
		assert.False(t, airbyte.IsState([]byte(other)), other)
	}
	for _, empty := range []string{"{}", "null", "[]"} {
		st, err = airbyte.ParseState([]byte(empty), lookup)
		require.NoError(t, err)
		assert.Empty(t, st.Bookmarks)
	}
	for _, none := range [][]byte{
		payload(`null`),
		[]byte(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"}}}]`),
	} {
		st, err = airbyte.ParseState(none, lookup)
		require.NoError(t, err)
		assert.Empty(t, st.Bookmarks, string(none))
	}
	for _, bad := range [][]byte{
		payload(`{"updated_at":"soon"}`), payload(`{"updated_at":7}`),
		payload(`{"submitted_at":"soon"}`), payload(`{"slices":[{"end":"soon"}]}`),
		[]byte(`{"bookmarks":{}}`), []byte(`[`),
	} {
		_, err = airbyte.ParseState(bad, lookup)
		assert.Error(t, err, string(bad))
	}
}

func TestConfiguredCatalogs(t *testing.T) {
	shape, err := users.Shape()
	require.NoError(t, err)
	lookup := func(name string) *tap.Stream {
		if name != "users" {
			return nil
		}
		return users
	}
	parse := func(stream string) ([]*tap.Query, error) {
		choices, err := airbyte.ParseCatalog([]byte(`{"streams":[`+stream+`]}`), lookup)
		var queries []*tap.Query
		for _, c := range choices {
			queries = append(queries, c.Select(shape, nil))
		}
		return queries, err
	}
	got, err := parse(`{"stream":{"name":"users","json_schema":{"properties":{"id":{}}}},"sync_mode":"full_refresh","generation_id":4}`)
	require.NoError(t, err)
	assert.Equal(t, []string{"id", "updated_at"}, got[0].Fields, "key and cursor are always read")
	assert.True(t, got[0].FullTable)
	assert.Equal(t, "4", got[0].Generation)
	got, err = parse(`{"stream":{"name":"users","json_schema":{}},"sync_mode":"incremental"}`)
	require.NoError(t, err)
	assert.Nil(t, got[0].Fields)
	assert.False(t, got[0].FullTable)
	got, err = parse(`{"stream":{"name":"gone"}}`)
	require.NoError(t, err)
	assert.Equal(t, tap.Gone, tap.KindOf(got[0].Err))
	for _, bad := range []string{
		`{"stream":{"name":"users"},"sync_mode":"sideways"}`,
		`{"stream":{"name":"users"}},{"stream":{"name":"users"}}`, `{"stream":{"name":""}}`,
	} {
		_, err = parse(bad)
		assert.Error(t, err, bad)
	}
	got, err = parse(`{"stream":{"name":"x","name":"users"},"sync_mode":"full_refresh"}`)
	require.NoError(t, err, "of a name that appears twice, the last one counts")
	assert.Equal(t, "users", got[0].Stream.Name)
	assert.Empty(t, got[0].Generation)
	_, err = airbyte.ParseCatalog([]byte(`{}`), lookup)
	assert.ErrorContains(t, err, "list of streams")
	text := string(airbyte.AppendCatalog(nil, []tap.Discovered{{Stream: users, Shape: shape}}))
	assert.Contains(t, text, `"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["updated_at"],"source_defined_primary_key":[["id"]],"is_resumable":true`)
}

// The forms of state that Airbyte's sources write are known; of any other, a note says that its
// streams are read from the start.
func TestFormsOfStates(t *testing.T) {
	lookup := func(name string) *tap.Stream {
		if name != "users" {
			return nil
		}
		return users
	}
	of := func(state string) string {
		return `[{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":` + state + `}}]`
	}
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for _, known := range []string{
		of(`{"updated_at":"2026-01-05"}`), of(`{"submitted_at":"2026-01-05T00:00:00Z"}`),
		of(`{"updated_at":"2026-01-05","submitted_at":"2026-01-09"}`),
		of(`{"slices":[{"start":"2020-01-01","end":"2026-01-05"}],"state_type":"date-range"}`),
		of(`{"slices":[{"start":"2026-01-07","end":"2026-01-08"},{"start":"2020-01-01","end":"2026-01-06","most_recent_cursor_value":"2026-01-05"}]}`),
		of(`{"states":[{"partition":{"id":1},"cursor":{"updated_at":"2026-01-06"}},{"partition":{"id":2},"cursor":{"updated_at":"2026-01-05"}}],"use_global_cursor":false,"state":{"updated_at":"2026-01-07"}}`),
		of(`{"use_global_cursor":true,"lookback_window":86400,"state":{"updated_at":"2026-01-06"},"states":[]}`),
		`[{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"updated_at":"2026-01-05"}}]}}]`,
		`[{"type":"LEGACY","data":{"users":{"updated_at":"2026-01-05"},"gone":{}}}]`,
	} {
		st, err := airbyte.ParseState([]byte(known), lookup)
		require.NoError(t, err, known)
		assert.Equal(t, day, st.Of("users").Until, known)
		assert.Empty(t, st.Notes, known)
	}
	for _, empty := range []string{
		of(`{}`), of(`{"updated_at":""}`), of(`{"states":[],"use_global_cursor":false}`), of(`{"pages":2}`),
		of(`{"use_global_cursor":true,"state":{}}`),
		of(`{"updated_at":null,"organization":{"id":"1"}}`),
	} {
		st, err := airbyte.ParseState([]byte(empty), lookup)
		require.NoError(t, err, empty)
		assert.True(t, st.Of("users").Until.IsZero(), empty)
		assert.Empty(t, st.Notes, empty)
	}
	for unknown, says := range map[string]string{
		of(`{"created_at":"2026-01-05"}`):                     "from the start: users",
		of(`{"states":[{"cursor":{"id":7}}]}`):                "from the start: users",
		of(`"2026-01-05"`):                                    "from the start: users",
		`[{"type":"GLOBAL"}]`:                                 `"GLOBAL" is not known`,
		`[{"type":"SHARDED","shards":[{"name":"users"}]}]`:    `"SHARDED" is not known`,
		`[{"type":"LEGACY","data":{"users":{"cursor":"x"}}}]`: "from the start: users",
	} {
		st, err := airbyte.ParseState([]byte(unknown), lookup)
		require.NoError(t, err, unknown)
		require.Len(t, st.Notes, 1, unknown)
		assert.Contains(t, st.Notes[0], says, unknown)
	}
}

// The specification says that streams can be read incrementally, and where the documentation is.
func TestSpecification(t *testing.T) {
	spec := string(airbyte.AppendSpec(nil, []byte(`{"type":"object"}`), "https://docs.example"))
	assert.Equal(t, `{"type":"SPEC","spec":{"documentationUrl":"https://docs.example","protocol_version":"0.5.2","supportsIncremental":true,"connectionSpecification":{"type":"object"}}}`+"\n",
		spec)
}
