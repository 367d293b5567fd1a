package config_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// noEnv is an empty environment.
func noEnv(string) (string, bool) { return "", false }

// A config that cannot be used is answered with its place and the cause, in one line that repeats
// no value.
func TestUnusableConfigsAreExplained(t *testing.T) {
	for text, says := range map[string]string{
		"":                                   ": it is empty",
		" \n\t":                              ": it is empty",
		"null":                               ": it is null, not an object",
		"[]":                                 ": it must be a JSON object",
		`{"client_id":}`:                     ", line 1, column 14: invalid JSON: invalid character '}' at start of value",
		"{\n \"client_id\": \"x\",\n  y}":    ", line 3, column 3: invalid JSON: invalid character 'y' at start of value",
		`{"client_id":"x"`:                   ", line 1, column 17: invalid JSON: unexpected EOF",
		`{} {}`:                              ", line 1, column 4: invalid JSON: invalid character '{' after top-level value",
		`{"api_key":"x","api_key":"y"}`:      ", line 1, column 16: invalid JSON: duplicate object member name",
		`{"credentials":7}`:                  ": credentials: it must be an object",
		`{"client_id":7}`:                    ": client_id: it must be of type string, not integer",
		`{"privacy_columns":[]}`:             ": privacy_columns: it must be of type [object,string], not array",
		`{"streams":"*","user_id":0}`:        ": streams: it must be of type array, not string; user_id: it must be at least 1",
		`{"refresh_token_exec":["keep",""]}`: ": refresh_token_exec.1: it must not be empty",
		`{"user_id":"x"}`:                    ": user_id: write it like 4000123",
		`{"custom_fields":"all"}`:            `: custom_fields: it must be one of "raw", "columns", "both"`,
		`{"deletes":{"every":"1d"}}`:         ": deletes.store is missing",
	} {
		_, err := config.Parse([]byte(text))
		assert.EqualError(t, err, "config -"+says, text)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), text)
	}
	_, err := config.From(map[string]any{"streams": make(chan int)})
	require.ErrorContains(t, err, "config: ")
	assert.Equal(t, tap.BadInput, tap.KindOf(err))
}

// broken is an input that fails, closed or never ends.
type broken struct{ err error }

func (b broken) Read(p []byte) (int, error) { return len(p), b.err }

// Where a config comes from may fail in its own ways, and its file is named.
func TestInputsThatFail(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.json")
	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(none, link))
	for says, in := range map[string]config.Input{
		"standard input is closed":                      {File: "-"},
		"config -: the pipe broke":                      {File: "-", Stdin: broken{errors.New("the pipe broke")}},
		"config -: standard input is larger than 1 MiB": {File: "-", Stdin: broken{}},
		"config " + none + ": no such file or directory (tap-greenhouse init makes one)": {File: none},
		"config " + link + ": no such file or directory (tap-greenhouse init makes one)": {File: link},
		"config " + os.TempDir() + ": is a directory":                                    {File: os.TempDir()},
	} {
		in.Env = noEnv
		_, err := config.Read(in)
		assert.ErrorContains(t, err, says)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), says)
	}
	data, err := config.Input{Stdin: io.LimitReader(broken{}, config.MaxInputBytes)}.ReadFile("-")
	require.NoError(t, err)
	assert.Len(t, data, config.MaxInputBytes, "so much is read")
}

// A config from standard input or from the environment alone has no file, so none is rewritten.
func TestConfigsWithoutAFile(t *testing.T) {
	env := map[string]string{"TAP_GREENHOUSE_USER_AGENT": "me"}
	for file, where := range map[string]string{
		"": "config from the environment: ", "ENV": "config from the environment: ", "-": "config -: ",
	} {
		cfg, err := config.Read(config.Input{
			File: file, Stdin: strings.NewReader(`{"lookback":"7m"}`),
			Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		})
		require.NoError(t, err)
		assert.Empty(t, cfg.File)
		assert.Equal(t, "me", cfg.UserAgent)
		assert.Equal(t, "client_id in the config", cfg.Origin("client_id"))
		assert.ErrorContains(t, cfg.CheckCredential(false), where+"client_id is missing")
		assert.Equal(t, map[bool]time.Duration{true: 7 * time.Minute, false: 5 * time.Minute}[file == "-"],
			cfg.Lookback)
	}
	_, err := config.Read(config.Input{
		Env: func(name string) (string, bool) { return "x", name == "TAP_GREENHOUSE_PRIVACY" },
	})
	assert.EqualError(t, err, "environment variable TAP_GREENHOUSE_PRIVACY: it must be a JSON object")
}

// Forms of platforms put the credential in an object of its own. It goes before what stands above,
// unless a field was left empty.
func TestCredentialsOfForms(t *testing.T) {
	const above = `"client_id":"above","client_secret":"above","user_id":1`
	for credentials, want := range map[string]string{
		`{"client_id":"in","client_secret":"in","user_id":2}`: "in in 2",
		`{"client_id":"in"}`: "in above 1",
		`{"client_id":"","client_secret":null,"user_id":""}`: "above above 1",
		`{"auth_type":"client_credentials"}`:                 "above above 1",
		`""`:                                                 "above above 1",
	} {
		cfg, err := read(t, above+`,"credentials":`+credentials, nil)
		require.NoError(t, err, credentials)
		assert.Equal(t, want, fmt.Sprint(cfg.ClientID, " ", cfg.ClientSecret, " ", cfg.User()), credentials)
		assert.Empty(t, cfg.Warnings, credentials)
	}
	cfg, err := read(t, `"credentials":{"api_key":"","client_id":"in","client_sercet":"x"}`, nil)
	require.NoError(t, err)
	require.Len(t, cfg.Warnings, 1)
	assert.Contains(t, cfg.Warnings[0], `unknown key "client_sercet" is ignored, did you mean "client_secret"?`)
}

// Each kind of setting can come from the environment, which goes before the file. Only the refresh
// token in the file goes before that in the environment: it is the newest.
func TestSettingsFromTheEnvironment(t *testing.T) {
	file := oauth + `,"user_agent":"file","concurrency":2,"streams":["jobs"],"privacy":{"pay":"drop"},"user_id":1`
	for name, c := range map[string]struct {
		value string
		got   func(*config.Config) any
		want  any
	}{
		"USER_AGENT":  {"env", func(c *config.Config) any { return c.UserAgent }, "env"},
		"CONCURRENCY": {" 3 ", func(c *config.Config) any { return c.Concurrency }, 3},
		"USER_ID":     {"7", func(c *config.Config) any { return c.User() }, "7"},
		"STREAMS":     {"users , offices", func(c *config.Config) any { return c.Streams }, []string{"offices", "users"}},
		"REFRESH_TOKEN_EXEC": {
			`["put, it","there"]`, func(c *config.Config) any { return c.RefreshTokenExec },
			[]string{"put, it", "there"},
		},
		"PRIVACY": {`{"pay":"mask"}`, func(c *config.Config) any { return c.Privacy }, map[string]string{"pay": "mask"}},
	} {
		cfg, err := read(t, file, map[string]string{config.EnvPrefix + name: c.value})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, c.got(cfg), name)
		unset, err := read(t, file, map[string]string{config.EnvPrefix + name: ""})
		require.NoError(t, err, name)
		assert.NotEqual(t, c.want, c.got(unset), "an empty variable is not set")
	}
	for name, value := range map[string]string{
		"PRIVACY": "pay=drop", "DELETES": "[]", "ATTACHMENTS": "{", "API_KEY": "\xff",
	} {
		_, err := read(t, file, map[string]string{config.EnvPrefix + name: value})
		assert.ErrorContains(t, err, "environment variable TAP_GREENHOUSE_"+name+": ")
		assert.Equal(t, tap.BadInput, tap.KindOf(err))
	}
	for token, want := range map[string]string{`"file"`: "file", `null`: "env", `""`: "env"} {
		cfg, err := read(t, oauth+`,"refresh_token":`+token,
			map[string]string{"TAP_GREENHOUSE_REFRESH_TOKEN": "env"})
		require.NoError(t, err, token)
		assert.Equal(t, want, cfg.RefreshToken, token)
	}
}

// An unknown key is a warning that names the key that was perhaps meant: platforms pass more.
func TestUnknownKeysAreWarnings(t *testing.T) {
	cfg, err := config.Parse([]byte(`{"lookbak":"9m","batch_config":{},"clientid":"x","nonesuch":null}`))
	require.NoError(t, err)
	assert.Equal(t, []string{
		`config -: unknown key "batch_config" is ignored`,
		`config -: unknown key "clientid" is ignored, did you mean "client_id"?`,
		`config -: unknown key "lookbak" is ignored, did you mean "lookback"?`,
		`config -: unknown key "nonesuch" is ignored`,
	}, cfg.Warnings)
	assert.Equal(t, 5*time.Minute, cfg.Lookback)
	assert.Empty(t, cfg.ClientID)
}

// Messages about several keys name each with its place, as a sentence does.
func TestOriginOfSeveralKeys(t *testing.T) {
	cfg, err := config.Read(config.Input{Env: noEnv})
	require.NoError(t, err)
	assert.Equal(t, "a in the config", cfg.Origin("a"))
	assert.Equal(t, "a and b in the config", cfg.Origin("a", "b"))
	assert.Equal(t, "a, b and c in the config", cfg.Origin("a", "b", "c"))
	assert.Empty(t, cfg.Origin())
}
