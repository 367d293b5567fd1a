// Package nobody runs parts of tests as a user to whom permissions apply, also where root runs
// them, as in a container.
package nobody

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// user is daemon: nobody, the highest of all, is unknown in some containers.
const user = 1

// Do calls f as an unprivileged user. Goroutines that f starts keep the user of the tests.
func Do(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread() // the user is that of the thread
	defer runtime.UnlockOSThread()
	require.NoError(t, syscall.Setfsuid(user))
	defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	f()
}

// Folder returns a temporary folder that belongs to the user of [Do], as do its files.
func Folder(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	if os.Getuid() == 0 {
		var err error
		folder, err = os.MkdirTemp("/tmp", "") // TMPDIR may be below a folder of root
		require.NoError(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) }) // so that it can be removed
	mine := []string{folder}
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		mine = append(mine, path)
	}
	if os.Getuid() == 0 {
		for _, path := range mine {
			require.NoError(t, os.Chown(path, user, -1))
		}
	}
	return folder
}
