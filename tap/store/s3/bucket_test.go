package s3

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/storetest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

func openStore(t *testing.T, address string, requestTimeout time.Duration) store.Store {
	t.Helper()
	s, err := store.Open(address, os.LookupEnv, requestTimeout)
	require.NoError(t, err)
	return s
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
	if r.URL.Query().Get("list-type") != "" {
		s.list(w, r.URL.Query().Get("prefix"))
		return
	}
	if r.Method == http.MethodDelete {
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
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

// list lists the objects whose key begins with a prefix.
func (s *server) list(w http.ResponseWriter, prefix string) {
	_, _ = io.WriteString(w, "<ListBucketResult>")
	for path := range s.objects {
		if key := strings.TrimPrefix(path, "/bucket/"); strings.HasPrefix(key, prefix) {
			_, _ = fmt.Fprintf(w, "<Contents><Key>%s</Key><LastModified>2026-11-26T12:00:00Z</LastModified></Contents>", key)
		}
	}
	_, _ = io.WriteString(w, "</ListBucketResult>")
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

// A bucket keeps files with their metadata, in one step, and has nothing else.
func TestBucketsKeepFiles(t *testing.T) {
	serve(t, &server{objects: map[string]object{}})
	storetest.Store(t, openStore(t, "s3://bucket/some/path", time.Minute), "s3://bucket/some/path/")
	storetest.Store(t, openStore(t, "s3://bucket", time.Minute), "s3://bucket/")
}

// A bucket keeps logs, an object for each part.
func TestBucketsKeepLogs(t *testing.T) {
	serve(t, &server{objects: map[string]object{}})
	storetest.Logs(t, openStore(t, "s3://bucket/some/path", time.Minute))
	storetest.Logs(t, openStore(t, "s3://bucket", time.Minute))
}

func TestBucketsOpen(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, c := range []struct {
		address, endpoint, words string
	}{
		{"s3://bucket/prefix", "", ""},
		{"s3://bucket", "https://s3.example", ""},
		{"s3://bucket", "http://127.0.0.1:9000", ""},
		{"s3://bucket", "http://localhost:9000", ""},
		{"s3://bucket", "https://", "not an address"},
		{"s3://bucket", "https://-s3.example", "does not follow"},
		{"s3://bucket", "http://s3.example", "has to begin with https://"},
		{"s3://bucket", "s3.example", "not an address"},
	} {
		env["AWS_ENDPOINT_URL"] = c.endpoint
		s, err := store.Open(c.address, getenv, time.Second)
		if c.words != "" {
			assert.ErrorContains(t, err, c.words, "%v", c)
			continue
		}
		require.NoError(t, err, "%v", c)
		assert.Equal(t, cmp.Or(c.endpoint, "https://s3.amazonaws.com"),
			s.(*bucket).client.EndpointURL().String(), "Amazon's, encrypted, unless told otherwise")
	}
	env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL"] = "https://s3.example", "http://no.example"
	_, err := store.Open("s3://bucket", getenv, time.Second)
	assert.NoError(t, err, "the special one goes before")
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
	s := openStore(t, "s3://bucket", 50*time.Millisecond)
	f, err := s.Temp()
	require.NoError(t, err)
	_, err = f.WriteString("content")
	require.NoError(t, err)
	_, statErr := s.Stat(t.Context(), "a")
	_, getErr := s.Get(t.Context(), "a")
	for _, err := range []error{statErr, getErr, s.Put(t.Context(), "a", f, storetest.MetaOf("content"))} {
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
	s := openStore(t, "s3://another", time.Minute)
	err := store.WriteFile(t.Context(), s, "a", nil)
	assert.EqualError(t, err, `bucket "another" does not exist`)
	_, err = store.OpenSlot(t.Context(), "s3://another/state.json", os.LookupEnv, time.Minute,
		slog.New(slog.DiscardHandler))
	assert.EqualError(t, err, `bucket "another" does not exist`)
	b, ok := s.(*bucket)
	require.True(t, ok)
	assert.NoError(t, b.errorOf(nil))
	assert.EqualError(t, b.errorOf(errors.New("no luck")), "bucket another: no luck")
}
