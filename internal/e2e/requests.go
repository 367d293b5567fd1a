package e2e

import (
	"net/http"
	"sync/atomic"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// NthRequest returns a channel that is closed at the server's nth request.
func NthRequest(s *sandbox.Server, n int64) <-chan struct{} {
	asked := make(chan struct{})
	var requests atomic.Int64
	s.SetFault(func(*http.Request) sandbox.Fault {
		if requests.Add(1) == n {
			close(asked)
		}
		return sandbox.NoFault
	})
	return asked
}

// StalledFrom is NthRequest, but from that request on, no list is answered: a run that waits for an
// answer does not end.
func StalledFrom(s *sandbox.Server, n int64) <-chan struct{} {
	asked := make(chan struct{})
	var requests atomic.Int64
	s.SetFault(func(*http.Request) sandbox.Fault {
		switch now := requests.Add(1); {
		case now < n:
			return sandbox.NoFault
		case now == n:
			close(asked)
		}
		return sandbox.Stall
	})
	return asked
}

// Requests is the number of requests to lists so far.
func Requests(s *sandbox.Server) (n int) {
	lists, _, _ := s.Requests()
	for _, of := range lists {
		n += of
	}
	return n
}
