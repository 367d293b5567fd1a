package config_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

const oauth = `"client_id":"an-id","client_secret":"a-secret"`

// now is when the configs of these tests are read.
var now = time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)

// read reads a config file with these members and an environment.
func read(t *testing.T, members string, env map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, []byte("{"+members+"}"), 0o600))
	return config.Read(config.Input{
		File: path, Now: func() time.Time { return now },
		Env: func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		},
	})
}

// Null, the empty string, and a form that nobody filled in mean "not set", at every depth.
func TestEmptyMeansNotSet(t *testing.T) {
	for _, empty := range []string{
		`"deletes":null`, `"deletes":""`, `"deletes":{}`, `"deletes":{"store":""}`,
		`"deletes":{"store":null,"every":"","max_share":null}`,
		`"deletes":{"every":"7d","max_share":"20%"}`, `"deletes":{"store":"","every":"7d"}`,
		`"attachments":{"store":"","types":[],"max_bytes":null}`, `"attachments":{"types":[]}`,
		`"attachments":{"types":[null,""]}`,
		`"privacy":{}`, `"privacy":{"contact":null,"pay":""}`, `"privacy":null`,
		`"privacy_columns":{"candidates.company":null,"users.*":""}`,
		`"privacy_columns":"{\"candidates.company\":null}"`, `"streams":[null],"exclude":["",null]`,
		`"refresh_every":{"users":""}`, `"refresh_every":{"users":null}`,
		`"concurrency":null,"budget":"","streams":[],"lookback":null,"user_id":""`,
		`"credentials":{"client_id":"","user_id":null,"api_key":""}`, `"credentials":null`,
		`"credentials":""`, `"credentials":{}`,
	} {
		cfg, err := read(t, oauth+","+empty, nil)
		require.NoError(t, err, empty)
		assert.Nil(t, cfg.Deletes, empty)
		assert.Nil(t, cfg.Attachments, empty)
		assert.Nil(t, cfg.Policy, empty)
		assert.Zero(t, cfg.RefreshEvery.Of("users"), empty)
		assert.Equal(t, 8, cfg.Concurrency, empty)
		assert.Equal(t, 5*time.Minute, cfg.Lookback, empty)
		assert.Empty(t, cfg.User())
		assert.NoError(t, cfg.CheckCredential(false), empty)
	}
	for members, says := range map[string]string{
		`"deletes":{"every":"1d"}`:                   "deletes.store is missing",
		`"deletes":{"every":"7d","max_share":"5%"}`:  "deletes.store is missing",
		`"attachments":{"types":["resume"]}`:         "attachments.store is missing",
		`"attachments":{"store":null,"max_bytes":5}`: "attachments.store is missing",
		`"streams":{}`:                                   "streams",
		`"user_id":{}`:                                   "user_id",
		`"privacy_key":"fifteen letters"`:                "privacy_key: it must have at least 16 bytes",
		`"refresh_token_exec":{}`:                        "refresh_token_exec",
		`"refresh_token_exec":["keep",""]`:               "refresh_token_exec.1",
		`"deletes":{"store":{}}`:                         "deletes.store",
		`"privacy_columns":{"candidates.company":[]}`:    "privacy_columns",
		`"deletes":{"store":"file:///x","every":"soon"}`: `deletes.every: "soon"`,
	} {
		_, err := read(t, oauth+","+members, nil)
		assert.ErrorContains(t, err, says, members)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), members)
	}
}

// A policy from the environment is faulted there.
func TestErrorsOfThePolicyNameWhereItCameFrom(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"PRIVACY":         {`{"contakt":"drop"}`, "contakt"},
		"PRIVACY_COLUMNS": {`{"users.nonesuch":"drop"}`, "users.nonesuch"},
		"EXCLUDE":         {`["users.nonesuch"]`, "users.nonesuch"},
		"PRIVACY_KEY":     {"short", "at least 16 bytes"},
	} {
		_, err := read(t, oauth, map[string]string{config.EnvPrefix + name: c.text})
		assert.ErrorContains(t, err, "environment variable "+config.EnvPrefix+name, name)
		assert.ErrorContains(t, err, c.says, name)
		assert.NotContains(t, err.Error(), "config ", name)
	}
}

// Whoever wrote null for a column may have meant that it must not come out: the log says that it is
// not so.
func TestColumnsWithoutATreatmentAreNamed(t *testing.T) {
	cfg, err := read(t, oauth+`,"privacy_columns":{"candidates.company":null,"users.*":"mask"}`, nil)
	require.NoError(t, err)
	assert.NotNil(t, cfg.Policy)
	require.Len(t, cfg.Warnings, 1)
	assert.Contains(t, cfg.Warnings[0], "privacy_columns.candidates.company has no treatment")
}

// null in a variable that holds JSON means what it means in the file.
func TestNullInTheEnvironmentMeansNotSet(t *testing.T) {
	for _, name := range []string{
		"PRIVACY", "PRIVACY_COLUMNS", "DELETES", "ATTACHMENTS", "REFRESH_EVERY", "STREAMS", "EXCLUDE",
	} {
		cfg, err := read(t, oauth, map[string]string{config.EnvPrefix + name: "null"})
		require.NoError(t, err, name)
		assert.Nil(t, cfg.Policy, name)
		assert.Empty(t, cfg.Streams, name)
		assert.Empty(t, cfg.Warnings, name)
	}
}

// A number without a fraction is an integer, however it is written.
func TestWholeNumbersAreIntegers(t *testing.T) {
	for text, want := range map[string]int{
		"8": 8, "8.0": 8, "8.00": 8, "1e1": 10, "0.2e1": 2,
		"8." + strings.Repeat("0", 60): 8,
	} {
		cfg, err := read(t, oauth+`,"concurrency":`+text, nil)
		require.NoError(t, err, text)
		assert.Equal(t, want, cfg.Concurrency, text)
		cfg, err = read(t, oauth, map[string]string{"TAP_GREENHOUSE_CONCURRENCY": text})
		require.NoError(t, err, text)
		assert.Equal(t, want, cfg.Concurrency, text)
	}
	cfg, err := read(t, oauth+`,"user_id":4000123.0,"attachments":{"store":"file:///x","max_bytes":5e6}`, nil)
	require.NoError(t, err)
	assert.Equal(t, "4000123", cfg.User())
	assert.EqualValues(t, 5_000_000, cfg.Attachments.MaxBytes)
	cfg, err = read(t, oauth, map[string]string{"TAP_GREENHOUSE_USER_ID": "4000123.0"})
	require.NoError(t, err)
	assert.Equal(t, "4000123", cfg.User())
	for _, bad := range []string{
		"8.5", "0.0", "65.0", "1e400", "1e400000000", "1e-1", "-8.0", `"eight"`, "99999999999999999999",
	} {
		_, err := read(t, oauth+`,"concurrency":`+bad, nil)
		assert.ErrorContains(t, err, "concurrency", bad)
		_, err = read(t, oauth, map[string]string{"TAP_GREENHOUSE_CONCURRENCY": bad})
		assert.ErrorContains(t, err, "TAP_GREENHOUSE_CONCURRENCY", bad)
	}
	for _, odd := range []string{"+3", "0x3", "007", "3x"} {
		_, err := read(t, oauth, map[string]string{"TAP_GREENHOUSE_CONCURRENCY": odd})
		assert.EqualError(t, err, "environment variable TAP_GREENHOUSE_CONCURRENCY: it must be an integer", odd)
	}
}

// Client credentials go before an API key, wherever either stands: old taps left keys behind.
func TestClientCredentialsGoBeforeAnAPIKey(t *testing.T) {
	key := map[string]string{"TAP_GREENHOUSE_API_KEY": "a-key"}
	pair := map[string]string{
		"TAP_GREENHOUSE_CLIENT_ID": "an-id", "TAP_GREENHOUSE_CLIENT_SECRET": "a-secret",
	}
	both := maps.Clone(pair)
	maps.Copy(both, key)
	for name, c := range map[string]struct {
		members string
		env     map[string]string
		from    string
	}{
		"key in the environment":  {oauth, key, "environment variable TAP_GREENHOUSE_API_KEY"},
		"pair in the environment": {`"api_key":"a-key"`, pair, "api_key in "},
		"all in the file":         {oauth + `,"api_key":"a-key"`, nil, "api_key in "},
		"all in the environment":  {"", both, "environment variable TAP_GREENHOUSE_API_KEY"},
	} {
		cfg, err := read(t, c.members, c.env)
		require.NoError(t, err, name)
		assert.Empty(t, cfg.APIKey, name)
		assert.Equal(t, "an-id", cfg.ClientID, name)
		require.Len(t, cfg.Warnings, 1, name)
		assert.Contains(t, cfg.Warnings[0], c.from, name)
		assert.NotContains(t, cfg.Warnings[0], "a-key", name)
	}
	cfg, err := read(t, `"client_id":"an-id"`, key)
	require.NoError(t, err)
	assert.Equal(t, "a-key", cfg.APIKey, "half a pair signs in nowhere")
	assert.Empty(t, cfg.Warnings)
	cfg, err = read(t, `"client_id":"an-id"`, pair)
	require.NoError(t, err)
	assert.Equal(t, "the environment variable TAP_GREENHOUSE_CLIENT_ID and the environment variable TAP_GREENHOUSE_CLIENT_SECRET",
		cfg.Origin("client_id", "client_secret"))
	cfg, err = read(t, `"client_id":"an-id"`, map[string]string{"TAP_GREENHOUSE_CLIENT_SECRET": "x"})
	require.NoError(t, err)
	assert.Equal(t, "client_id in "+cfg.File+" and the environment variable TAP_GREENHOUSE_CLIENT_SECRET",
		cfg.Origin("client_id", "client_secret"))
}

// An error names where the value came from, and the key there.
func TestBadValuesNameTheirPlace(t *testing.T) {
	for name, value := range map[string]string{
		"BUDGET": "half", "LOOKBACK": "a while", "ON_FORBIDDEN": "maybe", "START_DATE": "soon",
		"API_URL": "ftp://x", "STREAMS": "canidates", "DELETES": `{"store":"nowhere"}`,
		"REFRESH_EVERY": `{"users":"soon"}`, "ATTACHMENTS": `[`, "MAX_RUN_TIME": "x",
	} {
		_, err := read(t, oauth, map[string]string{config.EnvPrefix + name: value})
		require.Error(t, err, name)
		assert.True(t, strings.HasPrefix(err.Error(), "environment variable TAP_GREENHOUSE_"+name+": "),
			err.Error())
		assert.NotContains(t, err.Error(), "c.json")
	}
	_, err := read(t, oauth+`,"budget":"half","concurrency":99`,
		map[string]string{"TAP_GREENHOUSE_ON_FORBIDDEN": "maybe"})
	for _, says := range []string{
		"c.json: budget: ", "concurrency: it must be at most 64",
		"environment variable TAP_GREENHOUSE_ON_FORBIDDEN: it must be one of",
	} {
		assert.ErrorContains(t, err, says)
	}
}

// A member that does not exist is an error that names the one that was perhaps meant.
func TestUnknownMembersAreAnswered(t *testing.T) {
	for text, says := range map[string]string{
		`"privacy":{"contct":"hash"}`:     `privacy: unknown member "contct", did you mean "contact"?`,
		`"deletes":{"stroe":"file:///x"}`: `deletes: unknown member "stroe", did you mean "store"?`,
		`"attachments":{"xyz":1}`:         `attachments: unknown member "xyz"`,
	} {
		_, err := read(t, oauth+","+text, nil)
		assert.ErrorContains(t, err, says)
	}
}

// A start date in the future would read nothing, without a word. The date of a place may be ahead.
func TestStartDateInTheFuture(t *testing.T) {
	for _, good := range []string{"2026-11-26", "2026-11-27", "2026-11-26T20:00:00Z", "2020-01-01"} {
		_, err := read(t, oauth+`,"start_date":"`+good+`"`, nil)
		assert.NoError(t, err, good)
	}
	for _, bad := range []string{"2026-11-28", "2026-11-26T20:00:01Z", "2062-01-01"} {
		_, err := read(t, oauth+`,"start_date":"`+bad+`"`, nil)
		assert.ErrorContains(t, err, "start_date: "+bad+" is in the future")
		assert.Equal(t, tap.BadInput, tap.KindOf(err))
	}
}

// utf16Of returns a text as Windows PowerShell writes it.
func utf16Of(order binary.AppendByteOrder, text string) []byte {
	out := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

// Files in UTF-16 are read like those in UTF-8, and a new refresh token can be saved in them.
func TestFilesInUTF16(t *testing.T) {
	const text = "{\r\n" + oauth + `,"refresh_token":"old","user_agent":"ä 🎉"` + "}\r\n"
	for _, data := range [][]byte{
		utf16Of(binary.LittleEndian, text), utf16Of(binary.BigEndian, text),
		slices.Concat([]byte("\xef\xbb\xbf"), []byte(text)), []byte(text),
	} {
		path := filepath.Join(t.TempDir(), "c.json")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		in := config.Input{File: path, Env: func(string) (string, bool) { return "", false }}
		cfg, err := config.Read(in)
		require.NoError(t, err)
		assert.Equal(t, "ä 🎉", cfg.UserAgent)
		got, err := in.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
		require.NoError(t, config.RewriteToken(path, "new"))
		cfg, err = config.Read(in)
		require.NoError(t, err)
		assert.Equal(t, "new", cfg.RefreshToken)
		assert.Equal(t, "ä 🎉", cfg.UserAgent)
		in.Stdin = bytes.NewReader(data)
		got, err = in.ReadFile("-")
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	for n, bad := range [][]byte{[]byte("\xff\xfe{"), []byte("\xfe\xff\x00")} {
		_, err := config.Input{Stdin: bytes.NewReader(bad)}.ReadFile("-")
		assert.ErrorContains(t, err, "UTF-16", fmt.Sprint(n))
	}
}
