package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nobody"
)

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
			folder := nobody.Folder(t, map[string]string{"c.json": partner})
			path := filepath.Join(folder, "c.json")
			require.NoError(t, os.Chmod(path, c.file))
			require.NoError(t, os.Chmod(folder, c.folder))
			nobody.Do(t, func() {
				can, err := CanRewrite(path), RewriteToken(path, "a new and longer token")
				if c.saved {
					require.NoError(t, can)
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, can, os.ErrPermission)
					require.ErrorIs(t, err, os.ErrPermission)
				}
			})
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, c.saved, Input{}.tokenIn(data) == "a new and longer token")
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Len(t, entries, 1)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, c.file, info.Mode())
		})
	}
}

// A token that an interrupted run left is not lost where it cannot be put into the config.
func TestTokenThatCannotBeAdoptedIsNotLost(t *testing.T) {
	renewed := strings.Replace(partner, "old", "new", 1)
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
			folder := nobody.Folder(t, map[string]string{"c.json": partner, ".c.json.next": renewed})
			path := filepath.Join(folder, "c.json")
			require.NoError(t, os.Chmod(path, c.config))
			require.NoError(t, os.Chmod(nextFile(path), c.next))
			require.NoError(t, os.Chmod(folder, c.folder))
			nobody.Do(t, func() {
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
			left, err := os.ReadFile(nextFile(path))
			require.NoError(t, err)
			assert.Equal(t, renewed, string(left))
		})
	}
}
