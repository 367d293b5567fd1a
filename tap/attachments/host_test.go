package attachments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// hosts answers requests for files without a network.
type hosts func(r *http.Request) (*http.Response, error)

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) { return h(r) }

func reply(r *http.Request, code int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"text/plain"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), ProtoMajor: 1, Request: r,
	}
}

// world is an enricher with scripted file hosts, a list of attachments, and a folder.
type world struct {
	*Enricher
	dir   string
	log   bytes.Buffer
	asked []string // the ids of each request to the list

	mu       sync.Mutex
	requests []*http.Request // to file hosts
}

// links are what the list answers: the link of an id; empty for none.
func newWorld(t *testing.T, answer hosts, link func(id string) string, change func(*Options)) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	s, err := store.Open("file://"+filepath.ToSlash(w.dir), os.LookupEnv, time.Minute)
	require.NoError(t, err)
	opts := Options{
		Store: s, MaxBytes: 1000, Concurrency: 4, RequestTimeout: time.Minute, MaxRetryTime: 10 * time.Minute,
		UserAgent: "a-tap", Log: slog.New(slog.NewTextHandler(&w.log, nil)), Source: source(
			func(_ context.Context, req tap.Request, take func(tap.Page) error) error {
				var ids, rows []string
				for _, id := range req.IDs {
					ids = append(ids, strconv.FormatInt(id, 10))
				}
				w.asked = append(w.asked, strings.Join(ids, ","))
				for _, id := range ids {
					if to := link(id); to != "" {
						rows = append(rows, fmt.Sprintf(`{"id":%s,"type":"resume","url":%q}`, id, to))
					}
				}
				return take(tap.Page{Body: []byte("[" + strings.Join(rows, ",") + "]")})
			}),
	}
	if change != nil {
		change(&opts)
	}
	w.Enricher = New(opts)
	w.fetch.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if ip, err := netip.ParseAddr(host); err == nil {
			return []netip.Addr{ip}, nil
		}
		switch host {
		case "files.example", "other.example":
			return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
		case "inside.example":
			return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("10.0.0.1")}, nil
		}
		return nil, errors.New("no such host")
	}
	for i, transport := range w.fetch.direct {
		watch, ok := transport.(*web.Watch)
		require.True(t, ok)
		// What a real transport asks before it connects.
		watch.Next = hosts(func(r *http.Request) (*http.Response, error) {
			addresses, err := w.fetch.lookup(r.Context(), "ip", r.URL.Hostname())
			if err != nil {
				return nil, err
			}
			if reachOf(addresses[len(addresses)-1]) > reach(i) {
				return nil, errPrivate
			}
			w.mu.Lock()
			w.requests = append(w.requests, r)
			w.mu.Unlock()
			return answer(r)
		})
	}
	return w
}

// source is a [tap.Source].
type source func(context.Context, tap.Request, func(tap.Page) error) error

func (s source) Read(ctx context.Context, req tap.Request, take func(tap.Page) error) error {
	return s(ctx, req, take)
}

// kept is a record that came out.
type kept struct {
	ID     int64
	URL    *string `json:"content_url"`
	Bytes  *int64  `json:"content_bytes"`
	SHA256 *string `json:"content_sha256"`
	Type   *string `json:"content_type"`
	Error  *string `json:"content_error"`
}

// shape is that of attachments, with a treatment for the url.
func shape(url record.Treatment) *record.Shape {
	text := &record.Shape{Kinds: record.String | record.Null}
	return Shape(record.NewObject([]record.Column{
		{Name: "id", Shape: &record.Shape{Kinds: record.Integer}, Key: true},
		{Name: "filename", Shape: text},
		{Name: "type", Shape: text},
		{Name: "url", Shape: text, Treatment: url},
		{Name: "updated_at", Shape: text},
	}))
}

// attachment is a record with a link.
func attachment(id int, link string) string {
	return fmt.Sprintf(`{"id":%d,"filename":"CV.txt","type":"resume","url":%q,"updated_at":"2026-01-01T00:00:00.000Z"}`, id, link)
}

// enrich enriches records and reads what came out.
func (w *world) enrich(t *testing.T, shape *record.Shape, records ...string) ([]kept, error) {
	t.Helper()
	page := make([][]byte, len(records))
	for i, r := range records {
		page[i] = []byte(r)
	}
	q := &tap.Query{Stream: &tap.Stream{Name: Stream}}
	out, err := w.Enrich(t.Context(), q, shape, page)
	rows := make([]kept, len(out))
	for i, r := range out {
		require.NoError(t, json.Unmarshal(r, &rows[i]))
	}
	return rows, err
}

// content is the content of a row, from the store.
func (w *world) content(t *testing.T, row kept) string {
	t.Helper()
	require.Nil(t, row.Error)
	data, err := os.ReadFile(strings.TrimPrefix(*row.URL, "file://"))
	require.NoError(t, err)
	return string(data)
}
