//go:build unix

package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file without a name holds content until it is closed, and leaves nothing behind.
func TestAnonymousFilesLeaveNothing(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	f, err := Anonymous()
	require.NoError(t, err)
	_, err = f.WriteString("content")
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	assert.EqualValues(t, len("content"), info.Size())
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
	Discard(f)
	t.Setenv("TMPDIR", filepath.Join(folder, "none"))
	_, err = Anonymous()
	assert.ErrorIs(t, err, os.ErrNotExist)
}
