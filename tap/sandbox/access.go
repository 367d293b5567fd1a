package sandbox

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// access hands out tokens and looks at them.
type access struct {
	*accessState
	opts Options
}

type accessState struct {
	mu      sync.Mutex
	tokens  map[string]*issued
	refresh string // the refresh token that works now
	scopes  []string
	admin   bool
}

type issued struct {
	expires time.Time
	uses    int
}

// RefreshToken is the first refresh token that a sandbox takes.
const RefreshToken = "sandbox-refresh-token-0"

func newAccess(opts Options) access {
	return access{opts: opts, accessState: &accessState{tokens: map[string]*issued{}, refresh: RefreshToken, scopes: opts.Scopes, admin: !opts.NotAdmin}}
}

// Grant changes the scopes of the credential, in the middle of a run too; nil stands for all.
func (s *Server) Grant(scopes []string) {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	s.access.scopes = scopes
}

// KillTokens makes all tokens invalid, as another process that asks for one does.
func (s *Server) KillTokens() {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	clear(s.access.tokens)
}

// CurrentRefreshToken is the refresh token that works now.
func (s *Server) CurrentRefreshToken() string {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	return s.access.refresh
}

func oauthError(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]string{"error": code, "error_description": text})
	if err == nil {
		_, _ = w.Write(body) // a client that went away is no matter
	}
}

// serve answers the addresses that hand out and look at tokens.
func (a access) serve(w http.ResponseWriter, r *http.Request, now time.Time) {
	if r.Method != http.MethodPost {
		fail(w, http.StatusMethodNotAllowed, "only POST")
		return
	}
	user, password, ok := r.BasicAuth()
	byKey := strings.HasPrefix(r.URL.Path, "/auth/")
	switch {
	case byKey && (!ok || user != APIKey || password != ""):
		fail(w, http.StatusUnauthorized, "invalid API key")
		return
	case !byKey && (!ok || user != ClientID || password != ClientSecret):
		oauthError(w, http.StatusUnauthorized, "invalid_client", "Client authentication failed")
		return
	}
	if err := r.ParseForm(); err != nil {
		oauthError(w, http.StatusBadRequest, "invalid_request", "the form cannot be read")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/introspect") {
		a.introspect(w, r, now)
		return
	}
	answer := map[string]string{"token_type": "Bearer"}
	switch grant := r.PostForm.Get("grant_type"); {
	case byKey && (grant == "" || grant == "client_credentials"):
	case !byKey && grant == "client_credentials":
		if sub := r.PostForm.Get("sub"); sub != "" {
			if _, err := strconv.ParseInt(sub, 10, 64); err != nil {
				oauthError(w, http.StatusBadRequest, "invalid_request", "sub must be the number of a user")
				return
			}
		}
	case !byKey && grant == "refresh_token":
		if r.PostForm.Get("refresh_token") != a.refresh {
			oauthError(w, http.StatusBadRequest, "invalid_grant", "The refresh token is invalid, expired or used")
			return
		}
		a.refresh = "sandbox-refresh-token-" + rand.Text()
		answer["refresh_token"] = a.refresh
	default:
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type is not supported")
		return
	}
	if a.scopes != nil && len(a.scopes) == 0 {
		oauthError(w, http.StatusBadRequest, "invalid_scope", "Client application is not requesting any scopes")
		return
	}
	if a.opts.ReplaceTokens {
		clear(a.tokens)
	}
	value := "sandbox-token-" + rand.Text()
	t := &issued{expires: now.Add(a.opts.TokenLife)}
	a.tokens[value] = t
	answer["access_token"] = value
	answer["expires_at"] = t.expires.UTC().Format("2006-01-02T15:04:05.000Z")
	w.Header().Set("Content-Type", "application/json")
	if body, err := json.Marshal(answer, json.Deterministic(true)); err == nil {
		_, _ = w.Write(body) // a client that went away is no matter
	}
}

func (a access) introspect(w http.ResponseWriter, r *http.Request, now time.Time) {
	if !a.opts.Introspection {
		fail(w, http.StatusNotFound, "no such address")
		return
	}
	t := a.tokens[r.PostForm.Get("token")]
	answer := map[string]any{"active": t != nil && now.Before(t.expires)}
	if a.scopes != nil {
		answer["scope"] = strings.Join(a.scopes, " ")
	}
	w.Header().Set("Content-Type", "application/json")
	if body, err := json.Marshal(answer, json.Deterministic(true)); err == nil {
		_, _ = w.Write(body) // a client that went away is no matter
	}
}

// check looks at the token of a request to a list; a code other than 0 refuses it.
func (a access) check(r *http.Request, now time.Time) (code int, text string) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[value]
	if !ok || t == nil || !now.Before(t.expires) {
		return http.StatusUnauthorized, "the access token is invalid or expired"
	}
	if t.uses++; a.opts.TokenUses > 0 && t.uses > a.opts.TokenUses {
		delete(a.tokens, value)
		return http.StatusUnauthorized, "the access token is invalid or expired"
	}
	return 0, ""
}

// may tells whether the credential has the scope of a list, and its user the rights.
func (a access) may(_ *http.Request, s *tap.Stream) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admin && (a.scopes == nil || slices.Contains(a.scopes, s.Scope))
}

func (a access) why(s *tap.Stream) string {
	if !a.admin {
		return "the user is not a Site Admin"
	}
	return "the scope " + s.Scope + " is missing"
}
