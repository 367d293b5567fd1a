package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer that is refused can hold anything: rows, and sequences that a terminal acts upon. Of
// its body, only known members are told, never a value, and with a policy nothing but the API's own
// words; nothing unprintable reaches a log, a report or a message.
func TestWordsFromOutside(t *testing.T) {
	t.Parallel()
	const body = `{"message":"\u001b]0;pwned\u0007\u009b2J bad request for email=ann@canary.example","errors":[{"first_name":"Canary"},"Smith\u202e"],"row":{"last_name":"Canary"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			fmt.Fprint(w, `{"access_token":"a-token","expires_in":3600}`)
			return
		}
		code, ok := map[string]int{"/v3/users": 400, "/v3/jobs": 403, "/v3/offers": 404}[r.URL.Path]
		if !ok {
			code = 500
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	for _, policy := range []map[string]any{nil, {"contact": "mask"}} {
		cfg := File(t, "c.json", map[string]any{
			"client_id": "an-id", "client_secret": "a-secret", "api_url": server.URL,
			"auth_url": server.URL + "/token", "max_retry_time": "0s", "privacy": policy,
			"streams": []string{"users", "jobs", "offers", "notes"},
		})
		dir := t.TempDir()
		var all strings.Builder
		for _, report := range []string{"r.json", "r.html"} {
			for _, format := range []string{"text", "json"} {
				r := Run(t, "--config", cfg, "--report", filepath.Join(dir, report), "--log-format", format)
				all.WriteString(r.Out + r.Err)
			}
			text, err := os.ReadFile(filepath.Join(dir, report))
			require.NoError(t, err)
			all.Write(text)
		}
		r := Run(t, "read", "--config", cfg, "--catalog", File(t, "catalog.json", configuredAll(t,
			Run(t, "discover", "--config", cfg).Out)))
		all.WriteString(r.Out + r.Err)
		r = Run(t, "check", "--config", cfg)
		all.WriteString(r.Out + r.Err)
		text := all.String()
		assert.Contains(t, text, "request for")
		assert.Equal(t, policy == nil, strings.Contains(text, "; first_name"), "the name of a parameter")
		assert.NotContains(t, strings.ToLower(text), "canary")
		if policy != nil {
			assert.NotContains(t, text, "Smith")
			assert.NotContains(t, text, "pwned")
		}
		for _, r := range text {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q reaches the outside", r)
			}
		}
	}
}
