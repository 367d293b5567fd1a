package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sandbox is a server under test, whose clock stands at a number of seconds since 1970.
type sandbox struct {
	*Server
	t      *testing.T
	second float64
	token  string
}

func newSandbox(t *testing.T, opts Options) *sandbox {
	t.Helper()
	s := &sandbox{t: t, second: 1_800_000_000}
	opts.Candidates = 30
	opts.Clock = func() time.Time { return time.UnixMilli(int64(s.second * 1000)) }
	var err error
	s.Server, err = New(opts)
	require.NoError(t, err)
	return s
}

func (s *sandbox) post(path, body string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(ClientID, ClientSecret)
	return s.serve(r)
}

func (s *sandbox) serve(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func (s *sandbox) get(path string) *http.Response {
	if s.token == "" {
		var granted struct {
			Token string `json:"access_token"`
		}
		answer := s.post("/token", "grant_type=client_credentials")
		defer answer.Body.Close()
		require.NoError(s.t, json.NewDecoder(answer.Body).Decode(&granted))
		s.token = granted.Token
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+s.token)
	return s.serve(r)
}

func bodyOf(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

// The limit of the lists, as it was observed: Reset is always a window's length after the answer,
// and the count starts anew by the clock.
func TestLimitOfTheLists(t *testing.T) {
	type want struct {
		at        float64 // after a multiple of 30 s
		remaining string
		reset     int // after it
	}
	for name, c := range map[string]struct {
		opts Options
		want []want
	}{
		"as observed": {Options{}, []want{
			{3.2, "49", 33}, {3.9, "48", 33}, {5, "47", 35}, {29.9, "46", 59}, {30, "49", 60},
		}},
		"another beginning": {Options{WindowOffset: 7500 * time.Millisecond}, []want{
			{3, "49", 33}, {7.4, "48", 37}, {7.5, "49", 37}, {37.4, "48", 67}, {37.5, "49", 67},
		}},
		"honest": {Options{HonestReset: true}, []want{
			{3.2, "49", 30}, {29.9, "48", 30}, {30, "49", 60},
		}},
		"honest, another beginning": {
			Options{HonestReset: true, WindowOffset: 7500 * time.Millisecond},
			[]want{{3, "49", 8}, {7.5, "49", 38}, {37, "48", 38}},
		},
	} {
		s := newSandbox(t, c.opts)
		began := s.second
		for _, w := range c.want {
			s.second = began + w.at
			answer := s.get("/v3/users?per_page=1")
			bodyOf(t, answer)
			assert.Equal(t, "50", answer.Header.Get("X-RateLimit-Limit"), name)
			assert.Equal(t, w.remaining, answer.Header.Get("X-RateLimit-Remaining"), "%s %v", name, w)
			assert.Equal(t, fmt.Sprint(int(began)+w.reset), answer.Header.Get("X-RateLimit-Reset"),
				"%s %v", name, w)
		}
	}
	s := newSandbox(t, Options{Limit: 2})
	s.second += 20.5
	for range 2 {
		answer := s.get("/v3/users")
		bodyOf(t, answer)
		assert.Equal(t, http.StatusOK, answer.StatusCode)
	}
	answer := s.get("/v3/nothing")
	bodyOf(t, answer)
	assert.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	assert.Equal(t, "10", answer.Header.Get("Retry-After"))
}

// The token endpoint has a limit of its own, and its own headers.
func TestLimitOfTheTokenEndpoint(t *testing.T) {
	s := newSandbox(t, Options{})
	for n := range 61 {
		answer := s.post("/token", "grant_type=client_credentials")
		bodyOf(t, answer)
		assert.Equal(t, "60", answer.Header.Get("X-RateLimit-Limit"))
		assert.Equal(t, fmt.Sprint(max(0, 59-n)), answer.Header.Get("X-RateLimit-Remaining"))
		assert.Equal(t, fmt.Sprint(int(s.second)+60), answer.Header.Get("X-RateLimit-Reset"))
		assert.Equal(t, n == 60, answer.StatusCode == http.StatusTooManyRequests)
	}
	answer := newSandbox(t, Options{Limit: -1}).post("/token", "grant_type=client_credentials")
	bodyOf(t, answer)
	assert.Empty(t, answer.Header.Get("X-RateLimit-Limit"),
		"without a limit there is none for tokens")
}

// A client's token is answered with its type, itself and when it ends, in whole seconds.
func TestAnswerOfTheTokenEndpoint(t *testing.T) {
	s := newSandbox(t, Options{})
	var granted map[string]string
	answer := s.post("/token", "grant_type=client_credentials")
	require.NoError(t, json.Unmarshal([]byte(bodyOf(t, answer)), &granted))
	assert.NotEmpty(t, granted["access_token"])
	delete(granted, "access_token")
	assert.Equal(t, map[string]string{
		"token_type": "Bearer", "expires_at": "2027-01-15T09:00:00Z",
	}, granted)
}

// A page has a weak ETag that changes with it, and an empty Link header if it is the last.
func TestHeadersOfPages(t *testing.T) {
	s := newSandbox(t, Options{})
	const one = "/v3/candidates?per_page=1"
	first, again := s.get(one), s.get(one)
	tag := first.Header.Get("ETag")
	assert.Regexp(t, `^W/"[0-9a-f]+"$`, tag)
	assert.Equal(t, tag, again.Header.Get("ETag"))
	assert.Contains(t, first.Header.Get("Cache-Control"), "max-age=0")
	assert.Contains(t, first.Header.Get("Link"), `rel="next"`)
	last := s.get("/v3/candidates?per_page=500")
	assert.NotEqual(t, tag, last.Header.Get("ETag"))
	assert.Equal(t, []string{""}, last.Header["Link"])
}

func TestRefusalsNameTheParameter(t *testing.T) {
	s := newSandbox(t, Options{NoUpperBounds: true, NoFields: true})
	for query, want := range map[string]string{
		"nonsense=1":                          `"Invalid query params: nonsense"`,
		"fields=id":                           `"Invalid query params: fields"`,
		"updated_at=lte|2026-01-01T00:00:00Z": `"Invalid query params: updated_at"`,
		"per_page=501":                        `{"per_page":"must be between 1 and 500"}`,
		"ids=x":                               `{"ids":"must be numbers"}`,
		"cursor=x":                            `{"cursor":"is invalid or expired"}`,
	} {
		answer := s.get("/v3/users?" + query)
		assert.Equal(t, 422, answer.StatusCode)
		assert.JSONEq(t, `{"message":"Unprocessable Content","errors":[`+want+`]}`,
			bodyOf(t, answer), query)
	}
}

func TestIntrospectionTellsWhoseTokenItIs(t *testing.T) {
	s := newSandbox(t, Options{
		Scopes: []string{"harvest:users:list"}, Role: "basic",
		Organization: Organization{7, "Acme"},
	})
	bodyOf(t, s.get("/v3/users"))
	ask := func(token string) string {
		return bodyOf(t, s.post("/introspect", url.Values{"token": {token}}.Encode()))
	}
	assert.JSONEq(t, `{"active":true,"client_id":"sandbox-client","sub":"4000000",
		"scope":"harvest:users:list","https://auth.greenhouse.io/claims":
		{"organization":{"id":7,"name":"Acme"},"user_role":"basic"}}`, ask(s.token))
	assert.JSONEq(t, `{"active":false}`, ask("another"))
}

// A link of an attachment may be the API's own, and lead to a link on the files' host.
func TestLinksThatRedirect(t *testing.T) {
	s, err := New(Options{Candidates: 30, RedirectFiles: true, Limit: -1})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = s.Close() })
	rows, err := s.Rows("attachments")
	require.NoError(t, err)
	var files []struct {
		URL string `json:"url"`
	}
	require.NoError(t, json.Unmarshal(rows, &files))
	require.NotEmpty(t, files)
	link := files[0].URL
	assert.True(t, strings.HasPrefix(link, s.URL()), link)
	answer, err := http.Get(link)
	require.NoError(t, err)
	assert.NotEmpty(t, bodyOf(t, answer))
	assert.Equal(t, 200, answer.StatusCode)
	assert.False(t, strings.HasPrefix(answer.Request.URL.String(), s.URL()),
		"the file is on another host")
	s.ExpireLinks()
	answer, err = http.Get(link)
	require.NoError(t, err)
	bodyOf(t, answer)
	assert.Equal(t, 403, answer.StatusCode)
}
