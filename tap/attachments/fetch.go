package attachments

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what some file hosts tell
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// Bounds on a download.
const (
	maxRedirects = 3
	attempts     = 5
	firstWait    = 500 * time.Millisecond
	longestWait  = time.Minute
)

// fileError is a failure of one file, which its record reports.
type fileError struct {
	text    string
	expired bool // the link is dead, a new one may work
	passing bool // a retry may fix it
	after   time.Duration
}

func (e *fileError) Error() string { return e.text }

// fetcher downloads files from their links, without credential, cookie or referer.
type fetcher struct {
	open, public *http.Client // public never connects to a private address
	maxBytes     int64
	silence      time.Duration
	agent        string
}

func newFetcher(concurrency int, maxBytes int64, silence time.Duration, agent string) *fetcher {
	f := &fetcher{maxBytes: maxBytes, silence: silence, agent: agent}
	client := func(control func(network, address string, _ syscall.RawConn) error) *http.Client {
		dialer := &net.Dialer{Timeout: 30 * time.Second, Control: control}
		return &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
				TLSHandshakeTimeout: 20 * time.Second, MaxIdleConnsPerHost: concurrency,
				IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: silence,
				MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, ForceAttemptHTTP2: true,
			},
			CheckRedirect: checkRedirect,
		}
	}
	f.open = client(nil)
	f.public = client(func(_, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err == nil && private(at.Addr()) {
			return errors.New("the link leads to a private address")
		}
		return nil
	})
	return f
}

func private(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() ||
		ip.IsMulticast() || ip.IsInterfaceLocalMulticast()
}

func allowed(u *url.URL) bool {
	if u.Scheme == "https" && u.Host != "" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch first := via[0].URL; {
	case len(via) > maxRedirects:
		return errors.New("the link leads through too many redirects")
	case !allowed(req.URL), first.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("the link leads to an address that is not https")
	}
	req.Header.Del("Referer")
	return nil
}

// client returns the client for a link: if its host is public, nothing that it leads to may be
// private. Behind a proxy, it is the proxy that connects.
func (f *fetcher) client(ctx context.Context, req *http.Request) *http.Client {
	if proxy, err := http.ProxyFromEnvironment(req); err != nil || proxy != nil {
		return f.open
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", req.URL.Hostname())
	if err != nil {
		return f.public
	}
	for _, a := range addresses {
		if private(a) {
			return f.open
		}
	}
	return f.public
}

// fetch downloads a whole file, with retries. It returns the content in a temporary file of the
// store. A [fileError] concerns only the file; any other error, the store or the run.
func (f *fetcher) fetch(
	ctx context.Context, link string, s store.Store,
) (*os.File, store.Meta, error) {
	wait := firstWait
	for n := 1; ; n++ {
		file, m, err := f.attempt(ctx, link, s)
		var own *fileError
		if err == nil || !errors.As(err, &own) || !own.passing || n == attempts {
			return file, m, err
		}
		pause := wait
		if own.after > 0 {
			pause = min(own.after, longestWait)
		}
		wait *= 2
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, store.Meta{}, context.Cause(ctx)
		}
	}
}

func (f *fetcher) attempt(
	ctx context.Context, link string, s store.Store,
) (*os.File, store.Meta, error) {
	u, err := url.Parse(link)
	if err != nil || !allowed(u) {
		return nil, store.Meta{}, &fileError{text: "the link is not an https address"}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req := (&http.Request{
		Method: http.MethodGet, URL: u,
		Header: http.Header{"User-Agent": {f.agent}, "Accept": {"*/*"}},
	}).WithContext(ctx)
	answer, err := f.client(ctx, req).Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, store.Meta{}, cause
		}
		return nil, store.Meta{}, &fileError{
			text:    "no answer: " + reason(err),
			passing: passing(err),
		}
	}
	defer answer.Body.Close()
	if err := refused(answer); err != nil {
		return nil, store.Meta{}, err
	}
	if answer.ContentLength > f.maxBytes {
		return nil, store.Meta{}, f.tooLarge()
	}
	file, err := s.Temp()
	if err != nil {
		return nil, store.Meta{}, err
	}
	m, err := f.save(ctx, cancel, file, answer)
	if err != nil {
		store.Discard(file)
		return nil, store.Meta{}, err
	}
	return file, m, nil
}

func (f *fetcher) tooLarge() error {
	return &fileError{text: fmt.Sprintf("the file is larger than %d bytes (max_bytes)", f.maxBytes)}
}

// save writes the body to a file and checks that it is whole.
func (f *fetcher) save(ctx context.Context, cancel context.CancelCauseFunc, file *os.File,
	answer *http.Response,
) (store.Meta, error) {
	silent := &fileError{text: "the connection was silent for too long", passing: true}
	timer := time.AfterFunc(f.silence, func() { cancel(silent) })
	defer timer.Stop()
	sum, sum5 := sha256.New(), md5.New() //nolint:gosec // see above
	var n int64
	buf := make([]byte, 64<<10)
	for {
		k, err := answer.Body.Read(buf)
		if k > 0 {
			timer.Reset(f.silence)
			if n += int64(k); n > f.maxBytes {
				return store.Meta{}, f.tooLarge()
			}
			sum.Write(buf[:k])
			sum5.Write(buf[:k])
			if _, err := file.Write(buf[:k]); err != nil {
				return store.Meta{}, err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return store.Meta{}, cause
			}
			return store.Meta{}, &fileError{
				text:    "the download breaks off: " + reason(err),
				passing: true,
			}
		}
	}
	if answer.ContentLength >= 0 && n != answer.ContentLength {
		return store.Meta{}, &fileError{text: "the download is incomplete", passing: true}
	}
	for header, have := range map[string][]byte{
		"X-Amz-Checksum-Sha256": sum.Sum(nil),
		"Content-Md5":           sum5.Sum(nil),
	} {
		told := answer.Header.Get(header)
		if want, err := base64.StdEncoding.DecodeString(told); told != "" && err == nil &&
			len(want) == len(have) && string(want) != string(have) {
			return store.Meta{}, &fileError{
				text:    "the download does not match its checksum",
				passing: true,
			}
		}
	}
	kind := mediaType(answer.Header.Get("Content-Type"))
	return store.Meta{Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil)), ContentType: kind}, nil
}

// refused returns why an answer is not a file.
func refused(answer *http.Response) error {
	code := answer.StatusCode
	if code == http.StatusOK {
		return nil
	}
	e := &fileError{text: fmt.Sprintf("the file host answers %d %s", code, http.StatusText(code))}
	switch {
	case code == http.StatusTooManyRequests, code >= 500, code == http.StatusRequestTimeout:
		e.passing = true
		if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
			e.after = time.Duration(s) * time.Second
		}
	case code == http.StatusForbidden, code == http.StatusBadRequest,
		code == http.StatusUnauthorized, code == http.StatusNotFound, code == http.StatusGone:
		e.expired = true
	}
	return e
}

// reason returns why a request failed, without its address, which contains a signature.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

func passing(err error) bool {
	text := err.Error()
	return !strings.Contains(text, "the link leads") && !strings.Contains(text, "certificate")
}
