package harvest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// do sends one request and reads the whole body, unpacked, into a buffer for use. Before that it
// calls arrived with the headers. Failures that a retry may fix are temporary.
func (c *Client) do(ctx context.Context, req *http.Request, arrived func(*http.Response),
	use func(answer *http.Response, body []byte) error,
) error {
	req = req.WithContext(ctx)
	req.Header.Set("User-Agent", c.opts.UserAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	answer, err := c.http.Do(req)
	if err != nil {
		return c.netError(ctx, req.URL, err)
	}
	defer answer.Body.Close()
	c.health.reach()
	arrived(answer)
	limit := int64(maxBodyBytes)
	if answer.StatusCode != http.StatusOK {
		limit = maxErrorBytes
	}
	room := c.room.guest()
	defer room.leave()
	body, n, err := readBody(bodies.get(), answer, limit, func() error { return room.enter(ctx) })
	answer.Body.Close() // the connection is done; using the body may take its time
	defer func() { bodies.put(body) }()
	c.used.bytes.Add(n)
	switch {
	case err == nil, answer.StatusCode != http.StatusOK:
		return use(answer, body)
	case errors.Is(err, errTooLarge):
		return &tap.Error{Kind: tap.TooLarge, Op: "reading " + req.URL.Path, Err: err}
	}
	return web.BreaksOff(ctx, err)
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
	err = web.Failed(ctx, u, err)
	var t *web.TemporaryError
	var e *tap.Error
	switch {
	case errors.As(err, &t):
		t.Reason = c.secrets.clean(t.Reason)
	case ctx.Err() == nil && errors.As(err, &e):
		e.Err = errors.New(c.secrets.clean(e.Err.Error()))
	}
	return err
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
		return io.NopCloser(strings.NewReader(p.text)), nil
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
		refusal := c.refusal(to, answer, b)
		if again(refusal) {
			after, _ := web.RetryAfter(answer, time.Now())
			return &web.TemporaryError{
				Kind: tap.Server, Reason: web.HostPort(to) + " answers " + refusal.Error(),
				After: after,
			}
		}
		return refusal
	})
	return body, header, asked, err
}
