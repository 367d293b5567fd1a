package harvest

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// Bounds on the size of an answer. A page has at most 500 records; the largest pages seen have a
// few megabytes.
const (
	maxHeaderBytes = 256 << 10
	maxBodyBytes   = 64 << 20 // unpacked
	maxErrorBytes  = 64 << 10
	maxRedirects   = 3
)

// slowest is the least that a connection must deliver, in bytes a second over each request timeout.
// A page over a slow line delivers more.
const slowest = 16

// Options configure a client. All are required except UserAgent, Log, Discreet, OnWait and
// Transport.
type Options struct {
	// APIURL is the address of the lists, AuthURL the token endpoint.
	APIURL, AuthURL *url.URL
	Credential      Credential
	// Concurrency is the maximum number of requests in flight.
	Concurrency int
	// Budget is the share of the limit that may be used, 0 to 1.
	Budget float64
	// RequestTimeout is how long a connection may be silent.
	RequestTimeout time.Duration
	// MaxRetryTime is how long one request is retried.
	MaxRetryTime time.Duration
	UserAgent    string
	Log          *slog.Logger
	// Discreet shows nothing of the body of a refusal but words of the API's own messages and names
	// of what was asked for.
	Discreet bool
	// OnWait is called when the budget is used up, with the time of its renewal.
	OnWait func(until time.Time)
	// Transport makes the requests; nil for one of the client's own.
	Transport http.RoundTripper
}

// Client reads lists. It may be used by several goroutines, which share its token and its budget.
type Client struct {
	opts    Options
	http    *http.Client
	budget  *Budget
	auth    *auth
	log     *slog.Logger
	secrets *secrets
	room    room
	health  *health
	used    used
}

// NewClient returns a client. It makes no request before its first use.
func NewClient(opts Options) *Client {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		opts: opts, log: opts.Log, secrets: &secrets{}, room: newRoom(),
		health: newHealth(opts.MaxRetryTime, opts.Concurrency),
	}
	c.budget = NewBudget(opts.Budget, opts.OnWait)
	c.auth = newAuth(c, opts.Credential)
	if c.opts.APIURL.Path == "" {
		api := *opts.APIURL
		api.Path = "/" // otherwise JoinPath makes relative paths
		c.opts.APIURL = &api
	}
	cred := opts.Credential
	// the client ID too: the two may be swapped
	c.secrets.add(cred.ClientID, cred.ClientSecret, cred.RefreshToken, cred.APIKey)
	transport := opts.Transport
	if transport == nil {
		transport = newTransport(opts.Concurrency)
	}
	c.http = &http.Client{CheckRedirect: stayHome, Transport: &web.Watch{
		Next: transport, RequestTimeout: opts.RequestTimeout, Slowest: slowest,
		Longest: max(10*opts.RequestTimeout, opts.MaxRetryTime),
	}}
	return c
}

func newTransport(concurrency int) *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    20 * time.Second,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // unpacked here, where its size can be bounded
		ForceAttemptHTTP2:      true,
		ReadBufferSize:         32 << 10,
		// A ping detects a connection that died silently, instead of every request sent into it.
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 15 * time.Second,
			PingTimeout:     10 * time.Second,
		},
	}
}

// Close waits until a new refresh token that is on its way is saved, and closes idle connections.
func (c *Client) Close() {
	c.auth.settle()
	c.http.CloseIdleConnections()
}

// Now returns the time by the server's clock, as far as it is known; this machine's time before the
// first answer.
func (c *Client) Now() time.Time { return c.budget.now() }

// tokenURL is the token endpoint; for an API key, the exchange next to the lists.
func (c *Client) tokenURL() *url.URL {
	if c.opts.Credential.APIKey != "" {
		return c.opts.APIURL.JoinPath("auth", "token")
	}
	return c.opts.AuthURL
}

// again reports whether a retry may help: after errors of the server, and pages of a proxy.
func again(e *statusError) bool { return e.html || web.Again(e.code) }
