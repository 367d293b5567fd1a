package harvest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
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

// Why an answer was given up.
var (
	errSilent = errors.New("the connection was silent for too long")
	errSlow   = errors.New("the answer came too slowly")
)
