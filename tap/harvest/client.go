package harvest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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

// originError means that an answer leads to another origin. The token was not sent there.
type originError struct{ from, to *url.URL }

func (e *originError) Error() string {
	return fmt.Sprintf("the answer leads from %s to %s", origin(e.from), origin(e.to))
}

func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

// hostPort returns the host and port that a URL leads to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func stayHome(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; origin(req.URL) != origin(first) {
		return &originError{from: first, to: req.URL}
	}
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	return nil
}

// statusError is an answer with an unexpected status.
type statusError struct {
	code int
	text string // text of the body, without secrets
	html bool
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%d %s", e.code, http.StatusText(e.code))
	if e.text != "" && !e.html {
		s += ": " + e.text
	}
	return s
}

// Why an answer was given up.
var (
	errSilent = errors.New("the connection was silent for too long")
	errSlow   = errors.New("the answer came too slowly")
)

// slowest is the least that a connection must deliver, in bytes a second over each request timeout.
// A page over a slow line delivers more; an answer that drips is given up.
const slowest = 16

// watch cancels a request whose connection is silent for the timeout, delivers less than slowest,
// or takes ten times as long (and longer than a request is retried).
type watch struct {
	timeout time.Duration
	give    func(error)
	timer   *time.Timer
	end     *time.Timer
	since   time.Time
	bytes   int
}

func newWatch(timeout, retry time.Duration, give func(error)) *watch {
	return &watch{
		timeout: timeout, give: give, since: time.Now(),
		timer: time.AfterFunc(timeout, func() { give(errSilent) }),
		end:   time.AfterFunc(max(10*timeout, retry), func() { give(errSlow) }),
	}
}

// arrived notes that n bytes arrived.
func (w *watch) arrived(n int) {
	w.timer.Reset(w.timeout)
	w.bytes += n
	if took := time.Since(w.since); took > w.timeout {
		if float64(w.bytes) < slowest*took.Seconds() {
			w.give(errSlow)
		}
		w.since, w.bytes = time.Now(), 0
	}
}

func (w *watch) stop() {
	w.timer.Stop()
	w.end.Stop()
}

// do sends one request and reads the whole body, unpacked, into a buffer for use. Before that it
// calls arrived with the headers. Failures that a retry may fix are temporary.
func (c *Client) do(ctx context.Context, req *http.Request, arrived func(*http.Response),
	use func(answer *http.Response, body []byte) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := newWatch(c.opts.RequestTimeout, c.opts.MaxRetryTime, cancel)
	defer watch.stop()
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", c.opts.UserAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	answer, err := c.http.Do(req)
	if err != nil {
		return c.netError(ctx, req.URL, err)
	}
	defer answer.Body.Close()
	c.reached.Store(true)
	arrived(answer)
	limit := int64(maxBodyBytes)
	if answer.StatusCode != http.StatusOK {
		limit = maxErrorBytes
	}
	body, n, err := readBody(bodies.get(), answer, limit, watch.arrived)
	watch.stop() // the connection is done; using the body may take its time
	defer func() { bodies.put(body) }()
	c.bytes.Add(n)
	switch {
	case err == nil, answer.StatusCode != http.StatusOK:
		return use(answer, body)
	case errors.Is(err, errTooLarge):
		return &tap.Error{Kind: tap.Refused, Op: "reading " + req.URL.Path, Err: err}
	}
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) || errors.Is(cause, errSlow) {
		err = cause
	}
	return &temporary{kind: tap.Network, reason: "the answer breaks off: " + err.Error()}
}

// netError says why there was no answer.
func (c *Client) netError(ctx context.Context, u *url.URL, err error) error {
	var away *originError
	if errors.As(err, &away) {
		return &tap.Error{
			Kind: tap.Origin, Op: "reading " + u.Path, Err: away,
			Hint: "nothing was sent there; set api_url to the final address",
		}
	}
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) || errors.Is(cause, errSlow) {
		err = cause
	} else if cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	if errors.As(err, &unknown) || errors.As(err, &wrongHost) || errors.As(err, &invalid) ||
		errors.As(err, &notTLS) {
		return &tap.Error{
			Kind: tap.Network, Op: "connecting to " + hostPort(u),
			Err:  errors.New(c.secrets.clean(err.Error())),
			Hint: "the connection is not private; certificates are always checked",
		}
	}
	var unknownHost *net.DNSError
	nowhere := errors.As(err, &unknownHost) && unknownHost.IsNotFound ||
		errors.Is(err, syscall.ECONNREFUSED)
	return &temporary{
		kind: tap.Network, nowhere: nowhere,
		reason: hostPort(u) + " does not answer: " + c.secrets.clean(err.Error()),
	}
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

// payload is the body of a request and its content type.
type payload struct{ kind, text string }

func formOf(form url.Values) payload {
	return payload{"application/x-www-form-urlencoded", form.Encode()}
}

// post sends a request about tokens. It returns the body and the headers of a good answer, and when
// it was requested.
func (c *Client) post(ctx context.Context, to *url.URL, p payload,
	sign func(*http.Request),
) (body []byte, header http.Header, asked time.Time, err error) {
	req := &http.Request{
		Method: http.MethodPost, URL: to, Header: http.Header{},
		ContentLength: int64(len(p.text)),
	}
	req.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(p.text)),
			nil
	}
	req.Body, _ = req.GetBody()
	req.Header.Set("Content-Type", p.kind)
	sign(req)
	c.tokens.Add(1)
	asked = time.Now()
	err = c.do(ctx, req, func(*http.Response) {}, func(answer *http.Response, b []byte) error {
		header = answer.Header
		if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusCreated {
			body = bytes.Clone(b)
			return nil
		}
		refusal := c.refusal(answer, b)
		if again(refusal) {
			after, _ := retryAfter(answer, time.Now())
			return &temporary{reason: hostPort(to) + " answers " + refusal.Error(), after: after}
		}
		return refusal
	})
	return body, header, asked, err
}

// again reports whether a retry may help: after errors of the server, and pages of a proxy.
func again(e *statusError) bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.code >= 500 || e.html || e.code < 400
}
