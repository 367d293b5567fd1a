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
}

func (s *server) ask() *http.Response {
	time.Sleep(s.latency / 2)
	s.mu.Lock()
	now := time.Now()
	if !now.Before(s.window.Add(30 * time.Second)) {
		s.window, s.used = now, s.others
		if !s.anchored {
			s.window = now.Truncate(30 * time.Second)
		}
	}
	s.used++
	answer := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}
	reset := s.window.Add(30 * time.Second).Unix()
	if s.anchored && !s.down {
		reset++
	}
	answer.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if !s.bare {
		answer.Header.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
		answer.Header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.limit-s.used)))
		answer.Header.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
	}
	if s.used > s.limit {
		s.refused++
		answer.StatusCode = http.StatusTooManyRequests
		answer.Header.Set("Retry-After", strconv.FormatInt(max(1, reset-now.Unix()), 10))
	}
	s.mu.Unlock()
	time.Sleep(s.latency / 2)
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
					answer := s.ask() //nolint:bodyclose // there is none
					b.learn(f, answer)
					b.release(f)
					if answer.StatusCode == http.StatusOK {
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
