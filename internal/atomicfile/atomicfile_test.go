package atomicfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
)

// A file that is replaced keeps its permissions, and what stood in the way is made anew.
func TestReplacedFileKeepsItsPermissions(t *testing.T) {
	folder := t.TempDir()
	path, via := filepath.Join(folder, "config.json"), filepath.Join(folder, ".next")
	require.ErrorIs(t, atomicfile.Replace(path, via, nil), os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	require.NoError(t, os.WriteFile(via, []byte("of another user"), 0o666))
	require.NoError(t, atomicfile.Replace(path, via, []byte("new")))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	assert.NoFileExists(t, via)

	require.NoError(t, os.MkdirAll(filepath.Join(via, "full"), 0o700))
	require.Error(t, atomicfile.Replace(path, via, []byte("newer")))
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
}

// A failed write leaves the old content, and no other file.
func TestFailedWriteLeavesTheOldContent(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state.json")
	require.NoError(t, atomicfile.Write(path, []byte("old"), 0o640))
	require.NoError(t, atomicfile.Write(path, []byte("new"), 0o640))
	require.ErrorIs(t, atomicfile.Create(path, []byte("newer"), 0o640), os.ErrExist)
	taken := filepath.Join(folder, "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "full"), 0o700))
	require.Error(t, atomicfile.Write(taken, []byte("a file"), 0o600))
	require.Error(t, atomicfile.Write(filepath.Join(folder, "no", "file"), nil, 0o600))

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 2, "the file and the folder")
}
