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

// access issues tokens and checks them.
type access struct {
	*accessState
	opts Options
	all  []string // every scope
}

type accessState struct {
	mu      sync.Mutex
	tokens  map[string]*issued
	refresh string // the current refresh token
	scopes  []string
	admin   bool
	handed  int // tokens issued
	latest  int // the number of the newest token that was used
	overlap int // how often an older one was used after it
}

type issued struct {
	number  int // incremented
	user    int64
	expires time.Time
	uses    int
}

// RefreshToken is the first refresh token that a sandbox accepts.
const RefreshToken = "sandbox-refresh-token-0"

func newAccess(opts Options, streams []*tap.Stream) access {
	a := access{opts: opts, accessState: &accessState{
		tokens:  map[string]*issued{},
		refresh: RefreshToken, scopes: opts.Scopes, admin: !opts.NotAdmin,
	}}
	for _, s := range streams {
		a.all = append(a.all, s.Scope)
	}
	slices.Sort(a.all)
	a.all = slices.Compact(a.all)
	return a
}

// Grant changes the scopes of the credential, even during a run; nil stands for all.
func (s *Server) Grant(scopes []string) {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	s.access.scopes = scopes
}

// KillTokens invalidates all tokens, as another process that requests one does.
func (s *Server) KillTokens() {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	clear(s.access.tokens)
}

// Overlaps returns how often two programs read the account at the same time: a token was used after
// a newer one.
func (s *Server) Overlaps() int {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	return s.access.overlap
}

// CurrentRefreshToken is the refresh token that works now.
func (s *Server) CurrentRefreshToken() string {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	return s.access.refresh
}

func oauthError(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]string{"error": code, "error_description": text})
}

// idError answers like the real token endpoint if the request is not OAuth.
func idError(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"message": text, "errorId": "err-" + rand.Text()[:12]})
}

// serviceUser is the credential's own user.
const serviceUser = 4000000

// clientIDSuffix ends every client ID.
const clientIDSuffix = "client"

// serve serves the token endpoints.
func (a access) serve(w http.ResponseWriter, r *http.Request, now time.Time) {
	if r.Method != http.MethodPost {
		fail(w, http.StatusMethodNotAllowed, "only POST")
		return
	}
	user, password, ok := r.BasicAuth()
	byKey := strings.HasPrefix(r.URL.Path, "/auth/")
	switch {
	case !ok:
		idError(w, http.StatusUnauthorized, "Unauthorized")
		return
	case byKey && (user != APIKey || password != ""):
		fail(w, http.StatusUnauthorized, "invalid API key")
		return
	case !byKey && !strings.HasSuffix(user, clientIDSuffix):
		idError(w, http.StatusBadRequest,
			"client_id="+user+" does not contain a valid client ID suffix")
		return
	case !byKey && (user != ClientID || password != ClientSecret):
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case byKey && a.opts.NoKeys:
		fail(w, http.StatusGone, "API keys are no longer exchanged")
		return
	}
	if strings.HasSuffix(r.URL.Path, "/introspect") {
		a.introspect(w, r, now)
		return
	}
	a.issue(w, r, now, byKey)
}

// issue answers with a token, for a known client or API key.
func (a access) issue(w http.ResponseWriter, r *http.Request, now time.Time, byKey bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	granted := map[string]any{"token_type": "Bearer"}
	life, acting := "expires_at", int64(serviceUser)
	var ok bool
	if byKey {
		life, ok = "expires", exchange(w, r, &acting)
	} else {
		ok = a.grant(w, r, granted, &acting)
		if granted["refresh_token"] != nil {
			life = "expires_in"
		}
	}
	if !ok {
		return
	}
	if a.scopes != nil && len(a.scopes) == 0 {
		oauthError(w, http.StatusBadRequest, "invalid_scope",
			"Client application is not requesting any scopes")
		return
	}
	if a.opts.ReplaceTokens {
		clear(a.tokens)
	}
	value := "sandbox-token-" + rand.Text()
	a.handed++
	t := &issued{number: a.handed, user: acting, expires: now.Add(a.opts.TokenLife)}
	a.tokens[value] = t
	granted["access_token"] = value
	if a.opts.Life != "" {
		life = a.opts.Life
	}
	switch life {
	case "expires_in":
		granted[life] = int(a.opts.TokenLife.Seconds())
	case "expires_at":
		granted[life] = t.expires.UTC().Format(time.RFC3339)
	case "expires":
		granted[life] = t.expires.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	answer(w, http.StatusOK, granted)
}

// exchange reads the JSON body of an API key's exchange, and the user to act for; false means that
// it was refused.
func exchange(w http.ResponseWriter, r *http.Request, acting *int64) bool {
	var body struct {
		Sub *int64 `json:"sub"`
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind != "application/json" ||
		json.UnmarshalRead(r.Body, &body, json.RejectUnknownMembers(true)) != nil {
		fail(w, http.StatusBadRequest, "the body must be JSON with the number of a user as sub")
		return false
	}
	if body.Sub != nil {
		*acting = *body.Sub
	}
	return true
}

// grant reads the form of a token request, and the user to act for; false means that it was
// refused.
func (a access) grant(w http.ResponseWriter, r *http.Request, granted map[string]any,
	acting *int64,
) bool {
	if err := r.ParseForm(); err != nil {
		idError(w, http.StatusBadRequest, "the form cannot be read")
		return false
	}
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		if sub := r.PostForm.Get("sub"); sub != "" {
			id, err := strconv.ParseInt(sub, 10, 64)
			if err != nil {
				idError(w, http.StatusBadRequest, "sub must be the number of a user")
				return false
			}
			*acting = id
		}
	case "refresh_token":
		if r.PostForm.Get("refresh_token") != a.refresh {
			oauthError(w, http.StatusBadRequest, "invalid_grant",
				"The refresh token is invalid, expired or used")
			return false
		}
		a.refresh = "sandbox-refresh-token-" + rand.Text()
		granted["refresh_token"] = a.refresh
	default:
		idError(w, http.StatusBadRequest, "grant_type is not supported")
		return false
	}
	return true
}

// introspect says what a token may do, and whose it is.
func (a access) introspect(w http.ResponseWriter, r *http.Request, now time.Time) {
	if a.opts.NoIntrospection {
		fail(w, http.StatusNotFound, "no such address")
		return
	}
	if err := r.ParseForm(); err != nil {
		idError(w, http.StatusBadRequest, "the form cannot be read")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[r.PostForm.Get("token")]
	if t == nil || !now.Before(t.expires) {
		answer(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	scopes := a.scopes
	if scopes == nil {
		scopes = a.all
	}
	user, _, _ := r.BasicAuth()
	answer(w, http.StatusOK, map[string]any{
		"active": true, "client_id": user, "sub": strconv.FormatInt(t.user, 10),
		"scope": strings.Join(scopes, " "),
		"https://auth.greenhouse.io/claims": map[string]any{
			"organization": a.opts.Organization, "user_role": a.opts.Role,
		},
	})
}

// check checks the token of a request to a list; it returns 0, or the status of a refusal.
func (a access) check(r *http.Request, now time.Time) (code int, text string) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[value]
	if !ok || t == nil || !now.Before(t.expires) {
		return http.StatusUnauthorized, "the access token is invalid or expired"
	}
	if t.number < a.latest {
		if a.overlap++; a.opts.OneReader {
			return http.StatusConflict, "another program is reading this account"
		}
	}
	a.latest = max(a.latest, t.number)
	if t.uses++; a.opts.TokenUses > 0 && t.uses > a.opts.TokenUses {
		delete(a.tokens, value)
		return http.StatusUnauthorized, "the access token is invalid or expired"
	}
	return 0, ""
}

// may reports whether the credential has the scope of a list, and its user the permissions.
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
