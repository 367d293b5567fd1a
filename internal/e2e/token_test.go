package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]sandbox.Options{
		"dead after one use":    {TokenUses: 1},
		"dead after three uses": {TokenUses: 3},
		"a new one ends others": {TokenUses: 20, ReplaceTokens: true},
		"a life of a second":    {TokenLife: time.Second, Latency: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, opts)
			var l loader.Loader
			r := Load(t, &l, s.Config(), nil)
			require.Zero(t, r.Code, r.Err)
			Complete(t, s, &l)
		})
	}
	t.Run("killed at any request", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{Candidates: long.Or(20, 1500)})
		var n atomic.Int32
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if strings.HasPrefix(r.URL.Path, "/v3/") && n.Add(1)%9 == 0 {
				s.KillTokens()
			}
			return sandbox.NoFault
		})
		var l loader.Loader
		r := Load(t, &l, s.Config(), nil)
		require.Zero(t, r.Code, r.Err)
		Complete(t, s, &l)
	})
	t.Run("one new token however many requests failed", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{Latency: 20 * time.Millisecond})
		var n atomic.Int32
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if strings.HasPrefix(r.URL.Path, "/v3/") && n.Add(1) == 30 {
				s.KillTokens()
			}
			return sandbox.NoFault
		})
		var l loader.Loader
		require.Zero(t, Load(t, &l, s.Config(), nil).Code)
		_, _, tokens := s.Requests()
		assert.Equal(t, 2, tokens)
	})
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	t.Run("api key", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"client_id": nil, "client_secret": nil,
			"auth_url": nil, "api_key": sandbox.APIKey,
		}), nil)
		require.Zero(t, r.Code, r.Err)
		Complete(t, s, &l)
	})
	t.Run("acting for a user", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		var l loader.Loader
		require.Zero(t, Load(t, &l, With(s,
			map[string]any{"user_id": 4000123, "streams": []string{"users"}}), nil).Code)
	})
	t.Run("refresh token", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{TokenUses: 25})
		text := `{
  "client_id": "` + sandbox.ClientID + `", "client_secret": "` + sandbox.ClientSecret + `",
  "refresh_token":   "` + sandbox.RefreshToken + `",
  "api_url": "` + s.URL() + `", "auth_url": "` + s.URL() + `/token"
}
`
		path := File(t, "config.json", text)
		require.NoError(t, os.Chmod(path, 0o640))
		for range 2 {
			r := Run(t, "--config", path)
			require.Zero(t, r.Code, r.Err)
			NoSecrets(t, r)
		}
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		var config map[string]string
		require.NoError(t, json.Unmarshal(kept, &config))
		assert.Equal(t, s.CurrentRefreshToken(), config["refresh_token"])
		assert.Equal(t, strings.Replace(text, sandbox.RefreshToken, s.CurrentRefreshToken(), 1),
			string(kept), "the rest of the file is as it was")
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	})
	t.Run("refresh answer lost on the way", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		var lost atomic.Bool
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if r.URL.Path == "/token" && !lost.Swap(true) {
				return sandbox.LoseAnswer
			}
			return sandbox.NoFault
		})
		r := Run(t, "--config", File(t, "c.json",
			With(s, map[string]any{"refresh_token": sandbox.RefreshToken, "max_retry_time": "1m"})))
		assert.Equal(t, 2, r.Code)
		assert.Contains(t, r.Err, "sign in again")
		NoSecrets(t, r)
	})
	for _, code := range []string{"1", "130", "143"} {
		t.Run("refresh token that cannot be saved: exit "+code, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{})
			r := Run(t, "--config", File(t, "c.json", With(s, map[string]any{
				"refresh_token":      sandbox.RefreshToken,
				"refresh_token_exec": []string{"/bin/sh", "-c", "exit " + code},
			})))
			assert.Equal(t, 2, r.Code, "the command's code is not the tap's")
			assert.Contains(t, r.Err, "may be lost: mend the command and sign in again")
			NoSecrets(t, r)
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		r := Run(t, "--config", File(t, "c.json",
			With(s, map[string]any{"client_secret": "wrong-secret-of-mine"})))
		assert.Equal(t, 2, r.Code)
		assert.Empty(t, r.Out)
		assert.Contains(t, r.Err, "client_id and client_secret")
		assert.NotContains(t, r.Err, "wrong-secret-of-mine")
	})
	t.Run("no list takes the token", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if strings.HasPrefix(r.URL.Path, "/v3/") {
				return sandbox.Status401
			}
			return sandbox.NoFault
		})
		r := Run(t, "--config", File(t, "c.json", s.Config()))
		assert.Equal(t, 2, r.Code, r.Err)
		_, _, tokens := s.Requests()
		assert.LessOrEqual(t, tokens, 3)
	})
}

// The only refresh token that works survives editors, mounts and kills.
func TestRefreshTokenIsNeverLost(t *testing.T) {
	text := func(s *sandbox.Server) string {
		return `{"client_id": "` + sandbox.ClientID + `", "client_secret": "` +
			sandbox.ClientSecret + `", "streams": ["users"], "refresh_token": "` +
			sandbox.RefreshToken + `", "api_url": "` + s.URL() + `", "auth_url": "` + s.URL() +
			`/token"}`
	}
	twice := func(t *testing.T, s *sandbox.Server, path string) {
		t.Helper()
		for range 2 {
			r := Run(t, "--config", path)
			require.Zero(t, r.Code, r.Err)
		}
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(kept), s.CurrentRefreshToken())
	}
	t.Run("byte order mark", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		twice(t, s, File(t, "c.json", "\xef\xbb\xbf"+text(s)))
	})
	t.Run("at the top and below credentials", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		twice(t, s, File(t, "c.json",
			strings.Replace(text(s), `"refresh_token"`,
				`"credentials": {"refresh_token": "`+sandbox.RefreshToken+`"}, "refresh_token"`,
				1)))
	})
	t.Run("killed before the new file was in its place", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		path := File(t, "c.json", strings.Replace(text(s), sandbox.RefreshToken, "used-up-long-ago",
			1))
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), ".c.json.next"),
			[]byte(text(s)), 0o600))
		twice(t, s, path)
	})
	t.Run("an empty one does not hide the environment's", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		t.Setenv("TAP_GREENHOUSE_REFRESH_TOKEN", sandbox.RefreshToken)
		twice(t, s, File(t, "c.json", strings.Replace(text(s), sandbox.RefreshToken, "", 1)))
	})
	t.Run("stopped while it is renewed", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if r.URL.Path == "/token" {
				cancel()
			}
			return sandbox.NoFault
		})
		path := File(t, "c.json", text(s))
		RunContext(ctx, "--config", path)
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(kept), s.CurrentRefreshToken())
	})
	t.Run("a malformed proxy is no reason to connect directly", func(t *testing.T) {
		s := Serve(t, sandbox.Options{})
		t.Setenv("HTTPS_PROXY", "http://[nonsense")
		assert.Equal(t, 2, Run(t, "--config", File(t, "c.json", text(s))).Code)
	})
}
