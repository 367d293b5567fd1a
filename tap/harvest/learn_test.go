package harvest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// numbers are what a test looks at of a window.
type numbers struct{ number, limit, left, sent, answered, past int }

func numbersOf(b *Budget) numbers {
	w := b.window
	return numbers{w.number, w.limit, w.left, w.sent, w.answered, len(b.past)}
}

// What an answer says of a window whose reset slides: only the count tells which window it is of.
func TestRuleOfAnswersWithASlidingReset(t *testing.T) {
	now := simulated
	ago := func(s float64) time.Time { return now.Add(-seconds(s)) }
	known := window{
		number: 1, known: true, limit: 50, left: 30, sent: 15, answered: 12, first: ago(9),
	}
	unlimited := window{number: 1, unlimited: true, sent: 15}
	sent := func(in, left, limit int) *flight {
		return &flight{sent: ago(1), window: in, left: left, limit: limit}
	}
	for name, c := range map[string]struct {
		window window
		flight *flight
		share  float64
		left   int
		want   numbers
	}{
		"the first":                       {window{number: 1, sent: 3}, sent(1, 0, 0), 1, 47, numbers{1, 50, 47, 3, 1, 0}},
		"the first with a limit":          {unlimited, sent(1, 0, 0), 1, 47, numbers{1, 50, 47, 15, 1, 0}},
		"of a window before the first":    {window{number: 1, sent: 3}, sent(0, 30, 50), 1, 20, numbers{1, 0, 0, 3, 0, 0}},
		"fewer are left":                  {known, sent(1, 33, 50), 1, 29, numbers{1, 50, 29, 15, 13, 0}},
		"overtaken":                       {known, sent(1, 33, 50), 1, 32, numbers{1, 50, 30, 15, 13, 0}},
		"as many as when it was sent":     {known, sent(1, 33, 50), 1, 33, numbers{1, 50, 30, 15, 13, 0}},
		"more than when it was sent":      {known, sent(1, 33, 50), 1, 34, numbers{2, 50, 34, 2, 1, 1}},
		"a share may have sent more":      {known, sent(1, 33, 50), .5, 34, numbers{2, 50, 34, 3, 1, 1}},
		"the limit was another":           {known, sent(1, 33, 40), 1, 48, numbers{1, 50, 30, 15, 13, 0}},
		"of the window before":            {known, sent(0, 33, 50), 1, 2, numbers{1, 50, 30, 15, 12, 0}},
		"sent before, counted in this":    {known, sent(0, 10, 50), 1, 28, numbers{1, 50, 28, 15, 13, 0}},
		"sent before it without a number": {known, sent(0, 0, 0), 1, 28, numbers{1, 50, 30, 15, 12, 0}},
	} {
		b := NewBudget(c.share, nil)
		b.window = c.window
		b.when = calendar{
			slides: true, length: windowLength, lo: ago(2), hi: now.Add(seconds(20)), latest: now.Unix(),
		}
		b.flying = []*flight{c.flight, {}}
		b.landed = []time.Time{ago(2), ago(.5)} // one answer came while this request was in flight
		r := headers{limit: 50, left: c.left, date: now.Unix(), reset: now.Unix() + 30}
		b.learnSliding(c.flight, &r, now)
		assert.Equal(t, c.want, numbersOf(b), name)
		if c.want.past > 0 {
			assert.Equal(t, []time.Time{ago(9), now}, []time.Time{b.past[0].Began, b.window.first}, name)
			assert.True(t, b.window.known, name)
		}
	}
}

// The end of a window whose reset slides: as late as a refusal says, and for a share that would
// lose little, as late as it can be.
func TestRuleOfTheEndThatIsTold(t *testing.T) {
	now := simulated // a multiple of a window's length
	after := func(s float64) time.Time { return now.Add(seconds(s)) }
	for name, c := range map[string]struct {
		share   float64
		hi      float64
		refused headers
		want    float64
	}{
		"the next multiple":       {1, 31.5, headers{}, 30.15},
		"to be sure, for a share": {.5, 31.5, headers{}, 31.5},
		"that would cost much":    {.5, 33, headers{}, 30.15},
		"a refusal":               {1, 31.5, headers{limited: true, after: 12 * time.Second, afterGiven: true}, 13},
		"one that says nothing":   {1, 31.5, headers{limited: true, after: 12 * time.Second}, 30.15},
		"no refusal":              {1, 31.5, headers{after: 12 * time.Second, afterGiven: true}, 30.15},
	} {
		b := NewBudget(c.share, nil)
		b.window = window{known: true, limit: 50, left: 30, sent: 15, answered: 12}
		b.when = calendar{
			slides: true, length: windowLength, lo: after(2), hi: after(c.hi), latest: now.Unix(),
		}
		r := c.refused
		r.limit, r.left, r.date, r.reset = 50, 29, now.Unix(), now.Unix()+30
		b.learnSliding(&flight{sent: now, left: 30, limit: 50}, &r, now)
		assert.Equal(t, seconds(c.want), b.window.ends.Sub(now), name)
	}
}

// What an answer says of a window whose reset is its end. Servers round it up or down, so a second
// more or less is the same window.
func TestRuleOfAnswersWithAnHonestReset(t *testing.T) {
	now := simulated
	reset := now.Unix() + 20
	known := window{
		number: 1, known: true, limit: 50, left: 30, sent: 15, answered: 12, reset: reset,
		first: now.Add(-seconds(9)), began: now.Add(-seconds(9)), ends: now.Add(seconds(20)),
	}
	next := window{number: 1, limit: 50, sent: 3, reset: reset}
	for name, c := range map[string]struct {
		window window
		flight int // the window of the request
		left   int
		later  int64 // than the reset that is known, in seconds
		want   numbers
	}{
		"the first":                       {window{sent: 3}, 0, 47, 0, numbers{0, 50, 47, 3, 1, 0}},
		"the first with a limit":          {window{unlimited: true, sent: 3}, 0, 47, 0, numbers{0, 50, 47, 3, 1, 0}},
		"the first of the next":           {next, 1, 47, 30, numbers{1, 50, 47, 3, 1, 0}},
		"fewer are left":                  {known, 1, 29, 0, numbers{1, 50, 29, 15, 13, 0}},
		"overtaken":                       {known, 1, 31, 0, numbers{1, 50, 30, 15, 13, 0}},
		"rounded up":                      {known, 1, 29, 1, numbers{1, 50, 29, 15, 13, 0}},
		"rounded down":                    {known, 1, 29, -1, numbers{1, 50, 29, 15, 13, 0}},
		"of the window before":            {known, 1, 5, -2, numbers{1, 50, 30, 15, 12, 0}},
		"of a later one":                  {known, 1, 49, 2, numbers{1, 50, 49, 2, 1, 1}},
		"late, when nothing is known":     {next, 0, 5, 0, numbers{1, 50, 0, 3, 0, 0}},
		"of this one, though sent before": {next, 0, 48, 30, numbers{1, 50, 48, 2, 1, 1}},
	} {
		b := NewBudget(1, nil)
		b.window = c.window
		f := &flight{sent: now.Add(-time.Second), window: c.flight}
		b.flying = []*flight{f, {}}
		if c.window.reset == 0 {
			c.window.reset = reset
		}
		b.learnHonest(f, &headers{limit: 50, left: c.left, reset: c.window.reset + c.later}, now)
		assert.Equal(t, c.want, numbersOf(b), name)
		if c.want.past > 0 {
			assert.Equal(t, now, b.window.first, name)
			assert.True(t, b.window.known, name)
		}
	}
}

// When a window with an honest reset ends: then, unless a window's length after its first answer
// explains a reset that is rounded.
func TestRuleOfAnHonestEnd(t *testing.T) {
	now := simulated
	for name, c := range map[string]struct {
		told, counted float64 // from now
		want          float64
	}{
		"both":                {20, 20, 20},
		"rounded up":          {20, 19.2, 19.2},
		"rounded down":        {20, 20.8, 20.8},
		"a slow first answer": {20, 17.6, 17.6},
		"it began before":     {20, 21.5, 20},
		"it is longer":        {20, 17, 20},
	} {
		b := NewBudget(1, nil)
		began := now.Add(seconds(c.counted) - windowLength)
		ends := b.ends(now.Unix()+int64(c.told), began, now)
		assert.Equal(t, seconds(c.want), ends.Sub(now), name)
	}
}

// A refusal by a window that is over is not repeated at once: the server rounds the reset down, or
// says nothing that can be believed.
func TestRuleOfRefusalsAfterTheEnd(t *testing.T) {
	now := simulated
	for name, c := range map[string]struct {
		known        bool
		answer       headers
		pause, slack time.Duration
	}{
		"a good answer":           {false, headers{reset: -1}, 0, 0},
		"a refusal":               {false, headers{reset: -1, limited: true}, time.Second, time.Second},
		"one that says how long":  {false, headers{reset: -1, limited: true, afterGiven: true}, 0, time.Second},
		"one of a window to come": {false, headers{reset: 5, limited: true}, 0, 0},
		"one of this window":      {true, headers{reset: -1, limited: true}, time.Second, 0},
	} {
		b := NewBudget(1, nil)
		b.window = window{known: c.known, limit: 50, reset: now.Unix() - 1, ends: now}
		r := c.answer
		r.limit, r.reset = 50, now.Unix()+r.reset
		b.learnHonest(&flight{sent: now}, &r, now)
		assert.Equal(t, c.pause, max(0, b.paused.Sub(now)), name)
		assert.Equal(t, c.slack, b.slack, name)
	}
}
