package attachments

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// On real connections, bodies that end early are noticed, however their length is told.
func TestCutConnections(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	for name, c := range map[string]struct {
		answer string
		words  string // of the error; empty if the file is whole
	}{
		"with a length":      {head + "Content-Length: 11\r\n\r\nthe content", ""},
		"cut before it":      {head + "Content-Length: 11\r\n\r\nthe con", "breaks off"},
		"in chunks":          {head + "Transfer-Encoding: chunked\r\n\r\nb\r\nthe content\r\n0\r\n\r\n", ""},
		"cut after a chunk":  {head + "Transfer-Encoding: chunked\r\n\r\n7\r\nthe con\r\n", "breaks off"},
		"until the end":      {head + "Connection: close\r\n\r\nthe con", "may not be whole"},
		"HTTP/1.0":           {"HTTP/1.0 200 OK\r\n\r\nthe con", "may not be whole"},
		"HTTP/1.0 by length": {"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\nthe content", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = l.Close() }() // it is over
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = http.ReadRequest(bufio.NewReader(conn)) // its own
					_, _ = io.WriteString(conn, c.answer)
					_ = conn.Close()
				}
			}()
			s, err := store.Open("file://"+t.TempDir(), os.LookupEnv, time.Minute)
			require.NoError(t, err)
			f := newFetcher(&Options{
				Store: s, MaxBytes: 1000, Concurrency: 1, RequestTimeout: time.Minute, Local: true,
				Log: slog.New(slog.DiscardHandler),
			})
			file, m, err := f.attempt(t.Context(), "http://"+l.Addr().String()+"/cv", s)
			if c.words != "" {
				require.ErrorContains(t, err, c.words)
				assert.Equal(t, strings.HasPrefix(c.words, "may"), errors.Is(err, errUnproven))
				return
			}
			require.NoError(t, err)
			store.Discard(file)
			assert.EqualValues(t, 11, m.Bytes)
		})
	}
}
