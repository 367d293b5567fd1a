package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

type attachment struct {
	ID           int64
	Type         string
	ContentURL   *string `json:"content_url"`
	ContentBytes *int64  `json:"content_bytes"`
	ContentSHA   *string `json:"content_sha256"`
	ContentType  *string `json:"content_type"`
	ContentError *string `json:"content_error"`
}

func attached(t *testing.T, l *loader.Loader) map[int64]attachment {
	t.Helper()
	all := map[int64]attachment{}
	for _, row := range l.Rows["attachments"] {
		var a attachment
		require.NoError(t, json.Unmarshal(row, &a))
		all[a.ID] = a
	}
	return all
}

// whole asserts that each row's content is in the store, as the sandbox has it.
func whole(t *testing.T, dir string, rows map[int64]attachment) {
	t.Helper()
	require.NotEmpty(t, rows)
	for id, a := range rows {
		require.Nil(t, a.ContentError, "%d", id)
		want, kind := sandbox.FileContent(id)
		u, err := url.Parse(*a.ContentURL)
		require.NoError(t, err)
		have, err := os.ReadFile(u.Path)
		require.NoError(t, err)
		assert.Equal(t, want, have)
		rel, err := filepath.Rel(dir, u.Path)
		require.NoError(t, err)
		assert.Regexp(t, `^[0-9]+/[^/]+$`, filepath.ToSlash(rel),
			"within the prefix, whatever the file is called")
		sum := sha256.Sum256(want)
		assert.Equal(t, hex.EncodeToString(sum[:]), *a.ContentSHA)
		assert.Equal(t, int64(len(want)), *a.ContentBytes)
		assert.Equal(t, kind, *a.ContentType)
	}
}

func TestContentsOfAttachmentsAreStored(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n, asked := 0, map[string]int{}
	s := Serve(t, sandbox.Options{FileFault: func(r *http.Request) sandbox.Fault {
		mu.Lock()
		defer mu.Unlock()
		n++
		if asked[r.URL.Path]++; asked[r.URL.Path] > 2 {
			return sandbox.NoFault // or chance may give a file nothing but faults
		}
		return []sandbox.Fault{
			"", "", sandbox.CutBody, "", sandbox.Status503, "",
			sandbox.CutRightLength, "", sandbox.Redirect,
		}[n%9]
	}})
	dir := t.TempDir()
	cfg := With(s, map[string]any{
		"streams":     []string{"attachments", "users"},
		"attachments": map[string]any{"store": "file://" + dir},
	})
	var l loader.Loader
	r := Load(t, &l, cfg, nil)
	require.Zero(t, r.Code, r.Err)
	whole(t, dir, attached(t, &l))
	_, odd := s.FileRequests()
	assert.Zero(t, odd, "no credential, cookie or referer goes to the file host")
	before, _ := s.FileRequests()
	var again loader.Loader
	r = Load(t, &again, cfg, nil)
	require.Zero(t, r.Code, r.Err)
	after, _ := s.FileRequests()
	assert.Equal(t, before, after,
		"what is in the store is not fetched again, also after a lost state")
	whole(t, dir, attached(t, &again))
	left, err := filepath.Glob(filepath.Join(dir, ".part-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Expired links are renewed, with one request per page.
func TestExpiredLinksAreRenewed(t *testing.T) {
	t.Parallel()
	var s *sandbox.Server
	var once sync.Once
	s = Serve(t, sandbox.Options{FileFault: func(*http.Request) sandbox.Fault {
		once.Do(func() { s.ExpireLinks() })
		return sandbox.NoFault
	}})
	dir := t.TempDir()
	var l loader.Loader
	r := Load(t, &l, With(s, map[string]any{
		"streams":     []string{"attachments"},
		"attachments": map[string]any{"store": "file://" + dir},
	}), nil)
	require.Zero(t, r.Code, r.Err)
	whole(t, dir, attached(t, &l))
	lists, _, _ := s.Requests()
	assert.LessOrEqual(t, lists["attachments"], 1+(len(l.Rows["attachments"])+49)/50)
}

func TestFailuresOfFilesAndStores(t *testing.T) {
	t.Parallel()
	t.Run("a file that is gone is told by its record", func(t *testing.T) {
		s := Serve(t, sandbox.Options{FileFault: func(r *http.Request) sandbox.Fault {
			if strings.HasSuffix(r.URL.Path, "7") {
				return sandbox.Status404
			}
			return sandbox.NoFault
		}})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams":     []string{"attachments"},
			"attachments": map[string]any{"store": "file://" + t.TempDir()},
		}), nil)
		require.Zero(t, r.Code, r.Err)
		for id, a := range attached(t, &l) {
			assert.Equal(t, id%10 == 7, a.ContentError != nil)
			assert.Equal(t, id%10 == 7, a.ContentURL == nil)
		}
	})
	t.Run("a file host that stays away fails the stream, whose bookmark stays", func(t *testing.T) {
		s := Serve(t, sandbox.Options{FileFault: func(r *http.Request) sandbox.Fault {
			if strings.HasSuffix(r.URL.Path, "7") {
				return sandbox.Status503
			}
			return sandbox.NoFault
		}})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams": []string{"attachments", "users"}, "max_retry_time": "1s",
			"attachments": map[string]any{"store": "file://" + t.TempDir()},
		}), nil)
		assert.Equal(t, 1, r.Code)
		assert.Contains(t, r.Err, "fetching the file of attachment")
		assert.NotEmpty(t, l.Rows["users"])
		for _, a := range attached(t, &l) {
			assert.Nil(t, a.ContentError)
		}
		assert.NotContains(t, string(l.LastState()), `"attachments":{"replication_key"`)
	})
	t.Run("types and sizes", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams": []string{"attachments"},
			"attachments": map[string]any{
				"store": "file://" + t.TempDir(), "types": []string{"resume", "cover_letter"},
				"max_bytes": 100,
			},
		}), nil)
		require.Zero(t, r.Code, r.Err)
		kept := 0
		for _, a := range attached(t, &l) {
			if a.ContentURL != nil {
				kept++
				assert.Contains(t, []string{"resume", "cover_letter"}, a.Type)
				assert.LessOrEqual(t, *a.ContentBytes, int64(100))
			}
		}
		assert.Positive(t, kept)
	})
	t.Run("a store that may not be written fails the stream, and no other", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		blocked := File(t, "blocked", "a file where a folder should be")
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams":     []string{"attachments", "users"},
			"attachments": map[string]any{"store": "file://" + blocked},
		}), nil)
		assert.Equal(t, 1, r.Code)
		assert.Contains(t, r.Err, "attachments.store")
		assert.NotEmpty(t, l.Rows["users"])
		assert.Empty(t, l.Rows["attachments"])
	})
	t.Run("a treated name does not show in the object's name", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		dir := t.TempDir()
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams":     []string{"attachments"},
			"privacy":     map[string]any{"free_text": "drop", "credential": "drop"},
			"attachments": map[string]any{"store": "file://" + dir},
		}), nil)
		require.Zero(t, r.Code, r.Err)
		whole(t, dir, attached(t, &l))
		assert.NotContains(t, r.Out, "Resume.pdf")
		assert.NotContains(t, r.Out, "X-Amz-Signature")
	})
	t.Run("bad addresses of stores", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		for _, store := range []string{"folder", "ftp://x", "file://relative", "s3://"} {
			r := Run(t, "--config", File(t, "c.json",
				With(s, map[string]any{"attachments": map[string]any{"store": store}})))
			assert.Equal(t, 2, r.Code, store)
			assert.Contains(t, r.Err, "attachments.store")
		}
	})
}
