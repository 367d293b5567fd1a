package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nobody"
)

// A slot that could not be saved later is refused at once, and is free again.
func TestSlotsInReadOnlyFolders(t *testing.T) {
	for says, files := range map[string]map[string]string{
		"locking it": {"state.json": "{}"},
		"its folder cannot be written": {
			"state.json": "{}", "state.json.lock": "",
		},
	} {
		folder := nobody.Folder(t, files)
		require.NoError(t, os.Chmod(folder, 0o500))
		nobody.Do(t, func() {
			for range 2 {
				_, err := openFile(filepath.Join(folder, "state.json"))
				assert.ErrorContains(t, err, says)
				assert.ErrorIs(t, err, os.ErrPermission)
			}
		})
		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Len(t, left, len(files))
	}
}

// What may not be read or written is an error, and never an empty file, log or slot.
func TestStoresWithoutPermission(t *testing.T) {
	folder := nobody.Folder(t, map[string]string{"file": "content", ".file.json": "{}"})
	s := open(t, "file://"+filepath.ToSlash(folder))
	slot, err := openFile(filepath.Join(folder, "slot"))
	require.NoError(t, err)
	require.NoError(t, slot.Save(t.Context(), []byte("{}")))
	require.NoError(t, os.Chmod(filepath.Join(folder, ".file.json"), 0))
	require.NoError(t, os.Chmod(filepath.Join(folder, "slot"), 0))
	require.NoError(t, os.Chmod(filepath.Join(folder, "file"), 0o400))
	check := func() {
		_, err := s.Stat(t.Context(), "file")
		assert.ErrorIs(t, err, os.ErrPermission)
		_, err = s.Logs(t.Context(), "")
		assert.ErrorIs(t, err, os.ErrPermission)
		_, err = slot.Load(t.Context())
		assert.ErrorIs(t, err, os.ErrPermission)
		assert.ErrorIs(t, slot.Save(t.Context(), nil), os.ErrPermission)
		assert.ErrorIs(t, s.RemoveLog(t.Context(), "", Log{Name: "file", Data: []byte("content")}),
			os.ErrPermission)
		assert.ErrorIs(t, s.Append(t.Context(), "file", 1, nil), os.ErrPermission)
		assert.ErrorIs(t, s.Append(t.Context(), "below/a", 1, nil), os.ErrPermission)
		assert.ErrorIs(t, WriteFile(t.Context(), s, "a", nil), os.ErrPermission)
	}
	require.NoError(t, os.Chmod(folder, 0o500))
	nobody.Do(t, check)
	require.NoError(t, os.Chmod(folder, 0))
	nobody.Do(t, func() {
		_, err := s.Stat(t.Context(), "file")
		assert.ErrorIs(t, err, os.ErrPermission)
		_, err = openFile(filepath.Join(folder, "slot"))
		assert.ErrorIs(t, err, os.ErrPermission)
	})
	require.NoError(t, slot.Close())
}
