package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What cannot be a slot, or could not be saved later, is refused at once.
func TestWhatIsNoSlot(t *testing.T) {
	folder := t.TempDir()
	readOnly := filepath.Join(folder, "read-only.json")
	require.NoError(t, os.WriteFile(readOnly, []byte("{}"), 0o400))
	for address, want := range map[string]string{
		folder:                               "no regular file",
		os.DevNull:                           "no regular file",
		readOnly:                             "read-only",
		filepath.Join(folder, "no", "state"): "its folder",
		"s3://bucket":                        "s3://bucket/key",
		"s3://bucket/folder/":                "s3://bucket/key",
		"s3:///key":                          "s3://bucket/key",
		"gs://bucket/key":                    "the name of a file, or s3://bucket/key",
		"file:///state.json":                 "the name of a file, or s3://bucket/key",
	} {
		_, err := OpenSlot(context.Background(), address, os.LookupEnv, time.Minute, slog.New(slog.DiscardHandler))
		assert.ErrorContains(t, err, want, address)
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{readOnly}, left)
}

// Who takes a slot removes what a killed owner left of a content, and nothing else.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "state.json")
	for _, name := range []string{".state.json.tmp-123", ".state.json.probe.tmp-5"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("{"), 0o600))
	}
	stay := []string{".other.json.tmp-123", ".state.json.20261126", "state.json.tmp-1"}
	for _, name := range stay {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("{}"), 0o600))
	}
	slot, err := openFile(file)
	require.NoError(t, err)
	require.NoError(t, slot.Save(t.Context(), []byte("{}")))
	require.NoError(t, slot.Close())
	var left []string
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	assert.ElementsMatch(t, append(stay, "state.json", "state.json.lock"), left)
}

// Two names of one file are one slot, and its permissions stay.
func TestTwoNamesOfAFile(t *testing.T) {
	folder := t.TempDir()
	file, link := filepath.Join(folder, "state.json"), filepath.Join(folder, "link.json")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o640))
	require.NoError(t, os.Symlink(file, link))
	slot, err := openFile(link)
	require.NoError(t, err)
	_, err = openFile(file)
	require.ErrorIs(t, err, ErrTaken)
	require.NoError(t, slot.Save(t.Context(), []byte("two")))
	require.NoError(t, slot.Close())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "two", string(data))
	info, err := os.Lstat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode())
}

// A link to a file that does not exist yet is a name of it, too.
func TestLinkToAFileThatIsStillToBeMade(t *testing.T) {
	folder := t.TempDir()
	file, link := filepath.Join(folder, "state.json"), filepath.Join(folder, "link.json")
	require.NoError(t, os.Symlink("state.json", link))
	slot, err := openFile(link)
	require.NoError(t, err)
	_, err = openFile(file)
	require.ErrorIs(t, err, ErrTaken)
	require.NoError(t, slot.Save(t.Context(), []byte("one")))
	require.NoError(t, slot.Close())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))

	ring := filepath.Join(folder, "ring.json")
	require.NoError(t, os.Symlink("ring.json", ring))
	_, err = openFile(ring)
	require.Error(t, err)
}
