// Package storetest has the laws that every store and every slot keeps, as tests.
package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// MetaOf describes a text.
func MetaOf(content string) store.Meta {
	sum := sha256.Sum256([]byte(content))
	return store.Meta{
		Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), ContentType: "text/plain",
		Source: "v1",
	}
}

// Store tests that an empty store keeps files with their metadata. Its addresses begin with url.
func Store(t *testing.T, s store.Store, url string) {
	t.Helper()
	_, err := s.Stat(t.Context(), "a/b.txt")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Get(t.Context(), "a/b.txt")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = store.ReadFile(t.Context(), s, "a/b.txt")
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, content := range []string{"content", "CONTENT", "more content", ""} {
		f, err := s.Temp()
		require.NoError(t, err)
		_, err = io.WriteString(f, content)
		require.NoError(t, err)
		require.NoError(t, s.Put(t.Context(), "a/b.txt", f, MetaOf(content)))
		m, err := s.Stat(t.Context(), "a/b.txt")
		require.NoError(t, err)
		assert.Equal(t, MetaOf(content), m)
		have, err := store.ReadFile(t.Context(), s, "a/b.txt")
		require.NoError(t, err)
		assert.Equal(t, content, string(have))
	}
	assert.Equal(t, url+"a/b.txt", s.URL("a/b.txt"))
	require.NoError(t, store.WriteFile(t.Context(), s, "plain", []byte("data")))
	have, err := store.ReadFile(t.Context(), s, "plain")
	require.NoError(t, err)
	assert.Equal(t, "data", string(have))
}

// Slot tests that a slot keeps what was saved last, for one owner at a time.
func Slot(t *testing.T, open func() (store.Slot, error)) {
	t.Helper()
	ctx := t.Context()
	first, err := open()
	require.NoError(t, err)
	data, err := first.Load(ctx)
	require.NoError(t, err)
	require.Nil(t, data, "it need not exist")
	for _, text := range []string{"one", "two", "three"} {
		require.NoError(t, first.Save(ctx, []byte(text)))
		_, err = open()
		require.ErrorIs(t, err, store.ErrTaken)
		data, err = first.Load(ctx)
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
	require.NoError(t, first.Close())
	second, err := open()
	require.NoError(t, err)
	data, err = second.Load(ctx)
	require.NoError(t, err)
	require.Equal(t, "three", string(data))
	require.NoError(t, second.Save(ctx, []byte("four")))
	require.NoError(t, second.Close())
}

// Logs asserts that a store keeps logs: they grow by appending, and are removed as they were read.
func Logs(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	read := func() map[string]store.Log {
		logs, err := s.Logs(ctx, "rows.log")
		require.NoError(t, err)
		found := map[string]store.Log{}
		for _, log := range logs {
			assert.Positive(t, log.Parts)
			assert.False(t, log.Changed.IsZero())
			found[log.Name] = log
		}
		return found
	}
	assert.Empty(t, read())
	require.NoError(t, s.RemoveLog(ctx, "rows.log", store.Log{Name: "1-a"}), "there is none")
	require.NoError(t, s.Append(ctx, "rows.log/1-a", 2, []byte("one,")))
	require.NoError(t, s.Append(ctx, "rows.log/2-b", 1, []byte("other")))
	require.NoError(t, s.Append(ctx, "rows.log/1-a", 9, []byte("two,")))
	logs := read()
	require.Len(t, logs, 2)
	assert.Equal(t, "one,two,", string(logs["1-a"].Data))
	assert.Equal(t, "other", string(logs["2-b"].Data))

	require.NoError(t, s.Append(ctx, "rows.log/1-a", 10, []byte("three")))
	require.NoError(t, s.RemoveLog(ctx, "rows.log", logs["1-a"]))
	left := read()
	assert.True(t, strings.HasSuffix(string(left["1-a"].Data), "three"), "it was appended since")
	require.NoError(t, s.RemoveLog(ctx, "rows.log", left["1-a"]))
	left = read()
	assert.Len(t, left, 1)
	assert.Contains(t, left, "2-b")
}
