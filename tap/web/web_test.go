package web

import (
	"bytes"
	"compress/gzip"
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
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// host answers requests without a network.
type host func(r *http.Request) (*http.Response, error)

func (h host) RoundTrip(r *http.Request) (*http.Response, error) { return h(r) }

// piece is a part of a body, and how long it takes to come.
type piece struct {
	after time.Duration
	bytes int
}

// slow is a body that comes in pieces, or breaks if its request is canceled.
type slow struct {
	ctx    context.Context
	pieces []piece
}

func (s *slow) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	next := s.pieces[0]
	select {
	case <-time.After(next.after):
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
	s.pieces = s.pieces[1:]
	return copy(p, make([]byte, next.bytes)), nil
}

func (*slow) Close() error { return nil }

func times(n int, p piece) []piece {
	all := make([]piece, n)
	for i := range all {
		all[i] = p
	}
	return all
}

// get makes one exchange under watch with a host that waits and then sends pieces.
func get(t *testing.T, w Watch, wait time.Duration, pieces []piece, pause time.Duration) (int, error) {
	t.Helper()
	w.Next = host(func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		return &http.Response{StatusCode: http.StatusOK, Body: &slow{r.Context(), pieces}}, nil
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://host.invalid/", nil)
	require.NoError(t, err)
	answer, err := w.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	total, buf := 0, make([]byte, 1<<10)
	for {
		time.Sleep(pause) // also before the first read
		n, err := answer.Body.Read(buf)
		total += n
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Silent and dripping connections are given up, slow ones are not, and the time that a reader takes
// does not count.
func TestSilentAndDrippingConnectionsAreGivenUp(t *testing.T) {
	w := Watch{RequestTimeout: 10 * time.Second, Slowest: 16}
	for name, c := range map[string]struct {
		longest, wait time.Duration
		pieces        []piece
		pause         time.Duration
		err           error
	}{
		"at once":                   {pieces: times(3, piece{0, 100})},
		"just in time":              {wait: 9 * time.Second, pieces: times(3, piece{9 * time.Second, 500})},
		"no answer":                 {wait: 11 * time.Second, err: ErrSilent},
		"silent in the body":        {pieces: []piece{{0, 100}, {11 * time.Second, 1}}, err: ErrSilent},
		"two bytes a second":        {pieces: times(1000, piece{time.Second, 2}), err: ErrSlow},
		"fifteen bytes a second":    {pieces: times(100, piece{time.Second, 15}), err: ErrSlow},
		"seventeen bytes a second":  {pieces: times(100, piece{time.Second, 17})},
		"drips after a quick start": {pieces: append(times(3, piece{0, 1000}), times(1000, piece{time.Second, 2})...), err: ErrSlow},
		"a slow reader":             {pieces: times(5, piece{time.Second, 1000}), pause: time.Hour},
		"for too long":              {longest: time.Minute, pieces: times(100, piece{time.Second, 100}), err: ErrSlow},
		"not too long":              {longest: time.Minute, pieces: times(50, piece{time.Second, 100})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := w
				w.Longest = c.longest
				n, err := get(t, w, c.wait, c.pieces, c.pause)
				if c.err != nil {
					assert.ErrorIs(t, err, c.err)
					return
				}
				require.NoError(t, err)
				want := 0
				for _, p := range c.pieces {
					want += p.bytes
				}
				assert.Equal(t, want, n)
			})
		})
	}
}

// While a body is sent, the connection is not silent, however long it takes; when it is sent, the
// answer must come in time.
func TestSendingIsNotSilence(t *testing.T) {
	for wait, want := range map[time.Duration]error{
		9 * time.Second: nil, 11 * time.Second: ErrSilent,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := Watch{RequestTimeout: 10 * time.Second, Next: host(func(r *http.Request) (*http.Response, error) {
				_, err := r.Body.Read(make([]byte, 1))
				require.NoError(t, err)
				body, err := r.GetBody() // as after a connection that was closed
				require.NoError(t, err)
				for buf := make([]byte, 1); ; {
					if _, err := body.Read(buf); err != nil {
						break
					}
					time.Sleep(9 * time.Second)
				}
				select {
				case <-time.After(wait):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			})}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://host.invalid/",
				strings.NewReader("content"))
			require.NoError(t, err)
			answer, err := w.RoundTrip(req)
			require.ErrorIs(t, err, want)
			if err == nil {
				require.NoError(t, answer.Body.Close())
			}
		})
	}
}

// closing is a body that notes that it was closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error {
	c.closed++
	return nil
}

// Whoever asked is done with an exchange when its body is closed, or when there was no answer: what
// still runs for it ends.
func TestExchangesEnd(t *testing.T) {
	broken := errors.New("broken")
	for name, failure := range map[string]error{"an answer": nil, "no answer": broken} {
		var asked context.Context
		body := &closing{Reader: iotest.ErrReader(broken)}
		w := Watch{RequestTimeout: time.Hour, Longest: time.Hour, Next: host(
			func(r *http.Request) (*http.Response, error) {
				asked = r.Context()
				return &http.Response{StatusCode: http.StatusOK, Body: body}, failure
			})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://host.invalid/", http.NoBody)
		require.NoError(t, err)
		answer, err := w.RoundTrip(req)
		assert.Equal(t, failure, err, name)
		if failure == nil {
			_, err = answer.Body.Read(nil)
			assert.Equal(t, broken, err, "what breaks a body is passed on")
			require.NoError(t, asked.Err(), "it may be read on")
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, 1, body.closed)
		}
		assert.Error(t, asked.Err(), name)
	}
}

// A request without a body stays one: what sends it may tell by that.
func TestRequestsWithoutABodyStaySo(t *testing.T) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		w := Watch{RequestTimeout: time.Hour, Next: host(func(r *http.Request) (*http.Response, error) {
			assert.Equal(t, body, r.Body)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://host.invalid/", body)
		require.NoError(t, err)
		answer, err := w.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
}

// A body that cannot be repeated is not sent in part.
func TestBodiesThatCannotBeRepeated(t *testing.T) {
	gone := errors.New("the file is gone")
	w := Watch{RequestTimeout: time.Hour, Next: host(func(r *http.Request) (*http.Response, error) {
		_, err := r.GetBody()
		return nil, err
	})}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://host.invalid/",
		strings.NewReader("content"))
	require.NoError(t, err)
	req.GetBody = func() (io.ReadCloser, error) { return nil, gone }
	_, err = w.RoundTrip(req) //nolint:bodyclose // there is none
	assert.Equal(t, gone, err)
}

// The cause of the request's own context is not taken for silence.
func TestCanceledRequestsAreNotSilent(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	w := Watch{RequestTimeout: time.Hour, Next: host(func(r *http.Request) (*http.Response, error) {
		return nil, r.Context().Err()
	})}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://host.invalid/", nil)
	require.NoError(t, err)
	_, err = w.RoundTrip(req) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, stopped, Failed(ctx, req.URL, err))
	assert.Equal(t, stopped, BreaksOff(ctx, err))
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// A body is unpacked, whoever asked for it, and it is known whether an early end would be noticed.
func TestBodiesAreUnpackedAndTheirEndIsProven(t *testing.T) {
	hello := packed(t, "hello")
	for name, c := range map[string]struct {
		answer http.Response
		body   string
		want   string
		err    error
		proven bool
		hint   int64
	}{
		"with a length":           {answer: http.Response{ContentLength: 5}, body: "hello", want: "hello", proven: true, hint: 5},
		"empty, with a length":    {proven: true},
		"in chunks":               {answer: http.Response{ContentLength: -1, TransferEncoding: []string{"chunked"}}, body: "hello", want: "hello", proven: true},
		"of HTTP/2":               {answer: http.Response{ContentLength: -1, ProtoMajor: 2}, body: "hello", want: "hello", proven: true},
		"until the end":           {answer: http.Response{ContentLength: -1, ProtoMajor: 1}, body: "hello", want: "hello"},
		"identity":                {answer: coded("identity"), body: "hello", want: "hello"},
		"packed":                  {answer: coded("gzip"), body: hello, want: "hello", proven: true},
		"packed, by its old name": {answer: coded("X-Gzip"), body: hello, want: "hello", proven: true},
		"packed and cut":          {answer: coded("gzip"), body: hello[:len(hello)-3], want: "hello", err: io.ErrUnexpectedEOF, proven: true},
		"packed and empty":        {answer: coded("gzip"), err: io.ErrUnexpectedEOF, proven: true},
		"packed in another way":   {answer: coded("br"), body: "hello", err: &EncodingError{"br"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // what unpacks is used again
				c.answer.Body = io.NopCloser(strings.NewReader(c.body))
				b := NewBody(&c.answer)
				got, err := io.ReadAll(b)
				if c.answer.Header.Get("Content-Encoding") != "br" {
					assert.Equal(t, int64(len(c.body)), b.Wired)
				}
				b.Close()
				if c.err != nil {
					require.EqualError(t, err, c.err.Error())
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, c.want, string(got))
				assert.Equal(t, c.proven, b.Proven)
				assert.Equal(t, c.hint, b.Hint)
			}
		})
	}
}

func coded(encoding string) http.Response {
	return http.Response{ContentLength: -1, ProtoMajor: 1, Header: http.Header{"Content-Encoding": {encoding}}}
}

// Whether an address is most likely wrong, and what is no reason for a retry. No message repeats
// the whole address, which may hold a signature.
func TestReasonsForNoAnswer(t *testing.T) {
	to, err := url.Parse("https://Host.invalid/file?signature=secret")
	require.NoError(t, err)
	for _, c := range []struct {
		err     error
		nowhere bool
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&net.DNSError{IsNotFound: true, Err: "no such host"}, true},
		{&net.DNSError{Err: "server misbehaving"}, false},
		{ErrSilent, false},
	} {
		err := Failed(t.Context(), to, &url.Error{Op: "Get", URL: to.String(), Err: c.err})
		var temporary *TemporaryError
		require.ErrorAs(t, err, &temporary)
		assert.Equal(t, c.nowhere, temporary.Nowhere, "%v", err)
		assert.Equal(t, tap.Network, temporary.Kind)
		assert.Contains(t, err.Error(), "host.invalid:443 does not answer: ")
		assert.NotContains(t, err.Error(), "secret")
	}
	for _, untrusted := range []error{
		x509.UnknownAuthorityError{},
		x509.CertificateInvalidError{Reason: x509.Expired},
		x509.HostnameError{Certificate: &x509.Certificate{}, Host: "host.invalid"},
		tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
	} {
		err := Failed(t.Context(), to, &url.Error{Op: "Get", URL: to.String(), Err: untrusted})
		assert.Equal(t, tap.Network, tap.KindOf(err))
		assert.ErrorContains(t, err, "not private")
		assert.NotContains(t, err.Error(), "secret")
	}
	err = BreaksOff(t.Context(), errors.New("a\nb"))
	assert.EqualError(t, err, "the answer breaks off: a b")
}

func TestHostPort(t *testing.T) {
	for address, want := range map[string]string{
		"https://A.example/x": "a.example:443", "http://a.example": "a.example:80",
		"https://a.example:8443": "a.example:8443", "http://[::1]": "[::1]:80",
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, want, HostPort(u))
	}
}

func TestStatusesWorthARetry(t *testing.T) {
	for status, again := range map[int]bool{
		202: true, 302: true, 408: true, 425: true, 429: true, 500: true, 503: true, 599: true,
		400: false, 401: false, 403: false, 404: false, 410: false, 422: false,
	} {
		assert.Equal(t, again, Again(status), "%d", status)
	}
}
