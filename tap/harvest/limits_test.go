package harvest

import (
	"cmp"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// least is the shortest time for a number of requests, eight at a time, from now on: whole windows
// are waited for, and the last requests sent.
func (s *server) least(budget float64, requests, processes int) time.Duration {
	own := s.limit - s.others
	if s.busy > 0 {
		own -= int(30*time.Second/s.busy) - 1
	}
	if s.loses > 0 {
		requests += requests / (s.loses - 1)
	}
	if budget < 1 {
		own = min(own, processes*max(1, int(float64(s.limit)*budget)))
	}
	now := time.Now().Add(s.skew)
	end := now.Add(-s.offset).Truncate(30 * time.Second).Add(s.offset + 30*time.Second)
	rounds := func(n int) time.Duration { // how long n requests take
		return time.Duration((n+8*processes-1)/(8*processes)) * s.latency
	}
	if requests <= own {
		return rounds(requests)
	}
	// what can be sent before the first window ends
	first := max(0, int(end.Sub(now)/s.latency)-1)*8 + 1 // one request goes ahead
	requests -= min(own, first*processes)
	windows := (requests - 1) / own
	return end.Add(time.Duration(windows)*30*time.Second).Sub(now) + rounds(requests-windows*own)
}

// outcome is how many runs against a server ended: how much longer than the least time they took,
// the requests that were refused, and the most that one process sent in a window.
type outcome struct {
	runs, refused, most int
	sum, worst          float64
}

func (o *outcome) String() string {
	return fmt.Sprintf("%.2f of the least time on average, %.2f at worst, %d refused in %d runs",
		o.sum/float64(o.runs), o.worst, o.refused, o.runs)
}

// load is what processes do that do not know of each other.
type load struct {
	server    *server
	share     float64
	requests  int // of each process
	processes int
}

// simulate runs from several moments of a window, with slow and fast answers, against servers whose
// windows begin at these times after the multiples of their length.
func (l *load) simulate(t *testing.T, offsets ...float64) *outcome {
	t.Helper()
	o := &outcome{}
	l.share, l.processes = cmp.Or(l.share, 1), max(l.processes, 1)
	for _, offset := range offsets {
		for _, start := range []float64{0.137, 11.9, 23.5, 28} {
			for _, latency := range []float64{0.001, 0.4} {
				synctest.Test(t, func(t *testing.T) { l.run(t, o, offset, start, latency) })
			}
		}
	}
	return o
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (l *load) run(t *testing.T, o *outcome, offset, start, latency float64) {
	t.Helper()
	b := l.server
	s := &server{
		limit: b.limit, slides: b.slides, anchored: b.anchored, skew: b.skew, loses: b.loses,
		others: b.others, changes: b.changes, latency: seconds(latency), offset: seconds(offset),
	}
	time.Sleep(time.Until(time.Unix((time.Now().Unix()/30+1)*30, 0)) + seconds(start))
	least := s.least(l.share, l.requests*l.processes, l.processes)
	began := time.Now()
	var group sync.WaitGroup
	for range l.processes {
		group.Go(func() { spend(t, s, NewBudget(l.share, nil), l.requests) })
	}
	group.Wait()
	ratio := time.Since(began).Seconds() / least.Seconds()
	o.runs++
	o.sum += ratio
	o.worst = max(o.worst, ratio)
	o.refused += s.refused
	o.most = max(o.most, s.most)
}

// The goals of the budget: no time is lost, no request is refused, and a share is kept, whatever
// the reset says and wherever windows begin. With -v, it prints the figures of docs/performance.md.
func TestTimeUnderTheLimit(t *testing.T) {
	slides := func(limit int) *server { return &server{limit: limit, slides: true} }
	honest := func(limit int) *server { return &server{limit: limit} }
	for _, c := range []struct {
		name string
		load load
		slow float64 // of the least time, where it does not know what is lost or taken
	}{
		{"245 requests, limit 50", load{server: slides(50), requests: 245}, 0},
		{"245 requests, limit 75", load{server: slides(75), requests: 245}, 0},
		{"610 requests, limit 50", load{server: slides(50), requests: 610}, 0},
		{"610 requests, limit 75", load{server: slides(75), requests: 610}, 0},
		{"610 requests, limit 150", load{server: slides(150), requests: 610}, 0},
		{"a share of half, 245 requests", load{server: slides(50), requests: 245, share: .5}, 0},
		{"a share of a tenth, 58 requests", load{server: slides(50), requests: 58, share: .1}, 0},
		{"ten processes with a tenth each", load{
			server: slides(50), requests: 58, share: .1, processes: 10,
		}, 0},
		{"another program takes 20 of 50", load{
			server: &server{limit: 50, slides: true, others: 20}, requests: 195,
		}, 1.25},
		{"the server's clock is ahead by 3.4 s", load{
			server: &server{limit: 50, slides: true, skew: seconds(3.4)}, requests: 245,
		}, 0},
		{"the server's clock is behind by 90.7 s", load{
			server: &server{limit: 50, slides: true, skew: seconds(-90.7)}, requests: 245,
		}, 0},
		{"one answer of 40 is lost", load{
			server: &server{limit: 50, slides: true, loses: 40}, requests: 225,
		}, 1.4},
		{"the reset turns honest, or slides, each minute", load{
			server: &server{limit: 50, changes: true}, requests: 245,
		}, 0},
		{"honest reset, 245 requests, limit 50", load{server: honest(50), requests: 245}, 0},
		{"honest reset, 610 requests, limit 150", load{server: honest(150), requests: 610}, 0},
		{"honest reset, a share of half", load{server: honest(50), requests: 245, share: .5}, 0},
	} {
		limit, refused := c.load.server.limit, 0
		own := int(float64(limit) * cmp.Or(c.load.share, 1))
		if c.load.server.changes {
			limit, own, refused = limit+1, own+1, 8 // a change may cost a request
		}
		o := c.load.simulate(t, 0)
		t.Logf("%s: %s", c.name, o)
		assert.LessOrEqual(t, o.worst, max(1.05, c.slow), c.name)
		assert.LessOrEqual(t, o.refused, refused, c.name)
		assert.LessOrEqual(t, o.most, own, c.name)

		o = c.load.simulate(t, []float64{1, 10.5, 22, 29}...)
		t.Logf("%s, other windows: %s", c.name, o)
		assert.LessOrEqual(t, o.worst, max(1.25, c.slow), c.name)
		assert.LessOrEqual(t, o.refused, o.runs*3, c.name) // the requests that find out
		if own < limit {
			assert.LessOrEqual(t, o.most, own, c.name)
		}
	}
	ten := load{server: slides(50), requests: 30, processes: 10}
	t.Logf("ten processes that do not know of each other: %s", ten.simulate(t, 0))
}
