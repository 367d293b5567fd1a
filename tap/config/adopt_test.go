//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const partner = `{"client_id":"c","client_secret":"s", "refresh_token": "old",
 "refresh_token_exec":["/bin/true"]}`

// read reads the config at path as the program does.
func read(t *testing.T, path string, env map[string]string) *Config {
	t.Helper()
	cfg, err := Read(Input{File: path, Env: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}})
	require.NoError(t, err)
	return cfg
}

// Of a file that an earlier run left behind, the token alone is taken, and only if the file can
// come from nobody else.
func TestOnlyTheTokenOfAnInterruptedRunIsAdopted(t *testing.T) {
	renewed := strings.Replace(partner, "old", "new", 1)
	keyed := `{"client_id":"c","client_secret":"s"}`
	for name, c := range map[string]struct {
		config, next string
		env          map[string]string
		change       func(t *testing.T, path, next string)
		token, words string
	}{
		"the same but for the token": {config: partner, next: renewed, token: "new"},
		"after a byte order mark": {
			config: "\xef\xbb\xbf" + partner, next: "\xef\xbb\xbf" + renewed, token: "new",
		},
		"a token that was in the environment": {
			config: keyed, next: `{"client_id":"c","client_secret":"s", "refresh_token": "new"}`,
			env: map[string]string{EnvPrefix + "REFRESH_TOKEN": "old"}, token: "new",
		},
		"a token that the file leaves to the environment": {
			config: `{"client_id":"c","client_secret":"s","refresh_token":""}`,
			next:   `{"client_id":"c","client_secret":"s","refresh_token":"new"}`,
			env:    map[string]string{EnvPrefix + "REFRESH_TOKEN": "old"}, token: "new",
		},
		"another command": {
			config: partner, next: strings.Replace(renewed, "true", "false", 1),
			token: "old", words: "in more than the refresh token",
		},
		"one more key": {
			config: partner, next: strings.Replace(renewed, "{", `{"api_url":"https://evil.example",`, 1),
			token: "old", words: "in more than the refresh token",
		},
		"a config without a refresh token": {
			config: keyed, next: `{"client_id":"c","client_secret":"s", "refresh_token": "new"}`,
			words: "no refresh_token to renew",
		},
		"not written whole": {
			config: partner, next: renewed[:70], token: "old", words: "not written whole",
		},
		"empty": {config: partner, token: "old", words: "not written whole"},
		"older than the config": {
			config: partner, next: renewed, token: "old",
			change: func(t *testing.T, _, next string) {
				t.Helper()
				past := time.Now().Add(-time.Hour)
				require.NoError(t, os.Chtimes(next, past, past))
			},
		},
		"another mode": {
			config: partner, next: renewed, token: "old", words: "its mode",
			change: func(t *testing.T, _, next string) {
				t.Helper()
				require.NoError(t, os.Chmod(next, 0o644))
			},
		},
		"a link": {
			config: partner, next: renewed, token: "old", words: "no regular file",
			change: func(t *testing.T, _, next string) {
				t.Helper()
				require.NoError(t, os.Rename(next, next+".elsewhere"))
				require.NoError(t, os.Symlink(next+".elsewhere", next))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.json")
			next := nextFile(path)
			require.NoError(t, os.WriteFile(path, []byte(c.config), 0o600))
			require.NoError(t, os.WriteFile(next, []byte(c.next), 0o600))
			if c.change != nil {
				c.change(t, path, next)
			}
			cfg := read(t, path, c.env)
			assert.Equal(t, c.token, cfg.RefreshToken)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			if c.token == "new" {
				assert.Equal(t, c.next, string(after))
				assert.NoFileExists(t, next)
			} else {
				assert.Equal(t, c.config, string(after))
			}
			if c.words == "" {
				assert.Empty(t, cfg.Warnings)
			} else {
				require.Len(t, cfg.Warnings, 1)
				assert.Contains(t, cfg.Warnings[0], c.words)
			}
		})
	}
}

// A file of another user is not adopted. Only root can make one, so the rule is also tested apart.
func TestFilesOfOthersAreNotAdopted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, []byte(partner), 0o600))
	require.NoError(t, os.WriteFile(nextFile(path),
		[]byte(strings.Replace(partner, "old", "new", 1)), 0o600))
	mine, err := os.Stat(path)
	require.NoError(t, err)
	root, err := os.Stat("/")
	require.NoError(t, err)
	assert.True(t, sameOwner(mine, mine))
	assert.Equal(t, os.Getuid() == 0, sameOwner(mine, root))
	if os.Chown(nextFile(path), 12345, -1) != nil {
		return
	}
	cfg := read(t, path, nil)
	assert.Equal(t, "old", cfg.RefreshToken)
	assert.Contains(t, cfg.Warnings[0], "its owner")
}

// A new token is never written into a file that somebody else put in its way.
func TestNewTokensAreNotWrittenIntoPlantedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.WriteFile(path, []byte(partner), 0o600))
	require.NoError(t, os.WriteFile(elsewhere, []byte("mine"), 0o666))
	require.NoError(t, os.Symlink(elsewhere, nextFile(path)))
	require.NoError(t, RewriteToken(path, "new"))
	kept, err := os.ReadFile(elsewhere)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(kept))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(partner, "old", "new", 1), string(after))
	assert.NoFileExists(t, nextFile(path))
}
