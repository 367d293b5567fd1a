package sandbox

import (
	"net/http"
	"time"
)

// Organization is the account that a credential belongs to.
type Organization struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// Options configure a sandbox. The zero value answers as the API did when it was last observed (see
// docs/api-facts.md), for an account with a thousand candidates.
type Options struct {
	Seed       uint64
	Candidates int // number of candidates; other lists scale with it
	// Limit is the number of requests in a window of the lists; 0 for 50. If it is negative,
	// neither the lists nor the token endpoint have a limit.
	Limit  int
	Window time.Duration // 30 s, in whole seconds
	// WindowOffset makes windows begin this long after the multiples of their length.
	WindowOffset time.Duration
	// HonestReset makes X-RateLimit-Reset the end of the window. Otherwise it slides: it is always
	// a window's length after the answer.
	HonestReset bool
	Latency     time.Duration // before each answer of a list
	Gzip        bool          // compress answers if the client accepts it
	CursorLife  time.Duration // maximum age of a cursor; 0 for no maximum
	TokenLife   time.Duration // 0 for an hour
	TokenUses   int           // maximum number of requests with a token; 0 for no maximum
	// ReplaceTokens makes a new token invalidate the older ones of the same credential.
	ReplaceTokens bool
	// OneReader refuses a token after a newer one was used: two programs are reading the account.
	OneReader bool
	// Scopes are the scopes of the credential; nil for all.
	Scopes []string
	// NotAdmin refuses every list to the credential's user.
	NotAdmin bool
	// EmptyLists makes every list empty for the credential's user, which is one reading of the docs
	// for a user who is not a Site Admin.
	EmptyLists bool
	// Life is the name of a token's lifetime in answers: expires_in, expires_at or expires. Empty
	// for the usual one of the way of signing in.
	Life string
	// Gone are former columns, as stream.column: rows lack them, and asking for them is refused.
	Gone []string
	// NoUpperBounds refuses time filters with an upper bound, NoFilters all time filters, and
	// NoFields the choice of columns.
	NoUpperBounds, NoFilters, NoFields bool
	// MessageRows adds a row that contains only a message to every page of candidates.
	MessageRows bool
	// NoKeys refuses to exchange API keys.
	NoKeys bool
	// Removed are lists that answer 404.
	Removed []string
	// NoIntrospection makes the introspection endpoint refuse.
	NoIntrospection bool
	// Organization and Role are what introspection says of the account and of the credential's
	// user. Zero values stand for an organization of the sandbox, and for what NotAdmin and
	// EmptyLists say.
	Organization Organization
	Role         string
	// RedirectFiles makes the links of attachments lead to an address of the API, which redirects
	// to a new link that lives shortly.
	RedirectFiles bool
	// Clock returns the server's time; nil for the machine's.
	Clock func() time.Time
	// Fault chooses what goes wrong with an answer; nil for nothing.
	Fault func(r *http.Request) Fault
	// FileFault chooses what goes wrong with the answer for a file; nil for nothing.
	FileFault func(r *http.Request) Fault
	// Row may change the bytes of a row before they are sent; nil for none.
	Row func(stream string, id int64, row []byte) []byte
}
