package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/gzip"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Options configure a sandbox. The zero value is an account with a thousand candidates and the
// API's own limits.
type Options struct {
	Seed       uint64
	Candidates int           // number of candidates; other lists scale with it
	Limit      int           // requests in a window; 0 for 50, negative for no limit
	Window     time.Duration // 30 s, in whole seconds
	Latency    time.Duration // before each answer of a list
	Gzip       bool          // compress answers if the client accepts it
	CursorLife time.Duration // maximum age of a cursor; 0 for no maximum
	TokenLife  time.Duration // 0 for an hour
	TokenUses  int           // maximum number of requests with a token; 0 for no maximum
	// ReplaceTokens makes a new token invalidate the older ones of the same credential.
	ReplaceTokens bool
	// OneReader refuses a token after a newer one was used: two programs are reading the account.
	OneReader bool
	// Scopes are the scopes of the credential; nil for all.
	Scopes []string
	// NotAdmin refuses every list to the credential's user.
	NotAdmin bool
	// EmptyLists makes every list empty for the credential's user, which is one reading of the docs
	// for a user who is not a Site Admin.
	EmptyLists bool
	// Life is the name of a token's lifetime in answers: expires_in, expires_at or expires. Empty
	// for the usual one of the way of signing in.
	Life string
	// Gone are former columns, as stream.column: rows lack them, and asking for them is refused.
	Gone []string
	// NoUpperBounds refuses time filters with an upper bound, NoFilters all time filters, and
	// NoFields the choice of columns.
	NoUpperBounds, NoFilters, NoFields bool
	// MessageRows adds a row that contains only a message to every page of candidates.
	MessageRows bool
	// NoKeys refuses to exchange API keys.
	NoKeys bool
	// Removed are lists that answer 404.
	Removed []string
	// Introspection makes the introspection endpoint answer.
	Introspection bool
	// Clock returns the server's time; nil for the machine's.
	Clock func() time.Time
	// Fault chooses what goes wrong with an answer; nil for nothing.
	Fault func(r *http.Request) Fault
	// FileFault chooses what goes wrong with the answer for a file; nil for nothing.
	FileFault func(r *http.Request) Fault
	// Row may change the bytes of a row before they are sent; nil for none.
	Row func(stream string, id int64, row []byte) []byte
}

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
	limit   limiter
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
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	streams, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	tables, err := newTables(streams, opts.Seed, opts.Candidates, opts.Clock())
	if err != nil {
		return nil, err
	}
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
	s.access = newAccess(opts)
	s.limit = limiter{limit: opts.Limit, window: opts.Window}
	return s, nil
}

// Start serves the sandbox at a loopback address; port 0 for a free one.
func (s *Server) Start(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s is not a loopback address", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	s.http = &http.Server{
		Handler: s, ErrorLog: log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
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
}

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
		s.counts.tokens.Add(1)
		s.access.serve(w, r, s.opts.Clock())
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
		if name, rest, ok := strings.Cut(text, " "); ok && name == "per_page" {
			body["errors"] = []any{map[string]string{name: rest}}
		}
	case http.StatusNotFound:
		body["message"] = "Resource not found"
	default:
		body["errors"] = []string{text}
	}
	answer(w, status, body)
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

// list answers a request to a list.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	st := s.streams[r.URL.Path]
	name := r.URL.Path
	if st != nil {
		name = st.Name
	}
	status := http.StatusOK
	defer func() { s.count(name, status) }()
	refuse := func(code int, text string) {
		status = code
		fail(w, code, text)
	}
	if !s.limit.take(w.Header(), s.opts.Clock()) {
		refuse(http.StatusTooManyRequests, "rate limit exceeded")
		return
	}
	if s.opts.Latency > 0 {
		select {
		case <-time.After(s.opts.Latency):
		case <-r.Context().Done():
			return
		}
	}
	fault := s.fault(r)
	if fault != NoFault && s.break_(w, r, fault, &status) {
		return
	}
	if st == nil || slices.Contains(s.opts.Removed, st.Name) {
		refuse(http.StatusNotFound, "") // before any sign-in
		return
	}
	switch code, text := s.access.check(r, s.opts.Clock()); {
	case code != 0:
		refuse(code, text)
		return
	case r.Method != http.MethodGet:
		refuse(http.StatusMethodNotAllowed, "only GET")
		return
	case !s.access.may(r, st):
		refuse(http.StatusForbidden, s.access.why(st))
		return
	}
	q, err := s.query(st, r.URL, fault == ExpireCursor)
	if err != nil {
		refuse(http.StatusUnprocessableEntity, err.Error())
		return
	}
	if s.opts.EmptyLists {
		q.perPage, q.before = 1, 1
	}
	buf := pages.Get().(*[]byte)
	defer pages.Put(buf)
	page, next := s.page(st, q, (*buf)[:0])
	*buf = page
	if next != "" {
		home := "http://" + r.Host
		if fault == LinkAway {
			home = "http://elsewhere.invalid"
		}
		w.Header().Set("Link", "<"+home+r.URL.Path+"?cursor="+url.QueryEscape(next)+`>; rel="next"`)
	} else if len(page)%2 == 0 {
		w.Header().Set("Link", "") // the last page has no link, or an empty one
	}
	s.send(w, r, page, fault)
}

func (s *Server) count(name string, status int) {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	s.counts.lists[name]++
	s.counts.status[status]++
}

// query reads the parameters, or what a cursor carries of them.
func (s *Server) query(st *tap.Stream, u *url.URL, expired bool) (*query, error) {
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, refusal("the query cannot be read")
	}
	if !params.Has("cursor") {
		return s.parse(st, params)
	}
	if len(params) > 1 {
		return nil, refusal("cursor cannot be combined with other parameters")
	}
	c, ok := parseCursor(params.Get("cursor"))
	age := s.opts.Clock().Sub(time.UnixMilli(c.Issued))
	if !ok || c.Path != st.Path || expired || s.opts.CursorLife > 0 && age > s.opts.CursorLife {
		return nil, refusal("cursor is invalid or expired")
	}
	inner, err := url.ParseQuery(c.Params)
	if err != nil {
		return nil, refusal("cursor is invalid or expired")
	}
	q, err := s.parse(st, inner)
	if err == nil {
		q.before = c.Before
	}
	return q, err
}

// parse reads parameters as strictly as the API, and refuses what the options say.
func (s *Server) parse(st *tap.Stream, params url.Values) (*query, error) {
	q, err := parseQuery(st, params)
	if err != nil {
		return nil, err
	}
	for column, b := range q.bounds {
		if s.opts.NoFilters || s.opts.NoUpperBounds && b[1] < 1<<62 {
			return nil, refusal(column + " is not understood")
		}
	}
	if s.opts.NoFields && q.fields != nil {
		return nil, refusal("fields is not understood")
	}
	for _, gone := range s.opts.Gone {
		column, ok := strings.CutPrefix(gone, st.Name+".")
		switch {
		case ok && q.fields[column]:
			return nil, refusal("unknown field " + column)
		case ok && q.fields == nil:
			if q.gone == nil {
				q.gone = map[string]bool{}
			}
			q.gone[column] = true
		}
	}
	return q, nil
}

// page appends the rows of a page to buf and returns the cursor of the next one.
func (s *Server) page(st *tap.Stream, q *query, buf []byte) (page []byte, next string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tables[st.Name]
	buf = append(buf, '[')
	first := true
	if s.opts.MessageRows && st.Name == "candidates" {
		buf = append(buf, `{"message":"this row cannot be shown"}`...)
		first = false
	}
	last, more := t.list(q, func(i int) {
		if !first {
			buf = append(buf, ',')
		}
		first = false
		from := len(buf)
		buf = t.appendRow(buf, i, q.fields, q.gone)
		if s.opts.Row != nil {
			buf = append(buf[:from], s.opts.Row(st.Name, t.id(i), bytes.Clone(buf[from:]))...)
		}
	})
	buf = append(buf, ']')
	if more {
		next = cursor{
			Path: st.Path, Params: q.params.Encode(), Before: last,
			Issued: s.opts.Clock().UnixMilli(),
		}.String()
	}
	return buf, next
}

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is valid
	}
	return z
}}

// send writes a page, whole or with a fault.
func (s *Server) send(w http.ResponseWriter, r *http.Request, page []byte, fault Fault) {
	w.Header().Set("Content-Type", "application/json")
	if fault == CutGzip || s.opts.Gzip &&
		strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var packed bytes.Buffer
		z := zippers.Get().(*gzip.Writer)
		defer zippers.Put(z)
		z.Reset(&packed)
		if _, err := z.Write(page); err != nil || z.Close() != nil {
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		page = packed.Bytes()
		if fault == CutGzip {
			page = page[:len(page)/2]
		}
	}
	switch fault {
	case CutRightLength: // the promised length, but not the promised body
		page = page[:len(page)*2/3]
	case CutBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page[:len(page)/2])
		panic(http.ErrAbortHandler)
	case StallBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		_, _ = w.Write(page[:len(page)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = w.Write(page) // the client may have gone away
}

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
