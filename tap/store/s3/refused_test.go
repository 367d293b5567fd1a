package s3

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// refusing answers requests that its rule picks with 403, and passes the others on.
func refusing(next http.Handler, rule func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rule(r) {
			next.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>")
	})
}

// What the credential may not do is an error that names the bucket, whatever is asked; nothing that
// is there counts as not there.
func TestRefusedRequestsAreNoEmptyAnswers(t *testing.T) {
	all := func(*http.Request) bool { return true }
	serve(t, refusing(nil, all))
	s := openStore(t, "s3://bucket/files", time.Minute)
	ctx := t.Context()
	f, err := s.Temp()
	require.NoError(t, err)
	for what, call := range map[string]func() error{
		"Put":       func() error { return s.Put(ctx, "a", f, store.Meta{}) },
		"Stat":      func() error { _, err := s.Stat(ctx, "a"); return err },
		"Get":       func() error { _, err := s.Get(ctx, "a"); return err },
		"Append":    func() error { return s.Append(ctx, "a", 1, []byte("x")) },
		"Logs":      func() error { _, err := s.Logs(ctx, "a"); return err },
		"RemoveLog": func() error { return s.RemoveLog(ctx, "a", store.Log{Name: "x"}) },
		"OpenSlot":  func() error { _, err := openState(t); return err },
	} {
		err := call()
		assert.ErrorContains(t, err, "bucket bucket: ", what)
		assert.NotErrorIs(t, err, fs.ErrNotExist, what)
	}
	assert.ErrorIs(t, f.Close(), os.ErrClosed, "Put closes its file in any case")
}

func openState(t *testing.T) (store.Slot, error) {
	t.Helper()
	return store.OpenSlot(t.Context(), "s3://bucket/acme/state.json", os.LookupEnv, time.Minute,
		slog.New(slog.DiscardHandler))
}

// A log of which a part cannot be read or removed is an error, and no shorter log. Objects that are
// no part of a log stay.
func TestLogsOfABucketAreWhole(t *testing.T) {
	s3 := &server{objects: map[string]object{}}
	refused := ""
	serve(t, refusing(s3, func(r *http.Request) bool { return refused != "" && r.Method == refused }))
	s := openStore(t, "s3://bucket", time.Minute)
	ctx := t.Context()
	for n, text := range []string{"one,", "two,", "three"} {
		require.NoError(t, s.Append(ctx, "rows.log/1-a", uint64(n+1), []byte(text)))
	}
	require.NoError(t, store.WriteFile(ctx, s, "rows.log/note", []byte("not ours")))
	logs, err := s.Logs(ctx, "rows.log")
	require.NoError(t, err)
	require.Len(t, logs, 1)
	assert.Equal(t, store.Log{
		Name: "1-a", Data: []byte("one,two,three"), Parts: 3, Last: "rows.log/1-a/00000003",
		Changed: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
	}, logs[0])
	refused = http.MethodDelete
	assert.ErrorContains(t, s.RemoveLog(ctx, "rows.log", logs[0]), "bucket bucket: ")
	refused = http.MethodGet
	_, err = s.Logs(ctx, "rows.log")
	assert.ErrorContains(t, err, "bucket bucket: ")
	refused = ""
	require.NoError(t, s.RemoveLog(ctx, "rows.log", logs[0]))
	left, err := store.ReadFile(ctx, s, "rows.log/note")
	require.NoError(t, err)
	assert.Equal(t, "not ours", string(left))
	assert.Len(t, s3.objects, 1)
	assert.True(t, s.Slow(), "each call is a request")
}

// A state that cannot be read or written is an error, and neither an empty state nor a saved one.
func TestStatesThatCannotBeReadOrWritten(t *testing.T) {
	memory := &memory{objects: map[string][]byte{}}
	refused := ""
	serve(t, refusing(memory, func(r *http.Request) bool {
		return refused != "" && r.Method == refused && strings.HasSuffix(r.URL.Path, "state.json")
	}))
	slot, err := openState(t)
	require.NoError(t, err)
	data, err := slot.Load(t.Context())
	require.NoError(t, err)
	assert.Nil(t, data)
	require.NoError(t, slot.Save(t.Context(), []byte("one")))
	refused = http.MethodGet
	data, err = slot.Load(t.Context())
	require.ErrorContains(t, err, "bucket bucket: ")
	assert.Nil(t, data)
	refused = http.MethodPut
	require.ErrorContains(t, slot.Save(t.Context(), []byte("two")), "bucket bucket: ")
	refused = ""
	data, err = slot.Load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
	require.NoError(t, slot.Close())
	assert.Equal(t, []string{"/bucket/acme/state.json"}, memory.names(), "the lease is given up")
}

// A state that somebody else wrote or removed is not overwritten.
func TestStatesThatOthersChange(t *testing.T) {
	for name, change := range map[string]func(s *memory, path string){
		"written": func(s *memory, path string) { s.objects[path] = []byte("other") },
		"removed": func(s *memory, path string) { delete(s.objects, path) },
	} {
		server, open := serveS3(t)
		slot, err := open()
		require.NoError(t, err)
		require.NoError(t, slot.Save(t.Context(), []byte("one")))
		server.mu.Lock()
		change(server, "/bucket/acme/state.json")
		server.mu.Unlock()
		assert.ErrorIs(t, slot.Save(t.Context(), []byte("two")), errChanged, name)
		require.NoError(t, slot.Close())
	}
}

// A lease that is there but cannot be read, at first or while it is waited for, may be another's:
// the state is not taken.
func TestUnreadableLeaseIsNotTaken(t *testing.T) {
	for readable := range 3 {
		memory := &memory{objects: map[string][]byte{"/bucket/state.json.lock": []byte("another")}}
		var read atomic.Int32
		serve(t, refusing(memory, func(r *http.Request) bool {
			return r.Method == http.MethodGet && int(read.Add(1)) > readable
		}))
		b, err := newBucket("bucket", "", os.LookupEnv, time.Minute)
		require.NoError(t, err)
		_, err = openObject(t.Context(), b, "state.json", short, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, "bucket bucket: ")
		assert.Equal(t, "another", string(memory.objects["/bucket/state.json.lock"]))
	}
}

// onWrite is a log that calls a function for each line.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// Who waits for a lease says so, can be stopped, and takes nothing then.
func TestWaitingForALeaseCanBeStopped(t *testing.T) {
	const other = "another host\n"
	memory := &memory{objects: map[string][]byte{"/bucket/state.json.lock": []byte(other)}}
	serve(t, memory)
	b, err := newBucket("bucket", "", os.LookupEnv, time.Minute)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("a signal")
	log := slog.New(slog.NewTextHandler(onWrite(func() { cancel(why) }), nil))
	_, err = openObject(ctx, b, "state.json", leaseTime{time.Hour, time.Hour}, log)
	require.ErrorIs(t, err, why)
	assert.Equal(t, other, string(memory.objects["/bucket/state.json.lock"]))
}
