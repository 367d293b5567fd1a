package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/storetest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// A folder keeps files with their metadata, in one step, and has nothing else.
func TestFoldersKeepFiles(t *testing.T) {
	address := "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "not", "there yet"))
	s, err := store.Open(address, os.LookupEnv, time.Minute)
	require.NoError(t, err)
	storetest.Store(t, s, address+"/")
	left, err := filepath.Glob(filepath.Join(address[len("file://"):], ".part-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A folder keeps logs that grow.
func TestFoldersKeepLogs(t *testing.T) {
	address := "file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "not", "there yet"))
	s, err := store.Open(address, os.LookupEnv, time.Minute)
	require.NoError(t, err)
	storetest.Logs(t, s)
	assert.False(t, s.Slow(), "no call is a request")
}

// A file keeps what was saved last, for one owner at a time.
func TestFilesAreSlots(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	storetest.Slot(t, func() (store.Slot, error) {
		return store.OpenSlot(t.Context(), file, os.LookupEnv, time.Minute,
			slog.New(slog.DiscardHandler))
	})
}
