package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot be read or written is an error, and no empty log.
func TestLogsThatFail(t *testing.T) {
	root := t.TempDir()
	s := open(t, "file://"+filepath.ToSlash(root))
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	require.Error(t, s.Append(t.Context(), "file/a", 1, nil))
	require.NoError(t, os.Symlink(filepath.Join(root, "nowhere"), filepath.Join(root, "link")))
	require.Error(t, s.Append(t.Context(), "link/a", 1, nil), "its folder cannot be made")
	_, err := s.Logs(t.Context(), "file")
	require.Error(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "folder", "a", "x"), 0o700))
	_, err = s.Logs(t.Context(), "folder")
	require.Error(t, err)
	require.Error(t, s.RemoveLog(t.Context(), "folder", Log{Name: "a", Data: make([]byte, 1<<20)}))
}

// full is a store whose files cannot be written to.
type full struct {
	Store
	f *os.File
}

func (s *full) Temp() (*os.File, error) { return s.f, nil }

// Small files are written and read in one call, which says whether it worked and leaves nothing.
func TestSmallFiles(t *testing.T) {
	root := t.TempDir()
	s := open(t, "file://"+filepath.ToSlash(root))
	require.NoError(t, WriteFile(t.Context(), s, "made", []byte("content")))
	data, err := ReadFile(t.Context(), s, "made")
	require.NoError(t, err)
	assert.Equal(t, "content", string(data))
	m, err := s.Stat(t.Context(), "made")
	require.NoError(t, err)
	assert.Equal(t, Meta{Bytes: 7}, m)
	require.NoError(t, os.Remove(filepath.Join(root, "made")))
	_, err = ReadFile(t.Context(), s, "made")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	require.Error(t, WriteFile(t.Context(), s, "file/below", nil))
	nowhere := open(t, "file://"+filepath.ToSlash(filepath.Join(root, "file", "store")))
	require.Error(t, WriteFile(t.Context(), nowhere, "a", nil), "a file stands where its folder would")
	require.NoError(t, os.WriteFile(filepath.Join(root, "part"), nil, 0o600))
	part, err := os.Open(filepath.Join(root, "part"))
	require.NoError(t, err)
	require.Error(t, WriteFile(t.Context(), &full{s, part}, "a", []byte("content")))
	assert.NoFileExists(t, part.Name())
	require.ErrorIs(t, part.Close(), os.ErrClosed)
}
