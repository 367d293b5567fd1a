package harvest

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// server counts requests in fixed windows, with a latency on each way.
type server struct {
	mu       sync.Mutex
	limit    int
	latency  time.Duration
	window   time.Time // start of the current window
	used     int
	refused  int
	others   int // requests of other programs at the start of each window
	bare     bool
	anchored bool // a window begins with the first request after the last one, not by the clock
	down     bool // the time of the reset is rounded down

	changes bool          // the reset slides in every other minute
	slides  bool          // the reset is always a window's length after the answer
	offset  time.Duration // windows begin this long after the multiples of their length
	skew    time.Duration // the server's clock is ahead of ours
	busy    time.Duration // another program sends a request this often; 0 for never
	loses   int           // of so many answers, one is lost after a second
	count   int
	served  map[*Budget]int // in this window
	most    int             // the most that one process sent in a window
}

// turn begins a new window if it is time.
func (s *server) turn(now time.Time) {
	if now.Before(s.window.Add(30 * time.Second)) {
		return
	}
	s.window = now
	if !s.anchored {
		s.window = now.Add(-s.offset).Truncate(30 * time.Second).Add(s.offset)
	}
	s.used, s.served = s.others, map[*Budget]int{}
}

// ask answers a request of a process; nil if the answer is lost.
func (s *server) ask(b *Budget) *http.Response {
	time.Sleep(s.latency / 2)
	s.mu.Lock()
	now := time.Now().Add(s.skew)
	s.turn(now)
	used := s.used + 1
	if s.busy > 0 {
		used += int(now.Sub(s.window) / s.busy)
	}
	if s.served == nil {
		s.served = map[*Budget]int{}
	}
	s.served[b]++
	s.most = max(s.most, s.served[b])
	answer := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}
	reset := s.window.Add(30*time.Second + time.Second - 1).Unix()
	switch {
	case s.slides && !s.changes, s.changes && now.Minute()%2 == 0:
		reset = now.Add(30 * time.Second).Unix()
	case s.down:
		reset = s.window.Add(30 * time.Second).Unix()
	}
	answer.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if !s.bare {
		answer.Header.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
		answer.Header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.limit-used)))
		answer.Header.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
	}
	if used > s.limit {
		s.refused++
		answer.StatusCode = http.StatusTooManyRequests
		left := s.window.Add(30 * time.Second).Sub(now)
		answer.Header.Set("Retry-After", strconv.Itoa(int((left+time.Second-1)/time.Second)))
	} else {
		s.used++
	}
	s.count++
	lost := s.loses > 0 && s.count%s.loses == 0
	s.mu.Unlock()
	time.Sleep(s.latency / 2)
	if lost {
		time.Sleep(time.Second)
		return nil
	}
	return answer
}

// spend sends requests through a budget, eight at a time, and returns how long that took.
func spend(t *testing.T, s *server, b *Budget, requests int) time.Duration {
	t.Helper()
	began := time.Now()
	jobs := make(chan struct{}, requests)
	for range requests {
		jobs <- struct{}{}
	}
	close(jobs)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range jobs {
				for {
					f, err := b.acquire(t.Context())
					if err != nil {
						return
					}
					answer := s.ask(b) //nolint:bodyclose // there is none
					if answer != nil {
						b.learn(f, answer)
					}
					b.release(f)
					if answer != nil && answer.StatusCode == http.StatusOK {
						break
					}
				}
			}
		})
	}
	group.Wait()
	return time.Since(began)
}

func TestBudgetIsSpentExactly(t *testing.T) {
	for name, c := range map[string]struct {
		server   *server
		share    float64
		requests int
		windows  int // windows to wait for
	}{
		"265 under 50":       {&server{limit: 50, latency: 150 * time.Millisecond}, 1, 265, 5},
		"exactly one window": {&server{limit: 50, latency: 150 * time.Millisecond}, 1, 50, 0},
		"slow answers":       {&server{limit: 50, latency: 2 * time.Second}, 1, 100, 1},
		"a small limit":      {&server{limit: 3, latency: 150 * time.Millisecond}, 1, 12, 3},
		"others use it as well": {
			&server{limit: 50, latency: 150 * time.Millisecond, others: 20},
			1, 90, 2,
		},
		"a share of it": {&server{limit: 50, latency: 150 * time.Millisecond}, 0.8, 120, 2},
		"from the first one": {
			&server{limit: 50, latency: 150 * time.Millisecond, anchored: true},
			1, 265, 5,
		},
		"rounded down": {&server{
			limit: 50, latency: 150 * time.Millisecond, anchored: true,
			down: true,
		}, 1, 265, 5},
		"no limit is told": {
			&server{limit: 1 << 30, latency: 150 * time.Millisecond, bare: true},
			1, 500, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, phase := range []time.Duration{
				0, 137 * time.Millisecond, 500 * time.Millisecond,
				930 * time.Millisecond,
			} {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Unix((time.Now().Unix()/30+1)*30, 0)) + phase)
					s := c.server
					s.window, s.used, s.refused = time.Time{}, 0, 0
					took := spend(t, s, NewBudget(c.share, nil), c.requests)
					assert.Zero(t, s.refused, "answers with 429")
					least := time.Duration(c.windows) * 30 * time.Second
					most := least + time.Duration(float64(least)*0.03)
					if c.windows == 0 || s.latency > time.Second {
						most += 30 * time.Second
					}
					assert.Less(t, took, most)
					t.Logf("%d requests in %s", c.requests, took)
				})
			}
		})
	}
}

func TestBudgetLearnsFrom429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{limit: 50, latency: 100 * time.Millisecond}
		b := NewBudget(1, nil)
		spend(t, s, b, 10)
		s.mu.Lock()
		s.used = 50 // another program takes all that is left
		s.mu.Unlock()
		spend(t, s, b, 30)
		assert.LessOrEqual(t, s.refused, 8, "those on their way, and then none")
	})
}

func TestBudgetDoesNotLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, nil)
		began := time.Now()
		for range 10 {
			f, err := b.acquire(t.Context())
			assert.NoError(t, err)
			past := strconv.FormatInt(time.Now().Unix()-60, 10)
			b.learn(f, &http.Response{
				StatusCode: http.StatusTooManyRequests, Body: http.NoBody,
				Header: http.Header{
					"X-Ratelimit-Limit": {"50"}, "X-Ratelimit-Remaining": {"0"},
					"X-Ratelimit-Reset": {past},
				},
			})
			b.release(f)
		}
		assert.GreaterOrEqual(t, time.Since(began), 9*time.Second,
			"a 429 whose reset has passed is not repeated at once")
	})
}
