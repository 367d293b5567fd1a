package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// line is a way to a server that can be cut.
type line struct {
	net.Listener
	to    string
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{Listener: listener, to: to}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			l.join(c)
		}
	}()
	return l
}

func (l *line) join(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = c.Close()
		return
	}
	server, err := net.Dial("tcp", l.to)
	if err != nil {
		_ = c.Close()
		return
	}
	l.conns = append(l.conns, c, server)
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	go pass(c, server)
	go pass(server, c)
}

// set cuts the line, with all its connections, or mends it.
func (l *line) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}

// The database is away, again and again, in the middle of runs of several workers: no refresh token
// is lost, no account is stopped, and every row arrives.
func TestDatabaseOutageLosesNoToken(t *testing.T) {
	address := os.Getenv("FLEET_TEST_POSTGRES")
	if address == "" {
		t.Skip("FLEET_TEST_POSTGRES is not set")
	}
	f := newFleet(t, address)
	at, err := url.Parse(address)
	require.NoError(t, err)
	way := newLine(t, at.Host)
	at.Host = way.Addr().String()
	f.env = append(f.env, "FLEET_DATABASE="+at.String())
	for i := range number("FLEET_TEST_ACCOUNTS", 30) / 3 {
		f.add(fmt.Sprintf("partner-%03d", i),
			sandbox.Options{Candidates: 20, Latency: 30 * time.Millisecond, TokenUses: 20},
			map[string]any{"refresh_token": sandbox.RefreshToken})
	}
	f.work()
	f.work()
	away := time.Duration(number("FLEET_TEST_OUTAGE", 3)) * time.Second
	for range 3 {
		renewed, complete := f.count()
		require.Eventually(t, func() bool {
			r, c := f.count()
			return r > renewed || c == len(f.accounts)
		}, 2*time.Minute, 50*time.Millisecond, "tokens are renewed")
		way.set(true)
		time.Sleep(away)
		way.set(false)
		require.Eventually(t, func() bool {
			_, c := f.count()
			return c > complete || c == len(f.accounts)
		}, 2*time.Minute, 50*time.Millisecond, "accounts are read")
	}
	f.until(4 * time.Minute)
	f.checkTokens()
}

// count counts the accounts whose refresh token was used, and those that were read.
func (f *fleet) count() (renewed, complete int) {
	f.t.Helper()
	for name, s := range f.accounts {
		if s.CurrentRefreshToken() != sandbox.RefreshToken {
			renewed++
		}
		if !f.account(name).fresh.IsZero() {
			complete++
		}
	}
	return renewed, complete
}
