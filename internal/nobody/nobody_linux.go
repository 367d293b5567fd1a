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

const nobody = 65534

// Do calls f as an unprivileged user. Goroutines that f starts keep the user of the tests.
func Do(t *testing.T, f func()) {
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

// Folder returns a temporary folder that belongs to the user of [Do], as do its files.
func Folder(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) }) // so that it can be removed
	mine := []string{folder}
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		mine = append(mine, path)
	}
	if os.Getuid() == 0 {
		require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755)) // it is on the way
		for _, path := range mine {
			require.NoError(t, os.Chown(path, nobody, -1))
		}
	}
	return folder
}
