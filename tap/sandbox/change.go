package sandbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

func zipper(w io.Writer) *gzip.Writer { return gzip.NewWriter(w) }

// Change adds, changes and removes random rows of a stream. A removed row takes those along that
// belong to it, as in Greenhouse. A changed row says something else where the story says nothing.
func (s *Server) Change(stream string, random *rand.Rand, add, update, remove int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[stream]
	now := s.opts.Clock().UnixMilli()
	for range add {
		if like := t.find(random, true); like >= 0 {
			t.inserted = append(t.inserted, insert{at: now, like: like})
		}
	}
	for range update {
		if i := t.find(random, false); i >= 0 {
			c := t.change(i)
			c.updated = now
			c.revision++
		}
	}
	for range remove {
		i := t.find(random, false)
		if i < 0 {
			continue
		}
		t.whole(i).deleted = true
		*t.removals = true
	}
}

// Hide hides random rows of a stream, and those that belong to them, as if the user had lost the
// permission to see them: neither lists nor answers by ids have them, and updated_at stays.
func (s *Server) Hide(stream string, random *rand.Rand, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[stream]
	for range rows {
		if i := t.find(random, false); i >= 0 {
			t.whole(i).hidden = true
			*t.removals = true
		}
	}
}

// Show shows random rows of a stream again that were hidden, as they are.
func (s *Server) Show(stream string, random *rand.Rand, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := s.tables[stream].changes
	var hidden []int
	for i, c := range changes {
		if c.hidden {
			hidden = append(hidden, i)
		}
	}
	slices.Sort(hidden)
	random.Shuffle(len(hidden), func(i, j int) { hidden[i], hidden[j] = hidden[j], hidden[i] })
	for _, i := range hidden[:min(rows, len(hidden))] {
		changes[i].hidden = false
	}
}

// whole returns what happened to row i, or to the row that it is a part of and never goes without.
func (t *table) whole(i int) *change {
	if e, c := t.entry(i); e.partOf != nil {
		t, i = e.partOf.table, e.partOf.row(c)
	}
	return t.change(i)
}

// change returns what happened to row i, to which something happens.
func (t *table) change(i int) *change {
	c := t.changes[i]
	if c == nil {
		c = &change{updated: t.updated(i)}
		t.changes[i] = c
	}
	return c
}

// find returns a random row, or an initial one that can be copied; -1 if there is none.
func (t *table) find(random *rand.Rand, copied bool) int {
	n := t.len()
	if copied {
		n = t.first
	}
	if n == 0 {
		return -1
	}
	start := random.IntN(n)
	for k := range n {
		i := (start + k) % n
		if e, _ := t.entry(i); t.alive(i) && (!copied || !e.single) {
			return i
		}
	}
	return -1
}

// checkChange checks the parameters of a change.
func checkChange(q url.Values) error {
	for name, values := range q {
		switch name {
		case "streams":
		case "add", "update", "remove", "hide", "show", "seed":
			if n, err := strconv.Atoi(values[0]); err != nil || n < 0 {
				return refusal{name, "must be a number"}
			}
		default:
			return refusal{name, "is unknown"}
		}
	}
	return nil
}

// control serves tests: /sandbox/rows/<stream>, /sandbox/streams, /sandbox/requests,
// /sandbox/change?add=&update=&remove=&hide=&show=&seed=&streams=,
// /sandbox/faults?name=&probability=&seed=, /sandbox/links and /sandbox/scopes?names=. A change
// happens to each of the streams, all by default: so many rows are shown again, added, updated,
// removed and hidden, in this order.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	what := strings.TrimPrefix(r.URL.Path, "/sandbox/")
	q := r.URL.Query()
	number := func(name string) int {
		n, _ := strconv.Atoi(q.Get(name)) // missing means 0
		return n
	}
	var told any = map[string]bool{"ok": true}
	switch {
	case strings.HasPrefix(what, "rows/"):
		rows, err := s.Rows(strings.TrimPrefix(what, "rows/"))
		if err != nil {
			fail(w, http.StatusNotFound, err.Error())
			return
		}
		_, _ = w.Write(rows) // the client may have gone away
		return
	case what == "streams":
		var names []string
		for name := range s.byName {
			names = append(names, name)
		}
		slices.Sort(names)
		told = names
	case what == "requests":
		lists, status, tokens := s.Requests()
		told = map[string]any{
			"lists": lists, "status": status, "tokens": tokens,
			"introspections": s.Introspections(),
		}
		s.ResetRequests()
	case what == "change":
		if err := checkChange(q); err != nil {
			fail(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		random := rand.New(rand.NewPCG(uint64(number("seed")), 2))
		names := strings.Split(q.Get("streams"), ",")
		if q.Get("streams") == "" {
			names = names[:0]
			for name := range s.tables {
				names = append(names, name)
			}
			slices.Sort(names)
		}
		for _, name := range names {
			if s.tables[name] == nil {
				fail(w, http.StatusNotFound, "no such stream")
				return
			}
			s.Show(name, random, number("show"))
			s.Change(name, random, number("add"), number("update"), number("remove"))
			s.Hide(name, random, number("hide"))
		}
	case what == "faults":
		probability, err := strconv.ParseFloat(q.Get("probability"), 64)
		var faults []Fault
		for name := range strings.SplitSeq(q.Get("name"), ",") {
			f, ferr := ParseFault(name)
			if ferr != nil && name != "" {
				err = ferr
			} else if name != "" {
				faults = append(faults, f)
			}
		}
		if err != nil {
			fail(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		s.SetFault(Chaos(uint64(number("seed")), probability, faults...))
	case what == "links":
		s.ExpireLinks()
	case what == "scopes":
		var scopes []string
		if names := q.Get("names"); names != "all" {
			scopes = slices.DeleteFunc(strings.Split(names, ","),
				func(n string) bool { return n == "" })
		}
		s.Grant(scopes)
	default:
		fail(w, http.StatusNotFound, fmt.Sprintf("the sandbox knows no %q", what))
		return
	}
	answer(w, http.StatusOK, told)
}
