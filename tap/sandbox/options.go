package sandbox

import (
	"net/http"
	"time"
)

// Options configure a sandbox. The zero value is an account with a thousand candidates and the
// API's own limits.
type Options struct {
	Seed       uint64
	Candidates int           // number of candidates; other lists scale with it
	Limit      int           // requests in a window; 0 for 50, negative for no limit
	Window     time.Duration // 30 s, in whole seconds
	Latency    time.Duration // before each answer of a list
	Gzip       bool          // compress answers if the client accepts it
	CursorLife time.Duration // maximum age of a cursor; 0 for no maximum
	TokenLife  time.Duration // 0 for an hour
	TokenUses  int           // maximum number of requests with a token; 0 for no maximum
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
	// Introspection makes the introspection endpoint answer.
	Introspection bool
	// Clock returns the server's time; nil for the machine's.
	Clock func() time.Time
	// Fault chooses what goes wrong with an answer; nil for nothing.
	Fault func(r *http.Request) Fault
	// FileFault chooses what goes wrong with the answer for a file; nil for nothing.
	FileFault func(r *http.Request) Fault
	// Row may change the bytes of a row before they are sent; nil for none.
	Row func(stream string, id int64, row []byte) []byte
}
