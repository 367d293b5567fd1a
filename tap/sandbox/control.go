package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// controls are what tests ask for under /sandbox/, by its name. What they return is the answer.
var controls = map[string]func(s *Server, q url.Values) (any, error){
	"streams":  (*Server).controlStreams,
	"requests": (*Server).controlRequests,
	"change":   (*Server).controlChange,
	"faults":   (*Server).controlFaults,
	"links":    func(s *Server, _ url.Values) (any, error) { s.ExpireLinks(); return done, nil },
	"scopes":   (*Server).controlScopes,
}

// done is the answer to what changes something.
var done = map[string]bool{"ok": true}

// absent is the error of something that the sandbox does not have.
type absent string

func (a absent) Error() string { return string(a) }

// control serves tests: /sandbox/rows/<stream>, /sandbox/streams, /sandbox/requests,
// /sandbox/change?add=&update=&remove=&hide=&show=&seed=&streams=,
// /sandbox/faults?name=&probability=&seed=, /sandbox/links and /sandbox/scopes?names=.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	what := strings.TrimPrefix(r.URL.Path, "/sandbox/")
	if stream, ok := strings.CutPrefix(what, "rows/"); ok {
		rows, err := s.Rows(stream)
		if err != nil {
			fail(w, http.StatusNotFound, err.Error())
			return
		}
		_, _ = w.Write(rows) // the client may have gone away
		return
	}
	do := controls[what]
	if do == nil {
		fail(w, http.StatusNotFound, fmt.Sprintf("the sandbox knows no %q", what))
		return
	}
	about, err := do(s, r.URL.Query())
	var none absent
	switch {
	case errors.As(err, &none):
		fail(w, http.StatusNotFound, err.Error())
	case err != nil:
		fail(w, http.StatusUnprocessableEntity, err.Error())
	default:
		answer(w, http.StatusOK, about)
	}
}

// numberOf returns a parameter that is a number; 0 if it is missing.
func numberOf(q url.Values, name string) int {
	n, _ := strconv.Atoi(q.Get(name)) // missing means 0
	return n
}

func (s *Server) controlStreams(url.Values) (any, error) {
	return slices.Sorted(maps.Keys(s.byName)), nil
}

func (s *Server) controlRequests(url.Values) (any, error) {
	lists, status, tokens := s.Requests()
	introspections := s.Introspections()
	s.ResetRequests()
	return map[string]any{
		"lists": lists, "status": status, "tokens": tokens, "introspections": introspections,
	}, nil
}

// controlChange changes each of the streams, all by default: so many rows are shown again, added,
// updated, removed and hidden, in this order.
func (s *Server) controlChange(q url.Values) (any, error) {
	if err := checkChange(q); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(uint64(numberOf(q, "seed")), 2))
	names := slices.Sorted(maps.Keys(s.tables))
	if q.Get("streams") != "" {
		names = strings.Split(q.Get("streams"), ",")
	}
	for _, name := range names {
		if s.tables[name] == nil {
			return nil, absent("no such stream")
		}
		s.Show(name, random, numberOf(q, "show"))
		s.Change(name, random, numberOf(q, "add"), numberOf(q, "update"), numberOf(q, "remove"))
		s.Hide(name, random, numberOf(q, "hide"))
	}
	return done, nil
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

func (s *Server) controlFaults(q url.Values) (any, error) {
	probability, err := strconv.ParseFloat(q.Get("probability"), 64)
	var faults []Fault
	for name := range strings.SplitSeq(q.Get("name"), ",") {
		if name == "" {
			continue
		}
		f, ferr := ParseFault(name)
		if ferr != nil {
			err = ferr
			continue
		}
		faults = append(faults, f)
	}
	if err != nil {
		return nil, err
	}
	s.SetFault(Chaos(uint64(numberOf(q, "seed")), probability, faults...))
	return done, nil
}

func (s *Server) controlScopes(q url.Values) (any, error) {
	var scopes []string
	if names := q.Get("names"); names != "all" {
		scopes = slices.DeleteFunc(strings.Split(names, ","), func(n string) bool { return n == "" })
	}
	s.Grant(scopes)
	return done, nil
}
