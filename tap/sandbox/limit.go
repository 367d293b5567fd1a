package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The token endpoint has a limit of its own.
const (
	tokenLimit  = 60
	tokenWindow = time.Minute
)

// limiter counts requests in fixed windows of whole seconds.
type limiter struct {
	limit  int // negative for no limit
	window time.Duration
	offset time.Duration // windows begin this long after the multiples of their length
	honest bool          // Reset is the end of the window, not a window's length after the answer

	mu      sync.Mutex
	current int64 // the number of the window
	used    int
}

// take counts a request and sets the rate limit headers; false means that it is over the limit.
func (l *limiter) take(h http.Header, now time.Time) bool {
	if l.limit < 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	length := l.window.Milliseconds()
	if w := (now.UnixMilli() - l.offset.Milliseconds()) / length; w != l.current {
		l.current, l.used = w, 0
	}
	l.used++
	end := time.UnixMilli((l.current+1)*length + l.offset.Milliseconds())
	reset := now.Add(l.window) // of the second, like Date
	if l.honest {
		reset = end.Add(time.Second - time.Millisecond) // not before it
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, l.limit-l.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	if l.used > l.limit {
		h.Set("Retry-After", strconv.Itoa(int((end.Sub(now)+time.Second-1)/time.Second)))
		return false
	}
	return true
}

// Use takes requests out of the budget, like another program of the same customer.
func (s *Server) Use(requests int) {
	for range requests {
		s.limit.take(http.Header{}, s.opts.Clock())
	}
}
