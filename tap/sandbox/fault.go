package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// Fault is something that goes wrong with an answer.
type Fault string

// The faults. Those that truncate a body apply to the regular page.
const (
	NoFault        Fault = ""
	Status500      Fault = "500"
	Status502HTML  Fault = "502-html"
	Status503      Fault = "503"
	Limit429       Fault = "429"
	Bare429        Fault = "429-bare"
	Reset          Fault = "reset"
	CutBody        Fault = "cut"
	CutRightLength Fault = "cut-right-length"
	CutGzip        Fault = "cut-gzip"
	HTML200        Fault = "html"
	Object200      Fault = "object"
	Empty200       Fault = "empty"
	Stall          Fault = "stall"
	StallBody      Fault = "stall-body"
	Status401      Fault = "401"
	Status404      Fault = "404"
	Status422      Fault = "422"
	ExpireCursor   Fault = "expire-cursor"
	Redirect       Fault = "redirect"
	LinkAway       Fault = "link-away"
	Bomb           Fault = "bomb"
	// of the token endpoint: the token is issued, but the answer does not arrive
	LoseAnswer Fault = "lose-answer"
)

// Passing are the faults that a retry fixes.
var Passing = []Fault{
	Status500, Status502HTML, Status503, Limit429, Bare429, Reset, CutBody,
	CutRightLength, CutGzip, HTML200, Object200, Empty200,
}

// ParseFault reads the name of a fault.
func ParseFault(name string) (Fault, error) {
	for _, f := range append([]Fault{
		Stall, StallBody, Status401, Status404, Status422,
		ExpireCursor, Redirect, LinkAway, Bomb, LoseAnswer,
	}, Passing...) {
		if string(f) == name {
			return f, nil
		}
	}
	return NoFault, fmt.Errorf("no fault is called %q", name)
}

// Chaos returns a function that chooses faults for lists with a probability, reproducibly for a
// seed.
func Chaos(seed uint64, probability float64, faults ...Fault) func(*http.Request) Fault {
	if len(faults) == 0 {
		faults = Passing
	}
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func(r *http.Request) Fault {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(r.URL.Path, "/v3/") || random.Float64() >= probability {
			return NoFault
		}
		return faults[random.IntN(len(faults))]
	}
}

// break_ answers with a fault; false means that the fault changes the page itself.
func (s *Server) break_(w http.ResponseWriter, r *http.Request, f Fault, status *int) bool {
	say := func(code int, contentType, body string) bool {
		if status != nil {
			*status = code
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body)) // the client may have gone away
		return true
	}
	const html = "<html><body><h1>Bad gateway</h1></body></html>"
	const asJSON, asHTML = "application/json", "text/html"
	switch f {
	case Status500:
		return say(500, asJSON, `{"message":"internal error"}`)
	case Status502HTML:
		return say(502, asHTML, html)
	case Status503:
		w.Header().Set("Retry-After", "1")
		return say(503, asJSON, `{"message":"maintenance"}`)
	case Limit429:
		w.Header().Set("Retry-After", "1")
		return say(429, asJSON, `{"message":"rate limit exceeded"}`)
	case Bare429:
		for _, h := range []string{"Limit", "Remaining", "Reset"} {
			w.Header().Del("X-RateLimit-" + h)
		}
		return say(429, asHTML, html)
	case Reset:
		panic(http.ErrAbortHandler)
	case HTML200:
		return say(200, asHTML, html)
	case Object200:
		return say(200, asJSON, `{"errors":[{"message":"try later"}]}`)
	case Empty200:
		return say(200, asJSON, "")
	case Stall:
		<-r.Context().Done()
		return true
	case Status401:
		return say(401, asJSON, `{"message":"the access token is invalid"}`)
	case Status404:
		return say(404, asJSON, `{"message":"not found"}`)
	case Status422:
		return say(422, asJSON, `{"errors":[{"message":"refused"}]}`)
	case Redirect:
		w.Header().Set("Location", "http://elsewhere.invalid"+r.URL.Path)
		return say(302, asHTML, "")
	case Bomb:
		return s.bomb(w)
	}
	return false
}

// bomb answers with a small body that unpacks to gigabytes.
func (s *Server) bomb(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := zipper(w)
	blank := make([]byte, 1<<20)
	for i := range blank {
		blank[i] = ' '
	}
	for range 4096 {
		if _, err := z.Write(blank); err != nil {
			return true
		}
	}
	return true
}

// lost drops an answer, and closes the connection.
type lost struct{ http.ResponseWriter }

func (*lost) Write(p []byte) (int, error) { return len(p), nil }
func (*lost) WriteHeader(int)             {}

func (s *Server) hangUp(w http.ResponseWriter) {
	if _, ok := w.(*lost); ok {
		panic(http.ErrAbortHandler)
	}
}
