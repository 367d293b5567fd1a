package sandbox

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// castagnoli makes the checksums of pages; this machine's processor makes them fast.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// list answers a request to a list.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	st := s.streams[r.URL.Path]
	name := r.URL.Path
	if st != nil {
		name = st.Name
	}
	status := http.StatusOK
	count := sync.OnceFunc(func() { s.count(name, status) })
	defer count()
	answered := func(code int) { status = code; count() } // before a client has the answer
	refuse := func(code int, text string) { answered(code); fail(w, code, text) }
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
		answered(http.StatusUnprocessableEntity)
		unprocessable(w, err)
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
	} else {
		w.Header().Set("Link", "")
	}
	w.Header().Set("Cache-Control", "max-age=0, private, must-revalidate")
	w.Header().Set("ETag", fmt.Sprintf(`W/"%08x%08x"`, len(page), crc32.Checksum(page, castagnoli)))
	answered(http.StatusOK)
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
		return nil, refusal{text: "the query cannot be read"}
	}
	if !params.Has("cursor") {
		return s.parse(st, params)
	}
	if len(params) > 1 {
		return nil, refusal{"cursor", "cannot be combined with other parameters"}
	}
	c, ok := parseCursor(params.Get("cursor"))
	age := s.opts.Clock().Sub(time.UnixMilli(c.Issued))
	if !ok || c.Path != st.Path || expired || s.opts.CursorLife > 0 && age > s.opts.CursorLife {
		return nil, refusal{"cursor", "is invalid or expired"}
	}
	inner, err := url.ParseQuery(c.Params)
	if err != nil {
		return nil, refusal{"cursor", "is invalid or expired"}
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
			return nil, refusal{column, ""}
		}
	}
	if s.opts.NoFields && q.fields != nil {
		return nil, refusal{"fields", ""}
	}
	for _, gone := range s.opts.Gone {
		column, ok := strings.CutPrefix(gone, st.Name+".")
		switch {
		case ok && q.fields[column]:
			return nil, refusal{"fields", "unknown field " + column}
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
