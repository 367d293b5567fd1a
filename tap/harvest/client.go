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
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Bounds on what an answer may hold. A page has 500 records at most; the largest ones seen have some megabytes.
const (
	maxHeaderBytes = 256 << 10
	maxBodyBytes   = 128 << 20 // unpacked
	maxErrorBytes  = 64 << 10
	perPage        = 500 // the most that the API takes
	maxRedirects   = 3
	firstWait      = 500 * time.Millisecond // before the first repeat; it doubles with each
)

// Options are what a client is made of. All are needed but UserAgent, Log and OnWait.
type Options struct {
	// APIURL is the address of the lists, AuthURL the one where tokens are had.
	APIURL, AuthURL *url.URL
	Credential      Credential
	// Concurrency is how many requests may be on their way at once.
	Concurrency int
	// BudgetShare is the part of the limit that may be used, 0 to 1.
	BudgetShare float64
	// RequestTimeout is the longest silence of a connection.
	RequestTimeout time.Duration
	// MaxRetryTime is how long one request is tried again before it fails.
	MaxRetryTime time.Duration
	UserAgent    string
	Log          *slog.Logger
	// OnWait is called when the budget is used up, with the time at which it is renewed.
	OnWait func(until time.Time)
}

// Client reads lists. It is safe for use by many goroutines, which share its token and its budget.
type Client struct {
	opts    Options
	http    *http.Client
	budget  *Budget
	auth    *auth
	log     *slog.Logger
	secrets *secrets

	requests, bytes, tokens atomic.Int64
	answered                atomic.Bool // a list has answered in this process
	refusals                atomic.Int32
}

// NewClient returns a client. It asks for nothing before its first use.
func NewClient(opts Options) *Client {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{opts: opts, log: opts.Log, secrets: &secrets{}}
	c.budget = NewBudget(opts.BudgetShare, opts.OnWait)
	c.auth = newAuth(c, opts.Credential)
	if c.opts.APIURL.Path == "" {
		api := *opts.APIURL
		api.Path = "/" // or JoinPath makes relative paths
		c.opts.APIURL = &api
	}
	cred := opts.Credential
	c.secrets.add(cred.ClientSecret, cred.RefreshToken, cred.APIKey)
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    20 * time.Second,
			MaxIdleConnsPerHost:    opts.Concurrency,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true, // unpacked here, where it can be bounded
			ForceAttemptHTTP2:      true,
			ReadBufferSize:         32 << 10,
		},
		CheckRedirect: stayHome,
	}
	return c
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Usage is what a client has used so far.
type Usage struct {
	Requests int64 // to lists
	Tokens   int64 // requests to the token address
	Bytes    int64 // of pages, as they came over the network
}

// Usage returns what the client has used so far.
func (c *Client) Usage() Usage {
	return Usage{Requests: c.requests.Load(), Tokens: c.tokens.Load(), Bytes: c.bytes.Load()}
}

// tokenURL is where tokens are had; for an API key that is the exchange beside the lists.
func (c *Client) tokenURL() *url.URL {
	if c.opts.Credential.APIKey != "" {
		return c.opts.APIURL.JoinPath("auth", "token")
	}
	return c.opts.AuthURL
}

// originError says that an answer leads to another origin. The token has not gone there.
type originError struct{ from, to *url.URL }

func (e *originError) Error() string {
	return fmt.Sprintf("the answer leads from %s to %s", origin(e.from), origin(e.to))
}

func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

// hostPort is the address that a URL leads to, with its port.
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

// statusError is an answer that is not the one that was asked for.
type statusError struct {
	code int
	text string // what the body says, without secrets
	html bool
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%d %s", e.code, http.StatusText(e.code))
	if e.text != "" && !e.html {
		s += ": " + e.text
	}
	return s
}

// errSilent ends a request whose connection is silent for too long.
var errSilent = errors.New("the connection was silent for too long")

// do sends one request and reads the whole body, unpacked, into a buffer that use gets. Before that it tells arrived of the headers.
// Failures that a repeat may mend are temporary.
func (c *Client) do(ctx context.Context, req *http.Request, arrived func(*http.Response), use func(answer *http.Response, body []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.opts.RequestTimeout, func() { cancel(errSilent) })
	defer silence.Stop()
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", c.opts.UserAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	answer, err := c.http.Do(req)
	if err != nil {
		return c.netError(ctx, req.URL, err)
	}
	defer answer.Body.Close()
	arrived(answer)
	limit := int64(maxBodyBytes)
	if answer.StatusCode != http.StatusOK {
		limit = maxErrorBytes
	}
	body, n, err := readBody(bodies.Get(), answer, limit, func() { silence.Reset(c.opts.RequestTimeout) })
	silence.Stop() // the connection has done its part; what is done with the body may take its time
	defer func() { bodies.Put(body) }()
	c.bytes.Add(n)
	switch {
	case err == nil, answer.StatusCode != http.StatusOK:
		return use(answer, body)
	case errors.Is(err, errTooLarge):
		return &tap.Error{Kind: tap.Refused, Op: "reading " + req.URL.Path, Err: err}
	}
	if errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	}
	return &temporary{kind: tap.Network, reason: "the answer breaks off: " + err.Error()}
}

// netError says why no answer came.
func (c *Client) netError(ctx context.Context, u *url.URL, err error) error {
	var away *originError
	if errors.As(err, &away) {
		return &tap.Error{Kind: tap.Origin, Op: "reading " + u.Path, Err: away, Hint: "nothing was sent there; set api_url to the address that answers for itself"}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSilent) {
		return cause
	} else if cause != nil {
		err = errSilent
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	if errors.As(err, &unknown) || errors.As(err, &wrongHost) || errors.As(err, &invalid) || errors.As(err, &notTLS) {
		return &tap.Error{Kind: tap.Network, Op: "connecting to " + hostPort(u), Err: errors.New(c.secrets.clean(err.Error())), Hint: "the connection is not private; certificates are always checked"}
	}
	return &temporary{kind: tap.Network, reason: hostPort(u) + " does not answer: " + c.secrets.clean(err.Error())}
}

// post sends a form to an address that hands out or looks at tokens. It returns the body of a good answer, its headers and when it was asked for.
func (c *Client) post(ctx context.Context, to *url.URL, form url.Values, sign func(*http.Request)) (body []byte, header http.Header, asked time.Time, err error) {
	req := &http.Request{Method: http.MethodPost, URL: to, Header: http.Header{}}
	if len(form) > 0 {
		text := form.Encode()
		req.Body = io.NopCloser(strings.NewReader(text))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
		req.ContentLength = int64(len(text))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
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

// again tells whether a repeat may mend it: the server's own errors, and pages of a proxy.
func again(e *statusError) bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.code >= 500 || e.html || e.code < 400
}
