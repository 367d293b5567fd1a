package harvest

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Bounds on the size of an answer. A page has at most 500 records; the largest pages seen have a
// few megabytes.
const (
	maxHeaderBytes = 256 << 10
	maxBodyBytes   = 64 << 20 // unpacked
	maxErrorBytes  = 64 << 10
	perPage        = 500 // the API's maximum
	maxRedirects   = 3
	firstWait      = 500 * time.Millisecond // before the first retry; doubles with each one
)

// Options configure a client. All are required except UserAgent, Log and OnWait.
type Options struct {
	// APIURL is the address of the lists, AuthURL the token endpoint.
	APIURL, AuthURL *url.URL
	Credential      Credential
	// Concurrency is the maximum number of requests in flight.
	Concurrency int
	// BudgetShare is the share of the limit that may be used, 0 to 1.
	BudgetShare float64
	// RequestTimeout is how long a connection may be silent.
	RequestTimeout time.Duration
	// MaxRetryTime is how long one request is retried.
	MaxRetryTime time.Duration
	UserAgent    string
	Log          *slog.Logger
	// OnWait is called when the budget is used up, with the time of its renewal.
	OnWait func(until time.Time)
}

// Client reads lists. It may be used by several goroutines, which share its token and its budget.
type Client struct {
	opts    Options
	http    *http.Client
	budget  *Budget
	auth    *auth
	log     *slog.Logger
	secrets *secrets

	requests, bytes, tokens atomic.Int64
	refusals                atomic.Int32 // new tokens that lists refused since the last page

	mu      sync.Mutex
	repeats map[string]int  // by operation
	limited int             // answers with 429
	mute    map[string]bool // lists that failed since one last answered

	began    time.Time   // when the client was created
	reached  atomic.Bool // something has answered
	answered atomic.Bool // a list has answered with a page
	// when a list last answered with a page or a refusal, in nanoseconds since began; 0 for never
	alive atomic.Int64
}

// NewClient returns a client. It makes no request before its first use.
func NewClient(opts Options) *Client {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{opts: opts, log: opts.Log, secrets: &secrets{}, began: time.Now()}
	c.budget = NewBudget(opts.BudgetShare, opts.OnWait)
	c.auth = newAuth(c, opts.Credential)
	if c.opts.APIURL.Path == "" {
		api := *opts.APIURL
		api.Path = "/" // otherwise JoinPath makes relative paths
		c.opts.APIURL = &api
	}
	cred := opts.Credential
	// the client ID too: the two may be swapped
	c.secrets.add(cred.ClientID, cred.ClientSecret, cred.RefreshToken, cred.APIKey)
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    20 * time.Second,
			MaxIdleConnsPerHost:    opts.Concurrency,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true, // unpacked here, where its size can be bounded
			ForceAttemptHTTP2:      true,
			ReadBufferSize:         32 << 10,
			// A ping detects a connection that died silently, instead of every request sent into
			// it.
			HTTP2: &http.HTTP2Config{
				SendPingTimeout: 15 * time.Second,
				PingTimeout:     10 * time.Second,
			},
		},
		CheckRedirect: stayHome,
	}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Now returns the time by the server's clock, as far as it is known; this machine's time before the
// first answer.
func (c *Client) Now() time.Time { return c.budget.now() }

// Usage counts what a client has used so far.
type Usage struct {
	Requests int64 // to lists
	Tokens   int64 // requests to the token address
	Bytes    int64 // of pages, as received
}

// Usage returns what the client has used so far.
func (c *Client) Usage() Usage {
	return Usage{Requests: c.requests.Load(), Tokens: c.tokens.Load(), Bytes: c.bytes.Load()}
}

// Account returns the windows of the limit, how long the client waited for them, how often each
// list was requested again, and the number of 429s.
func (c *Client) Account() (windows []tap.Window, waited time.Duration,
	retries func(stream string) int, limited int,
) {
	windows, waited = c.budget.account()
	c.mu.Lock()
	defer c.mu.Unlock()
	repeats := maps.Clone(c.repeats)
	return windows, waited, func(stream string) int { return repeats[opOf(stream)] }, c.limited
}

func (c *Client) repeat(op string, limited bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.repeats == nil {
		c.repeats = map[string]int{}
	}
	c.repeats[op]++
	if c.mute == nil {
		c.mute = map[string]bool{}
	}
	c.mute[op] = true
	if limited {
		c.limited++
	}
}

// tokenURL is the token endpoint; for an API key, the exchange next to the lists.
func (c *Client) tokenURL() *url.URL {
	if c.opts.Credential.APIKey != "" {
		return c.opts.APIURL.JoinPath("auth", "token")
	}
	return c.opts.AuthURL
}

// statusError is an answer with an unexpected status.
type statusError struct {
	code int
	text string // text of the body, without secrets
	html bool
	// params are the parameters that it names as refused
	params []string
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%d %s", e.code, http.StatusText(e.code))
	if e.text != "" && !e.html {
		s += ": " + e.text
	}
	return s
}

// answers notes that a list answered, with a page or a refusal.
func (c *Client) answers() {
	c.alive.Store(int64(max(time.Since(c.began), 1)))
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.mute)
}

// dead reports whether the API as a whole does not answer: none of its lists has for MaxRetryTime,
// and more than one was asked.
func (c *Client) dead() bool {
	if c.silence() < c.opts.MaxRetryTime {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alive.Load() == 0 || len(c.mute) > 1
}

// silence is how long ago a list last answered.
func (c *Client) silence() time.Duration { return time.Since(c.began) - time.Duration(c.alive.Load()) }

// again reports whether a retry may help: after errors of the server, and pages of a proxy.
func again(e *statusError) bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.code >= 500 || e.html || e.code < 400
}
