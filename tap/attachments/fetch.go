package attachments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// Bounds on a download.
const (
	maxRedirects = 3
	// slowest is the least that a file host must deliver, in bytes a second over each silence.
	slowest = 256
	// maxUnproven is how often a file is fetched whose end the host does not prove.
	maxUnproven = 3
)

// fileError is a failure that belongs to one file, whose record tells it. A host that is away is
// none.
type fileError struct {
	text     string
	expired  bool // the link is dead, a new one may work
	unwanted bool // nobody asked for it
}

func (e *fileError) Error() string { return e.text }

// errPrivate is a link from a public host to a private one.
var errPrivate = &fileError{text: "the link leads to a private address"}

// fetcher downloads files from their links, without credential, cookie or referer.
type fetcher struct {
	// direct has a transport for each reach, which connects to addresses of at most that reach.
	// They are used without a client, so that each redirect is checked here.
	direct   [nowhere]http.RoundTripper
	proxied  http.RoundTripper
	proxy    func(*http.Request) (*url.URL, error)
	lookup   func(ctx context.Context, network, host string) ([]netip.Addr, error)
	local    bool // files may be on this machine
	maxBytes int64
	patience time.Duration
	agent    string
	log      *slog.Logger
}

func newFetcher(opts *Options) *fetcher {
	f := &fetcher{
		local: opts.Local, maxBytes: opts.MaxBytes, patience: opts.MaxRetryTime,
		agent: opts.UserAgent, log: opts.Log,
		proxy: http.ProxyFromEnvironment, lookup: net.DefaultResolver.LookupNetIP,
	}
	transport := func(control func(network, address string, _ syscall.RawConn) error,
		proxy func(*http.Request) (*url.URL, error),
	) http.RoundTripper {
		dialer := &net.Dialer{Timeout: 30 * time.Second, Control: control}
		return &web.Watch{RequestTimeout: opts.RequestTimeout, Slowest: slowest, Next: &http.Transport{
			Proxy: proxy, DialContext: dialer.DialContext,
			TLSHandshakeTimeout: 20 * time.Second, MaxIdleConnsPerHost: opts.Concurrency,
			IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			DisableCompression: true, ForceAttemptHTTP2: true,
		}}
	}
	f.proxied = transport(nil, http.ProxyFromEnvironment)
	for most := range f.direct {
		f.direct[most] = transport(func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || reachOf(at.Addr()) > reach(most) {
				return errPrivate
			}
			return nil
		}, nil)
	}
	return f
}

// fetch downloads a whole file, with retries. It returns the content in a temporary file of the
// store. A [fileError] concerns only the file; any other error, its host, the store or the run.
func (f *fetcher) fetch(ctx context.Context, id int64, link string, s store.Store) (
	file *os.File, m store.Meta, err error,
) {
	op := fmt.Sprintf("fetching the file of attachment %d", id)
	unproven := 0
	err = web.Retry{
		Patience: func(*web.TemporaryError) time.Duration { return f.patience },
		Wait: func(t *web.TemporaryError, wait time.Duration) bool {
			f.log.Warn("trying again", "while", op, "reason", t.Reason, "wait",
				wait.Round(time.Millisecond).String())
			return true
		},
		GiveUp: func(e *web.GaveUpError) error {
			return &tap.Error{
				Kind: e.Last.Kind, Op: op, Err: e,
				Hint: "the stream stays where it is; the next run continues from there",
			}
		},
	}.Do(ctx, func() error {
		file, m, err = f.attempt(ctx, link, s)
		if errors.Is(err, errUnproven) {
			if unproven++; unproven < maxUnproven {
				return &web.TemporaryError{Kind: tap.Server, Reason: err.Error()}
			}
			return &fileError{text: err.Error()}
		}
		return err
	})
	return file, m, err
}

func (f *fetcher) attempt(
	ctx context.Context, link string, s store.Store,
) (*os.File, store.Meta, error) {
	answer, err := f.open(ctx, link)
	if err != nil {
		return nil, store.Meta{}, err
	}
	defer answer.Body.Close()
	if err := refused(answer); err != nil {
		return nil, store.Meta{}, err
	}
	file, err := s.Temp()
	if err != nil {
		return nil, store.Meta{}, err
	}
	m, err := f.save(ctx, file, answer)
	if err != nil {
		store.Discard(file)
		return nil, store.Meta{}, err
	}
	return file, m, nil
}

func (f *fetcher) tooLarge() error {
	return &fileError{text: fmt.Sprintf("the file is larger than %d bytes (max_bytes)", f.maxBytes)}
}

// open requests a file and follows redirects, each of which is checked like the link itself.
func (f *fetcher) open(ctx context.Context, link string) (*http.Response, error) {
	if link == "" {
		return nil, &fileError{text: "there is no link", expired: true}
	}
	var from *url.URL
	most := nowhere // until the first host is known
	for range maxRedirects + 1 {
		to, err := parse(link, from)
		if err != nil || !f.mayFetch(to, from) {
			return nil, &fileError{text: "the link leads to an address that is not https"}
		}
		answer, err := f.get(ctx, to, &most)
		if err != nil {
			return nil, err
		}
		if link = answer.Header.Get("Location"); link == "" || !redirects(answer.StatusCode) {
			return answer, nil
		}
		answer.Body.Close()
		from = to
	}
	return nil, &fileError{text: "the link leads through too many redirects"}
}

// parse reads the address of a link, or of a redirect, which may be relative. It has no user, who
// would be sent as a credential.
func parse(link string, from *url.URL) (*url.URL, error) {
	if from == nil {
		from = &url.URL{}
	}
	to, err := from.Parse(link)
	if err == nil {
		to.User = nil
	}
	return to, err
}

// get makes one request.
func (f *fetcher) get(ctx context.Context, u *url.URL, most *reach) (*http.Response, error) {
	req := (&http.Request{
		Method: http.MethodGet, URL: u, Header: http.Header{
			"User-Agent": {f.agent}, "Accept": {"*/*"}, "Accept-Encoding": {"identity"},
		},
	}).WithContext(ctx)
	transport, err := f.transport(ctx, req, most)
	if err != nil {
		return nil, err
	}
	answer, err := transport.RoundTrip(req)
	var own *fileError
	switch {
	case err == nil:
		return answer, nil
	case errors.As(err, &own):
		return nil, own
	}
	return nil, web.Failed(ctx, u, err)
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// transport returns the one for a request. The first host of a link says how far it may lead: from
// a public one never to a private one. Behind a proxy, it is the proxy that connects.
func (f *fetcher) transport(ctx context.Context, req *http.Request, most *reach) (
	http.RoundTripper, error,
) {
	host := req.URL.Hostname()
	if proxy, err := f.proxy(req); err != nil || proxy != nil {
		if *most == nowhere {
			*most = public
		}
		if ip, err := netip.ParseAddr(host); err == nil && reachOf(ip) > *most {
			return nil, errPrivate
		}
		return f.proxied, nil
	}
	if *most < nowhere {
		return f.direct[*most], nil
	}
	first := public
	if addresses, err := f.lookup(ctx, "ip", host); err == nil {
		for _, a := range addresses {
			first = max(first, reachOf(a))
		}
	}
	if first == nowhere || first == local && !f.local {
		return nil, &fileError{text: "the link leads to an address that no file host has"}
	}
	*most = first
	return f.direct[first], nil
}

// refused returns why an answer is not a file.
func refused(answer *http.Response) error {
	code := answer.StatusCode
	text := fmt.Sprintf("%s answers %d %s", web.HostPort(answer.Request.URL), code,
		http.StatusText(code))
	switch code {
	case http.StatusOK:
		return nil
	case http.StatusForbidden, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound,
		http.StatusGone:
		return &fileError{text: text, expired: true}
	}
	if code < 400 && code != http.StatusAccepted || !web.Again(code) {
		return &fileError{text: text}
	}
	after, _ := web.RetryAfter(answer, time.Now())
	return &web.TemporaryError{Kind: tap.Server, Reason: text, After: after}
}
