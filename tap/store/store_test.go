package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, address string) Store {
	t.Helper()
	s, err := Open(address, os.LookupEnv, time.Minute)
	require.NoError(t, err)
	return s
}

// put stores content with its metadata.
func put(t *testing.T, s Store, name, content string) {
	t.Helper()
	f, err := s.Temp()
	require.NoError(t, err)
	_, err = io.WriteString(f, content)
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), name, f, metaOf(content)))
}

func metaOf(content string) Meta {
	sum := sha256.Sum256([]byte(content))
	return Meta{
		Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), ContentType: "text/plain",
		Source: "v1",
	}
}

// Wherever a process is killed while it replaces a file, what describes the file describes what is
// there: an observer who sees the same content before and after reading the metadata never finds
// those of other content.
func TestMetadataNeverDescribesOtherContent(t *testing.T) {
	s := open(t, "file://"+filepath.ToSlash(t.TempDir()))
	var done atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		defer done.Store(true)
		for n := range 200 {
			put(t, s, "7/cv.txt", fmt.Sprintf("content %06d", n)) // always of the same size
		}
	})
	described := 0
	for !done.Load() {
		before, err := ReadFile(t.Context(), s, "7/cv.txt")
		m, statErr := s.Stat(t.Context(), "7/cv.txt")
		after, err2 := ReadFile(t.Context(), s, "7/cv.txt")
		if err != nil || err2 != nil || statErr != nil || string(before) != string(after) {
			continue
		}
		if m.SHA256 != "" {
			described++
			require.Equal(t, metaOf(string(after)).SHA256, m.SHA256)
		}
	}
	writing.Wait()
	assert.Positive(t, described)
}

// A file that somebody else put there, or whose description is damaged or does not fit, is none of
// the store's.
func TestFilesWithoutTheirMetadata(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "file://"+filepath.ToSlash(dir))
	put(t, s, "a", "content")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("longer content"), 0o600))
	m, err := s.Stat(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, Meta{Bytes: 14}, m)

	require.NoError(t, os.WriteFile(side(filepath.Join(dir, "a")), []byte("{"), 0o600))
	m, err = s.Stat(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, Meta{Bytes: 14}, m)

	require.NoError(t, os.Remove(side(filepath.Join(dir, "a"))))
	_, err = s.Stat(t.Context(), "a")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// A Put that fails leaves neither its part nor metadata of content that is not there.
func TestFailedPutsLeaveNothing(t *testing.T) {
	for name, block := range map[string]func(t *testing.T, dir string){
		"a file in place of the folder": func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "7"), nil, 0o600))
		},
		"a folder in place of the file": func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "7", "cv", "x"), 0o700))
		},
		"a folder in place of the metadata": func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "7", ".cv.json", "x"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			block(t, dir)
			s := open(t, "file://"+filepath.ToSlash(dir))
			f, err := s.Temp()
			require.NoError(t, err)
			require.Error(t, s.Put(t.Context(), "7/cv", f, metaOf("")))
			parts, err := filepath.Glob(filepath.Join(dir, ".part-*"))
			require.NoError(t, err)
			assert.Empty(t, parts)
			m, err := s.Stat(t.Context(), "7/cv")
			assert.True(t, err != nil || m.SHA256 == "")
		})
	}
}

// A file that cannot be made durable is not stored.
func TestUnsyncedFilesAreNotStored(t *testing.T) {
	s := open(t, "file://"+filepath.ToSlash(t.TempDir()))
	f, err := s.Temp()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.ErrorIs(t, s.Put(t.Context(), "a", f, metaOf("")), os.ErrClosed)
	_, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.NoFileExists(t, f.Name())
}

// A description that cannot be written is an error, and leaves no part.
func TestFailedDescriptionsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".cv.json", "x"), 0o700))
	s := &folder{root: dir}
	require.Error(t, s.describe(s.path("cv"), metaOf("")))
	parts, err := filepath.Glob(filepath.Join(dir, ".part-*"))
	require.NoError(t, err)
	assert.Empty(t, parts)
	gone := &folder{root: filepath.Join(dir, "none")}
	require.ErrorIs(t, gone.describe(gone.path("cv"), metaOf("")), fs.ErrNotExist)
}

// Parts that a killed process left are removed at the start; those of a living one, and what is no
// part, are not.
func TestPartsOfKilledProcessesAreSwept(t *testing.T) {
	dir := t.TempDir()
	touch := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("half a file"), 0o600))
		if runtime.GOOS == "windows" { // where its age tells
			old := time.Now().Add(-2 * partLife)
			require.NoError(t, os.Chtimes(path, old, old))
		}
		return path
	}
	dead, other := touch(".part-1234"), touch("other")
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".part-folder"), 0o700))
	link := filepath.Join(dir, ".part-link")
	require.NoError(t, os.Symlink(other, link))
	living, err := newPart(dir)
	require.NoError(t, err)
	defer Discard(living)

	f, err := open(t, "file://"+filepath.ToSlash(dir)).Temp()
	require.NoError(t, err)
	assert.NoFileExists(t, dead)
	assert.FileExists(t, other)
	assert.FileExists(t, link)
	assert.DirExists(t, filepath.Join(dir, ".part-folder"))
	assert.FileExists(t, living.Name())
	assert.FileExists(t, f.Name())
	assert.True(t, linked(f))
	Discard(f)
	assert.NoFileExists(t, f.Name())
	assert.False(t, linked(f))
}

// What is no address of a store is refused; that of a bucket, too, in a program without a client.
func TestWhatIsNoStore(t *testing.T) {
	for address, words := range map[string]string{
		"s3:///prefix": "is no store", "file://host/folder": "is no store",
		"file:folder": "is no store", "folder": "is no store", "ftp://host/folder": "is no store",
		"://": "is no store", "s3://bucket": "import github.com/tap-greenhouse",
	} {
		_, err := Open(address, os.LookupEnv, time.Second)
		assert.ErrorContains(t, err, words, address)
	}
	_, err := OpenSlot(t.Context(), "s3://bucket/key", os.LookupEnv, time.Second,
		slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "import github.com/tap-greenhouse")
}
