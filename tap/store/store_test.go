package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, address string, requestTimeout time.Duration) Store {
	t.Helper()
	s, err := Open(address, os.LookupEnv, requestTimeout)
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

// server speaks as much of S3 as the tap needs.
type server struct {
	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	content string
	header  http.Header
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.URL.Path, "/bucket/") {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchBucket</Code></Error>")
		return
	}
	if r.Method == http.MethodPut {
		data, _ := io.ReadAll(r.Body)
		content := string(data)
		if _, rest, chunked := strings.Cut(content, ";chunk-signature"); chunked {
			_, rest, _ = strings.Cut(rest, "\r\n")
			content, _, _ = strings.Cut(rest, "\r\n")
		}
		s.objects[r.URL.Path] = object{content, r.Header.Clone()}
		w.Header().Set("Etag", `"0"`)
		return
	}
	o, ok := s.objects[r.URL.Path]
	if !ok {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
		}
		return
	}
	for name, values := range o.header {
		if strings.HasPrefix(name, "X-Amz-Meta-") || name == "Content-Type" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Etag", `"0"`)
	w.Header().Set("Last-Modified", "Thu, 26 Nov 2026 12:00:00 GMT")
	w.Header().Set("Content-Length", strconv.Itoa(len(o.content)))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, o.content)
	}
}

// serve makes AWS's settings lead to a handler.
func serve(t *testing.T, h http.Handler) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
}

// Every kind of store keeps files with their metadata, in one step, and has nothing else.
func TestStoresKeepFiles(t *testing.T) {
	s3 := &server{objects: map[string]object{}}
	serve(t, s3)
	dir := filepath.Join(t.TempDir(), "not", "there yet")
	for address, url := range map[string]string{
		"file://" + dir:         "file://" + dir + "/a/b.txt",
		"s3://bucket/some/path": "s3://bucket/some/path/a/b.txt",
		"s3://bucket":           "s3://bucket/a/b.txt",
	} {
		t.Run(address, func(t *testing.T) {
			s := open(t, address, time.Minute)
			_, err := s.Stat(t.Context(), "a/b.txt")
			require.ErrorIs(t, err, fs.ErrNotExist)
			_, err = s.Get(t.Context(), "a/b.txt")
			require.ErrorIs(t, err, fs.ErrNotExist)
			_, err = ReadFile(t.Context(), s, "a/b.txt")
			require.ErrorIs(t, err, fs.ErrNotExist)
			for _, content := range []string{"content", "CONTENT", "more content", ""} {
				put(t, s, "a/b.txt", content)
				m, err := s.Stat(t.Context(), "a/b.txt")
				require.NoError(t, err)
				assert.Equal(t, metaOf(content), m)
				have, err := ReadFile(t.Context(), s, "a/b.txt")
				require.NoError(t, err)
				assert.Equal(t, content, string(have))
			}
			assert.Equal(t, url, s.URL("a/b.txt"))
			require.NoError(t, WriteFile(t.Context(), s, "plain", []byte("data")))
			have, err := ReadFile(t.Context(), s, "plain")
			require.NoError(t, err)
			assert.Equal(t, "data", string(have))
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, ".part-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestStoresOpen(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, c := range []struct {
		address, endpoint, words string
	}{
		{"s3://bucket/prefix", "", ""},
		{"s3://bucket", "https://s3.example", ""},
		{"s3://bucket", "http://127.0.0.1:9000", ""},
		{"s3://bucket", "http://localhost:9000", ""},
		{"s3://bucket", "http://s3.example", "has to begin with https://"},
		{"s3://bucket", "s3.example", "not an address"},
		{"s3:///prefix", "", "is no store"},
		{"file://host/folder", "", "is no store"},
		{"file:folder", "", "is no store"},
		{"folder", "", "is no store"},
		{"ftp://host/folder", "", "is no store"},
		{"://", "", "is no store"},
	} {
		env["AWS_ENDPOINT_URL"] = c.endpoint
		s, err := Open(c.address, getenv, time.Second)
		if c.words != "" {
			assert.ErrorContains(t, err, c.words, "%v", c)
			continue
		}
		require.NoError(t, err, "%v", c)
		assert.NotNil(t, s)
	}
	env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL"] = "https://s3.example", "http://no.example"
	_, err := Open("s3://bucket", getenv, time.Second)
	assert.NoError(t, err, "the special one goes before")
}

// Wherever a process is killed while it replaces a file, what describes the file describes what is
// there: an observer who sees the same content before and after reading the metadata never finds
// those of other content.
func TestMetadataNeverDescribesOtherContent(t *testing.T) {
	s := open(t, "file://"+filepath.ToSlash(t.TempDir()), time.Minute)
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
	s := open(t, "file://"+filepath.ToSlash(dir), time.Minute)
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
			s := open(t, "file://"+filepath.ToSlash(dir), time.Minute)
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
	require.NoError(t, os.Symlink(other, filepath.Join(dir, ".part-link")))
	living, err := newPart(dir)
	require.NoError(t, err)
	defer Discard(living)

	f, err := open(t, "file://"+filepath.ToSlash(dir), time.Minute).Temp()
	require.NoError(t, err)
	assert.NoFileExists(t, dead)
	assert.FileExists(t, other)
	assert.DirExists(t, filepath.Join(dir, ".part-folder"))
	assert.FileExists(t, living.Name())
	assert.FileExists(t, f.Name())
	assert.True(t, linked(f))
	Discard(f)
	assert.NoFileExists(t, f.Name())
	assert.False(t, linked(f))
}

// A bucket that accepts requests and says nothing is given up as soon as it is silent for too long,
// whatever is asked of it.
func TestSilentBucketsAreGivenUp(t *testing.T) {
	var asked atomic.Int32
	serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	s := open(t, "s3://bucket", 50*time.Millisecond)
	f, err := s.Temp()
	require.NoError(t, err)
	_, err = f.WriteString("content")
	require.NoError(t, err)
	_, statErr := s.Stat(t.Context(), "a")
	_, getErr := s.Get(t.Context(), "a")
	for _, err := range []error{statErr, getErr, s.Put(t.Context(), "a", f, metaOf("content"))} {
		assert.ErrorContains(t, err, "bucket bucket: ")
		assert.ErrorContains(t, err, "silent for too long")
	}
	// A request may be given up before the server has seen it.
	assert.Greater(t, int(asked.Load()), 3)
	assert.LessOrEqual(t, int(asked.Load()), 3*attempts)
}

// Errors of a bucket name it.
func TestErrorsOfBuckets(t *testing.T) {
	s3 := &server{objects: map[string]object{}}
	serve(t, s3)
	s := open(t, "s3://another", time.Minute)
	err := WriteFile(t.Context(), s, "a", nil)
	assert.EqualError(t, err, `bucket "another" does not exist`)
	b, ok := s.(*bucket)
	require.True(t, ok)
	assert.NoError(t, b.errorOf(nil))
	assert.EqualError(t, b.errorOf(errors.New("no luck")), "bucket another: no luck")
}
