//go:build unix

package config

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// keeper is a config with a shell script as its refresh_token_exec.
func keeper(script string) *Config {
	return &Config{
		ClientSecret: "client-secret", APIKey: "api-key", PrivacyKey: "privacy-key",
		RefreshToken: "old-token", RefreshTokenExec: []string{"/bin/sh", "-c", script},
	}
}

// A command that fails at first, or is killed, is called again: the token must not be lost.
func TestTokenIsSavedAfterItsCommandFails(t *testing.T) {
	dir := t.TempDir()
	kept, calls := filepath.Join(dir, "token"), filepath.Join(dir, "calls")
	script := `echo x >> ` + calls + `; case $(wc -l < ` + calls +
		`) in 1) exit 3;; 2) kill -9 $$;; esac; cat > ` + kept
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, keeper(script).KeepToken("the token"))
	})
	got, err := os.ReadFile(kept)
	require.NoError(t, err)
	assert.Equal(t, "the token", string(got))
}

// A token that may be lost is a matter of the credential, whatever the command's exit code, and
// only after it was tried several times.
func TestFailingTokenCommandIsNamed(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	missing := keeper("")
	missing.RefreshTokenExec = []string{filepath.Join(t.TempDir(), "missing")}
	for words, c := range map[string]*Config{
		"refresh_token_exec /bin/sh: exit status 130": keeper("cat >&2; echo >> " + calls + "; exit 130"),
		"no such file": missing,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := c.KeepToken("the token")
			assert.Equal(t, c == missing, time.Now().Equal(began), "what does not exist is not waited for")
			assert.ErrorContains(t, err, words)
			assert.ErrorContains(t, err, "mend the command and sign in again")
			assert.Equal(t, tap.Credentials, tap.KindOf(err))
			assert.NotContains(t, err.Error(), "the token"+"\n", "what it prints is not repeated")
			var own interface{ ExitCode() int }
			assert.NotErrorAs(t, err, &own)
		})
	}
	made, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Greater(t, len(made), 1)
}

// A signal of the terminal, which goes to the tap's process group, does not reach a command that
// saves a token.
func TestTokenCommandHasAProcessGroupOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, keeper("kill -s 0 -- -$$").KeepToken("the-token"), "it leads its group")
	})
}

// A command inherits no secret, under whatever name a platform passes it, and everything else.
func TestTokenCommandInheritsNoSecrets(t *testing.T) {
	t.Setenv("TAP_GREENHOUSE_ANYTHING", "x")
	t.Setenv("MELTANO_EXTRACT_CLIENT_SECRET", "client-secret")
	t.Setenv("PLATFORM_CONFIG", `{"api_key":"api-key"}`)
	t.Setenv("PLATFORM_TOKENS", "old-token,the-token")
	t.Setenv("VAULT_ADDR", "https://vault.example")
	kept := filepath.Join(t.TempDir(), "env")
	require.NoError(t, keeper("env > "+kept).KeepToken("the-token"))
	env, err := os.ReadFile(kept)
	require.NoError(t, err)
	assert.Contains(t, string(env), "VAULT_ADDR=https://vault.example")
	assert.Contains(t, string(env), "PATH=")
	for _, name := range []string{"TAP_GREENHOUSE_", "MELTANO_EXTRACT", "PLATFORM"} {
		assert.NotContains(t, string(env), name)
	}
}

// A header cannot hold control characters: a request with one would be retried for long.
func TestUserAgentHasNoControlCharacters(t *testing.T) {
	for agent, good := range map[string]bool{
		"my-tap/1.0 (Ünïcode)": true, "a\nb": false, "a\r\nHost: b": false, "a\tb": false,
		"a\x00": false, "\x7f": false, "a\u0085": false,
	} {
		_, err := From(map[string]any{"user_agent": agent})
		if good {
			require.NoError(t, err)
			continue
		}
		assert.ErrorContains(t, err, "user_agent", "%q", agent)
		assert.Equal(t, tap.BadInput, tap.KindOf(err))
	}
}
