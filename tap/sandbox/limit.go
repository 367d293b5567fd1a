package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limiter counts requests in fixed windows, which begin when the server's clock is a multiple of
// their length.
type limiter struct {
	limit  int
	window time.Duration

	mu      sync.Mutex
	current int64
	used    int
}

// take counts a request and sets the rate limit headers; false means that it is over the limit.
func (l *limiter) take(h http.Header, now time.Time) bool {
	if l.limit < 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seconds := int64(l.window / time.Second)
	if w := now.Unix() / seconds; w != l.current {
		l.current, l.used = w, 0
	}
	l.used++
	reset := (l.current + 1) * seconds
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, l.limit-l.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
	if l.used > l.limit {
		left := time.Unix(reset, 0).Sub(now)
		h.Set("Retry-After", strconv.Itoa(int((left+time.Second-1)/time.Second)))
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
