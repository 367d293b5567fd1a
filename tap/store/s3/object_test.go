package s3

import (
	"bufio"
	"crypto/md5" //nolint:gosec // the etags of S3
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/storetest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// memory is a bucket in memory that checks conditions like S3.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	simple  bool // it knows no conditions, and says so
	deaf    bool // the next answer to a write is lost
}

func etagOf(data []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(data)) } //nolint:gosec // see above

// unsigned returns the content of a request, without the signatures of its chunks.
func unsigned(r *http.Request) []byte {
	if r.Header.Get("X-Amz-Decoded-Content-Length") == "" {
		data, _ := io.ReadAll(r.Body)
		return data
	}
	var data []byte
	for in := bufio.NewReader(r.Body); ; {
		var n int
		head, err := in.ReadString('\n')
		if _, serr := fmt.Sscanf(head, "%x;", &n); err != nil || serr != nil || n == 0 {
			return data
		}
		chunk := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil
		}
		data = append(data, chunk[:n]...)
	}
}

func (s *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, found := s.objects[r.URL.Path]
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	switch r.Method {
	case http.MethodPut:
		data := unsigned(r)
		match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
		switch {
		case s.simple && match+none != "":
			fail(http.StatusNotImplemented, "NotImplemented")
			return
		case match != "" && !found:
			fail(http.StatusNotFound, "NoSuchKey")
			return
		case none == "*" && found, match != "" && match != etagOf(old):
			fail(http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		s.objects[r.URL.Path] = data
		w.Header().Set("ETag", etagOf(data))
		if s.deaf {
			s.deaf = false
			fail(http.StatusPreconditionFailed, "PreconditionFailed") // for a repeated request
		}
	case http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		if !found {
			fail(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", etagOf(old))
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(old)))
	}
}

func (s *memory) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.objects {
		names = append(names, name)
	}
	return names
}

// serveS3 starts a bucket; open opens a slot in it.
func serveS3(t *testing.T) (server *memory, open func() (store.Slot, error)) {
	t.Helper()
	server = &memory{objects: map[string][]byte{}}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	env := map[string]string{"AWS_ENDPOINT_URL": web.URL, "AWS_REGION": "us-east-1"}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	return server, func() (store.Slot, error) {
		b, err := newBucket("bucket", "", getenv, time.Minute)
		require.NoError(t, err)
		slot, err := openObject(t.Context(), b, "acme/state.json", short,
			slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		return slot, nil
	}
}

// short is a lease for tests.
var short = leaseTime{lasts: 300 * time.Millisecond, renew: 30 * time.Millisecond}

// An object keeps what was saved last, for one owner at a time.
func TestObjectsAreSlots(t *testing.T) {
	_, open := serveS3(t)
	storetest.Slot(t, open)
}

// The lease of an owner that was killed expires. If the owner lives after all, it saves nothing
// more.
func TestLeaseOfAKilledOwnerExpires(t *testing.T) {
	server, open := serveS3(t)
	killed, err := open()
	require.NoError(t, err)
	_, err = killed.Load(t.Context())
	require.NoError(t, err)
	require.NoError(t, killed.Save(t.Context(), []byte("one")))
	killed.(*objectSlot).lease.stop()

	next, err := open()
	require.NoError(t, err)
	data, err := next.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
	require.ErrorContains(t, killed.Save(t.Context(), []byte("late")), "could not be renewed")
	killed.(*objectSlot).lease.renewed = time.Now().Add(time.Hour) // a clock that jumped
	require.NoError(t, next.Save(t.Context(), []byte("two")))
	require.ErrorIs(t, killed.Save(t.Context(), []byte("late")), errChanged)
	require.NoError(t, next.Close())
	assert.Equal(t, []string{"/bucket/acme/state.json"}, server.names())
}

// A write whose answer was lost has been made.
func TestLostAnswersAreNoConflicts(t *testing.T) {
	server, open := serveS3(t)
	lose := func() {
		server.mu.Lock()
		defer server.mu.Unlock()
		server.deaf = true
	}
	lose()
	slot, err := open()
	require.NoError(t, err)
	slot.(*objectSlot).lease.stop() // so that the save's answer is lost, not the renewal's
	slot.(*objectSlot).lease.done.Wait()
	slot.(*objectSlot).lease.renewed = time.Now().Add(time.Hour)
	_, err = slot.Load(t.Context())
	require.NoError(t, err)
	lose()
	require.NoError(t, slot.Save(t.Context(), []byte("one")))
	require.NoError(t, slot.Save(t.Context(), []byte("two")))
	require.NoError(t, slot.Close())
}

// lock returns the lease that is in the bucket.
func (s *memory) lock() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.objects["/bucket/acme/state.json.lock"])
}

// An owner whose renewal got no answer keeps its lease. One whose lease another has taken notices
// it, saves nothing more, and leaves the lease to the other.
func TestOwnersKnowWhoseLeaseItIs(t *testing.T) {
	server, open := serveS3(t)
	slot, err := open()
	require.NoError(t, err)
	server.mu.Lock()
	server.deaf = true
	server.mu.Unlock()
	for range 3 { // one of them is the one without an answer
		before := server.lock()
		require.Eventually(t, func() bool { return server.lock() != before }, 10*time.Second, time.Millisecond)
	}
	require.NoError(t, slot.Save(t.Context(), []byte("one")))

	server.mu.Lock()
	server.objects["/bucket/acme/state.json.lock"] = []byte("another")
	server.mu.Unlock()
	require.Eventually(t, func() bool { return slot.(*objectSlot).lease.holds() != nil }, 10*time.Second, time.Millisecond)
	require.ErrorContains(t, slot.Save(t.Context(), []byte("two")), "another run may use the state")
	require.NoError(t, slot.Close())
	assert.Equal(t, "another", server.lock())
}

// A large state is saved in one step, too.
func TestLargeStatesAreSavedInOneStep(t *testing.T) {
	server, open := serveS3(t)
	slot, err := open()
	require.NoError(t, err)
	require.NoError(t, slot.Save(t.Context(), make([]byte, 17<<20)))
	require.NoError(t, slot.Close())
	assert.Len(t, server.objects["/bucket/acme/state.json"], 17<<20)
}

// A server without conditions keeps the state all the same.
func TestServerWithoutConditions(t *testing.T) {
	server, open := serveS3(t)
	server.simple = true
	slot, err := open()
	require.NoError(t, err)
	require.NoError(t, slot.Save(t.Context(), []byte("one")))
	data, err := slot.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
	require.NoError(t, slot.Close())
}
