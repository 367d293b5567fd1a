package attachments

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Addresses of IANA's registries of special purposes, what embeds them, and public neighbors.
func TestWhereAddressesLead(t *testing.T) {
	for want, addresses := range map[reach][]string{
		public: {
			"93.184.216.34", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
			"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
			"198.20.0.0", "223.255.255.255", "192.0.0.9", "192.0.1.0", "2606:4700::1",
			"64:ff9b::5db8:d822", "2002:5db8:d822::1", "::ffff:93.184.216.34", "2001:20::1",
			"2001:200::1", "3ffe::1",
		},
		inside: {
			"10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1",
			"100.64.0.0", "100.127.255.255", "198.18.0.1", "198.19.255.255", "fc00::1", "fdff::1",
			"fec0::1", "64:ff9b:1::1", "64:ff9b::a00:1", "64:ff9b::6440:1", "2002:a00:1::",
			"2002:c0a8:101::1", "::ffff:10.0.0.1", "::10.0.0.1", "2001:2::1", "5f00::1",
		},
		local: {
			"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
			"2002:7f00:1::", "::127.0.0.1",
		},
		nowhere: {
			"0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.0.1", "192.0.2.1", "198.51.100.1",
			"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::",
			"64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::ffff:169.254.169.254", "100::1",
			"2001::1", "2001:db8::1", "3fff::1", "fe80::1", "fe80::1%eth0", "ff02::1",
			"192.88.99.1", "1::1",
		},
	} {
		for _, address := range addresses {
			assert.Equal(t, want, reachOf(netip.MustParseAddr(address)), address)
		}
	}
}

// What links may lead to: https, or http on this machine if the API is there, too.
func TestLinksThatMayBeFollowed(t *testing.T) {
	for link, want := range map[string][3]bool{ // from the record, with a local API, from https
		"https://files.example/x": {true, true, true},
		"http://files.example/x":  {},
		"http://127.0.0.1:80/x":   {false, true, false},
		"http://[::1]/x":          {false, true, false},
		"http://localhost/x":      {false, true, false},
		"http://10.0.0.1/x":       {},
		"https:///x":              {},
		"ftp://127.0.0.1/x":       {},
		"file:///etc/passwd":      {},
		"/x":                      {},
	} {
		u, err := url.Parse(link)
		require.NoError(t, err)
		from := &url.URL{Scheme: "https", Host: "files.example"}
		assert.Equal(t, want, [3]bool{
			(&fetcher{}).mayFetch(u, nil), (&fetcher{local: true}).mayFetch(u, nil),
			(&fetcher{local: true}).mayFetch(u, from),
		}, link)
	}
}

// Redirects to other hosts are followed, at most three, each checked like the link itself, and
// nothing of the link goes along but its path.
func TestRedirectsAreCheckedAndFollowed(t *testing.T) {
	const target = "https://other.example/file"
	for name, c := range map[string]struct {
		hops  []string
		local bool
		words string // of content_error; empty if the file comes
	}{
		"another host":        {hops: []string{target}},
		"a path":              {hops: []string{"/elsewhere"}},
		"three":               {hops: []string{"/a", "/b", target}},
		"four":                {hops: []string{"/a", "/b", "/c", target}, words: "too many redirects"},
		"with a credential":   {hops: []string{"https://user:password@other.example/file"}},
		"not https":           {hops: []string{"http://other.example/file"}, words: "not https"},
		"this machine":        {hops: []string{"https://127.0.0.1/file"}, words: "private address"},
		"this machine, http":  {hops: []string{"http://127.0.0.1/file"}, local: true, words: "not https"},
		"a private network":   {hops: []string{"https://10.0.0.1/file"}, words: "private address"},
		"a private name":      {hops: []string{"https://inside.example/file"}, words: "private address"},
		"later":               {hops: []string{target, "https://100.64.0.1/file"}, words: "private address"},
		"no address":          {hops: []string{"https://%zz"}, words: "not https"},
		"metadata of a cloud": {hops: []string{"https://169.254.169.254/file"}, words: "private address"},
	} {
		t.Run(name, func(t *testing.T) {
			hops := c.hops
			w := newWorld(t, func(r *http.Request) (*http.Response, error) {
				assert.Empty(t, r.Header.Get("Authorization"))
				assert.Empty(t, r.Header.Get("Referer"))
				assert.Nil(t, r.URL.User)
				if len(hops) == 0 {
					return fine(r)
				}
				to := hops[0]
				hops = hops[1:]
				return reply(r, []int{301, 302, 303, 307, 308}[len(hops)], "", "Location", to), nil
			}, noLinks, func(o *Options) { o.Local = c.local })
			rows, err := w.enrich(t, shape(record.Keep),
				attachment(7, "https://user:password@files.example/cv"))
			require.NoError(t, err)
			if c.words == "" {
				assert.Equal(t, "the content", w.content(t, rows[0]))
				return
			}
			require.NotNil(t, rows[0].Error)
			assert.Contains(t, *rows[0].Error, c.words)
		})
	}
}

// The host of the link says how far it may lead.
func TestHostsOfLinks(t *testing.T) {
	for link, c := range map[string]struct {
		local bool
		words string
	}{
		"https://files.example/":        {},
		"https://inside.example/":       {},
		"https://10.0.0.1/":             {},
		"https://127.0.0.1/":            {words: "no file host"},
		"http://127.0.0.1/":             {words: "not https"},
		"https://169.254.169.254/":      {words: "no file host"},
		"https://[64:ff9b::a9fe:a9fe]/": {local: true, words: "no file host"},
		"http://127.0.0.1:8080/":        {local: true},
		"http://[::1]/":                 {local: true},
		"http://10.0.0.1/":              {local: true, words: "not https"},
		"http://inside.example/":        {local: true, words: "not https"},
	} {
		w := newWorld(t, fine, noLinks, func(o *Options) { o.Local = c.local })
		rows, err := w.enrich(t, shape(record.Keep), attachment(7, link))
		require.NoError(t, err, link)
		if c.words == "" {
			assert.Equal(t, "the content", w.content(t, rows[0]), link)
		} else if assert.NotNil(t, rows[0].Error, link) {
			assert.Contains(t, *rows[0].Error, c.words, link)
		}
	}
}

// A real connection is refused where the name of a public host leads to this machine by then.
func TestNamesThatChangeTheirAddress(t *testing.T) {
	f := newFetcher(&Options{Concurrency: 1, RequestTimeout: 1e9})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/", nil)
	require.NoError(t, err)
	for _, most := range []reach{public, inside} {
		_, err = f.direct[most].RoundTrip(req) //nolint:bodyclose // there is none
		assert.ErrorIs(t, err, errPrivate)
	}
	_, err = f.direct[local].RoundTrip(req) //nolint:bodyclose // there is none
	assert.NotErrorIs(t, err, errPrivate)
}

// Behind a proxy, addresses that are not public are refused as far as they are known here.
func TestLinksBehindAProxy(t *testing.T) {
	f := newFetcher(&Options{Concurrency: 1, RequestTimeout: 1e9})
	f.proxy = func(*http.Request) (*url.URL, error) {
		return &url.URL{Scheme: "http", Host: "127.0.0.1:3128"}, nil
	}
	for host, good := range map[string]bool{"files.example": true, "93.184.216.34": true, "10.0.0.1": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/", nil)
		require.NoError(t, err)
		most := nowhere
		transport, err := f.transport(t.Context(), req, &most)
		assert.Equal(t, good, err == nil, host)
		if good {
			assert.Same(t, f.proxied, transport)
			assert.Equal(t, public, most)
		}
	}
}
