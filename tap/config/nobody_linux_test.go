package config

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unprivileged runs f as a user to whom permissions apply, also where root runs the tests.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread() // the user is that of the thread
	defer runtime.UnlockOSThread()
	require.NoError(t, syscall.Setfsuid(nobody))
	defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	f()
}

const nobody = 65534

// owned makes a folder with a config in it, both of the user of [unprivileged].
func owned(t *testing.T, content string) (folder, path string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "c.json")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	if os.Getuid() == 0 {
		require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
		require.NoError(t, os.Chown(folder, nobody, -1))
		require.NoError(t, os.Chown(path, nobody, -1))
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	return folder, path
}

// A token can be saved if either its file or the file's folder may be written. That is known
// beforehand, and finding it out leaves nothing behind.
func TestTokensAreSavedWherePermissionsAllow(t *testing.T) {
	for name, c := range map[string]struct {
		folder, file os.FileMode
		saved        bool
	}{
		"both writable":    {0o700, 0o600, true},
		"read-only file":   {0o700, 0o400, true},
		"read-only folder": {0o500, 0o600, true},
		"nothing writable": {0o500, 0o400, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder, path := owned(t, partner)
			require.NoError(t, os.Chmod(path, c.file))
			require.NoError(t, os.Chmod(folder, c.folder))
			unprivileged(t, func() {
				can, err := CanRewrite(path), RewriteToken(path, "a new and longer token")
				if c.saved {
					require.NoError(t, can)
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, can, os.ErrPermission)
					require.ErrorIs(t, err, os.ErrPermission)
				}
				assert.Equal(t, c.saved, Input{}.tokenIn(content(t, path)) == "a new and longer token")
			})
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, entries, 1)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, c.file, info.Mode())
		})
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// A token that an interrupted run left is not lost where it cannot be put into the config.
func TestTokenThatCannotBeAdoptedIsNotLost(t *testing.T) {
	renewed := []byte(`{"client_id":"c","client_secret":"s", "refresh_token": "new",
 "refresh_token_exec":["/bin/true"]}`)
	for name, c := range map[string]struct {
		folder, config, next os.FileMode
		says                 string
		warned               bool
	}{
		"unreadable config": {0o700, 0o000, 0o000, "permission denied", false},
		"unreadable token":  {0o700, 0o600, 0o000, "cannot be read", true},
		"read-only":         {0o500, 0o400, 0o400, "saving the refresh token of .c.json.next", false},
	} {
		t.Run(name, func(t *testing.T) {
			folder, path := owned(t, partner)
			require.NoError(t, os.WriteFile(nextFile(path), renewed, 0o600))
			if os.Getuid() == 0 {
				require.NoError(t, os.Chown(nextFile(path), nobody, -1))
			}
			require.NoError(t, os.Chmod(path, c.config))
			require.NoError(t, os.Chmod(nextFile(path), c.next))
			require.NoError(t, os.Chmod(folder, c.folder))
			unprivileged(t, func() {
				cfg, err := Read(Input{File: path})
				if c.warned {
					require.NoError(t, err)
					require.Len(t, cfg.Warnings, 1)
					assert.Contains(t, cfg.Warnings[0], c.says)
				} else {
					assert.ErrorContains(t, err, c.says)
				}
			})
			require.NoError(t, os.Chmod(nextFile(path), 0o400))
			assert.Equal(t, string(renewed), string(content(t, nextFile(path))))
		})
	}
}
