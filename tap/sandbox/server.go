package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/gzip"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The credentials of a sandbox.
const (
	ClientID     = "sandbox-client"
	ClientSecret = "sandbox-client-secret"
	APIKey       = "sandbox-harvest-api-key"
)

// Server is a sandbox. It is safe for use by several goroutines.
type Server struct {
	opts    Options
	streams map[string]*tap.Stream // by path
	byName  map[string]*tap.Stream
	tables  map[string]*table
	mu      sync.RWMutex // guards rows
	access  access
	limit   limiter // of the lists
	logins  limiter // of the token endpoint
	counts  counts
	http    *http.Server
	addr    string
	files   files
}

// counts are the numbers of requests to a server.
type counts struct {
	mu     sync.Mutex
	lists  map[string]int
	status map[int]int
	tokens atomic.Int64
	asked  atomic.Int64 // introspections
}

// New makes a sandbox that is not listening yet; it is an [http.Handler].
func New(opts Options) (*Server, error) {
	if opts.Candidates == 0 {
		opts.Candidates = 1000
	}
	if opts.Limit == 0 {
		opts.Limit = 50
	}
	if opts.Window == 0 {
		opts.Window = 30 * time.Second
	}
	if opts.TokenLife == 0 {
		opts.TokenLife = time.Hour
	}
	if opts.Organization == (Organization{}) {
		opts.Organization = Organization{ID: 4001, Name: "Sandbox Inc."}
	}
	if opts.Role == "" {
		opts.Role = "site_admin"
		if opts.NotAdmin || opts.EmptyLists {
			opts.Role = "basic"
		}
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	streams, err := schemas.Lists()
	if err != nil {
		return nil, err
	}
	tables := newTables(streams, opts.Seed, opts.Candidates, opts.Clock())
	s := &Server{
		opts: opts, streams: map[string]*tap.Stream{}, byName: map[string]*tap.Stream{},
		tables: tables,
	}
	for _, st := range streams {
		s.byName[st.Name] = st
		if st.ViewOf == "" {
			s.streams[st.Path] = st
		}
	}
	s.counts.lists, s.counts.status = map[string]int{}, map[int]int{}
	s.files.fault = opts.FileFault
	if t := tables["attachments"]; t != nil {
		t.files = &s.files
	}
	s.access = newAccess(opts, streams)
	s.limit = limiter{
		limit: opts.Limit, window: opts.Window, offset: opts.WindowOffset,
		honest: opts.HonestReset,
	}
	s.logins = limiter{limit: tokenLimit, window: tokenWindow, honest: opts.HonestReset}
	if opts.Limit < 0 {
		s.logins.limit = -1
	}
	return s, nil
}

// Start serves the sandbox at a loopback address; port 0 for a free one.
func (s *Server) Start(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if !loopback.Is(host) {
		return fmt.Errorf("%s is not a loopback address", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	if s.opts.RedirectFiles {
		s.files.redirects = s.URL()
	}
	s.http = &http.Server{
		Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
	}
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s.startFiles()
}

// Close ends the server and all its connections.
func (s *Server) Close() error {
	_ = s.files.http.Close() // the other error is returned
	return s.http.Close()
}

// URL returns the address of the lists.
func (s *Server) URL() string { return "http://" + s.addr }

// Config returns a config that reads the sandbox.
func (s *Server) Config() map[string]any {
	return map[string]any{
		"client_id": ClientID, "client_secret": ClientSecret, "api_url": s.URL(),
		"auth_url": s.URL() + "/token",
	}
}

// Requests returns the number of requests to each list, and of answers with each status.
func (s *Server) Requests() (lists map[string]int, status map[int]int, tokens int) {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return maps.Clone(s.counts.lists), maps.Clone(s.counts.status), int(s.counts.tokens.Load())
}

// ResetRequests resets the counts.
func (s *Server) ResetRequests() {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	s.counts.lists, s.counts.status = map[string]int{}, map[int]int{}
	s.counts.tokens.Store(0)
	s.counts.asked.Store(0)
}

// Introspections returns the number of requests to the introspection endpoint.
func (s *Server) Introspections() int { return int(s.counts.asked.Load()) }

// SetFault changes what goes wrong from now on.
func (s *Server) SetFault(f func(r *http.Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Fault = f
}

// fault returns what goes wrong with an answer. It holds no lock, because the function may change
// rows.
func (s *Server) fault(r *http.Request) Fault {
	s.mu.RLock()
	f := s.opts.Fault
	s.mu.RUnlock()
	if f == nil {
		return NoFault
	}
	return f(r)
}

// ServeHTTP answers like the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.opts.Clock().UTC().Format(http.TimeFormat))
	switch {
	case strings.HasPrefix(r.URL.Path, "/sandbox/"):
		s.control(w, r)
	case r.URL.Path == "/token", r.URL.Path == "/auth/token", r.URL.Path == "/introspect",
		r.URL.Path == "/auth/introspect":
		if f := s.fault(r); f != NoFault {
			if s.break_(w, r, f, nil) {
				return
			}
			w = &lost{ResponseWriter: w}
			defer s.hangUp(w)
		}
		if strings.HasSuffix(r.URL.Path, "/introspect") {
			s.counts.asked.Add(1)
		} else {
			s.counts.tokens.Add(1)
		}
		if !s.logins.take(w.Header(), s.opts.Clock()) {
			idError(w, http.StatusTooManyRequests, "Too many requests")
			return
		}
		s.access.serve(w, r, s.opts.Clock())
	case s.files.redirects != "" && strings.HasPrefix(r.URL.Path, "/attachments/"):
		s.redirect(w, r)
	default:
		s.list(w, r)
	}
}

// fail answers with an error in the API's format.
func fail(w http.ResponseWriter, status int, text string) {
	body := map[string]any{"message": http.StatusText(status)}
	switch status {
	case http.StatusUnprocessableEntity:
		body["message"], body["errors"] = "Unprocessable Content", []string{text}
	case http.StatusNotFound:
		body["message"] = "Resource not found"
	default:
		body["errors"] = []string{text}
	}
	answer(w, status, body)
}

// unprocessable refuses parameters, and names the one that is at fault.
func unprocessable(w http.ResponseWriter, err error) {
	var r refusal
	var reason any
	switch {
	case !errors.As(err, &r), r.param == "":
		reason = err.Error()
	case r.text == "":
		reason = "Invalid query params: " + r.param
	default:
		reason = map[string]string{r.param: r.text}
	}
	answer(w, http.StatusUnprocessableEntity,
		map[string]any{"message": "Unprocessable Content", "errors": []any{reason}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // answers are generated here
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone away
}

var pages = sync.Pool{New: func() any { b := make([]byte, 0, 512<<10); return &b }}

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is valid
	}
	return z
}}

// Rows returns all current rows of a stream, including hidden ones, as a JSON array.
func (s *Server) Rows(stream string) ([]byte, error) {
	st := s.byName[stream]
	if st == nil {
		return nil, fmt.Errorf("no stream is called %q", stream)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	name := st.Name
	if st.ViewOf != "" {
		name = st.ViewOf
	}
	t := s.tables[name]
	out := []byte{'['}
	for _, pass := range slices.Concat([]map[string]string{nil},
		st.Passes)[min(1, len(st.Passes)):] {
		q := &query{
			perPage: math.MaxInt, hidden: true, active: pass["active"],
			option: st.Params["custom_field_key"],
		}
		t.list(q, func(i int) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			from := len(out)
			out = t.appendRow(out, i, nil, nil)
			if s.opts.Row != nil {
				out = append(out[:from], s.opts.Row(st.Name, t.id(i), bytes.Clone(out[from:]))...)
			}
		})
	}
	return append(out, ']'), nil
}

// Serve serves until the context ends.
func (s *Server) Serve(ctx context.Context) error {
	<-ctx.Done()
	return s.Close()
}
