package harvest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rule of the budget, as a table: how long the next request must wait.
func TestRuleOfTheBudget(t *testing.T) {
	now := simulated
	soon := now.Add(10 * time.Second)
	ago := func(d time.Duration) []*flight { return []*flight{{sent: now.Add(-d)}} }
	// of is a window with so many requests left, of which this process has had answers to some.
	of := func(left, answered int) window {
		return window{known: true, limit: 50, left: left, answered: answered, ends: soon}
	}
	sent := func(n int, w window) window { w.sent = n; return w }
	next := func(w window) window { w.number++; return w }
	scouts := func(n, limit int, last time.Duration) window {
		return window{scouts: n, limit: limit, lastScout: now.Add(-last)}
	}
	over, larger := of(0, 0), of(6, 15)
	over.ends, larger.limit = now, 51
	for name, c := range map[string]struct {
		window window
		share  float64
		flying []*flight
		paused time.Duration
		want   time.Duration
	}{
		"nothing known":             {share: 1},
		"a scout is in flight":      {scouts(1, 0, 0), 1, nil, 0, scoutPatience},
		"an old scout":              {scouts(1, 0, scoutPatience), 1, nil, 0, forever},
		"a lost scout, known limit": {scouts(1, 50, time.Minute), 1, nil, 0, 0},
		"half the limit as scouts":  {scouts(25, 50, time.Minute), 1, nil, 0, forever},
		"a share of scouts":         {sent(5, scouts(1, 50, time.Minute)), 0.1, nil, 0, forever},
		"a limit of one":            {sent(1, scouts(1, 1, time.Minute)), 1, nil, 0, forever},
		"no limit":                  {window{unlimited: true}, 1, nil, 0, 0},
		"a pause":                   {window{unlimited: true}, 1, nil, 3 * time.Second, 3 * time.Second},
		"one left":                  {of(1, 0), 1, nil, 0, 0},
		"none left":                 {of(0, 0), 1, nil, 0, 10 * time.Second},
		"the window is over":        {over, 1, nil, 0, 0},

		"the last one is in flight":   {of(1, 0), 1, ago(0), 0, 10 * time.Second},
		"another one is left":         {of(2, 48), 1, ago(0), 0, 0},
		"an earlier window's request": {next(of(1, 0)), 1, ago(flightTime - 1), 0, 10 * time.Second},
		"one that must have arrived":  {next(of(1, 0)), 1, ago(flightTime), 0, 0},

		"the share is used up":     {sent(5, of(40, 0)), 0.1, nil, 0, 10 * time.Second},
		"a request of the share":   {sent(4, of(40, 0)), 0.1, nil, 0, 0},
		"a share of less than one": {of(40, 0), 0.001, nil, 0, 0},

		// Two for each of ours: with one in flight and one to send, six are used.
		"others take as many":               {of(2, 24), 1, ago(0), 0, 0},
		"others take twice as many":         {of(5, 15), 1, ago(0), 0, 10 * time.Second},
		"enough for twice as many":          {larger, 1, ago(0), 0, 0},
		"the last one, with nothing flying": {of(1, 2), 1, nil, 0, 0},
	} {
		b := NewBudget(c.share, nil)
		b.window, b.flying = c.window, c.flying
		if c.paused > 0 {
			b.paused = now.Add(c.paused)
		}
		assert.Equal(t, c.want, b.wait(now), name)
	}
}

// Of a window whose end is not known well, the last requests are kept to find out, if more requests
// wait than are left.
func TestRuleOfWhatIsKept(t *testing.T) {
	now := simulated
	after := func(s float64) time.Time { return now.Add(seconds(s)) }
	// The window is over in 20 s, or at another moment between lo and hi.
	calm := func(lo, hi float64) calendar {
		return calendar{slides: true, length: windowLength, lo: after(lo), hi: after(hi)}
	}
	for name, c := range map[string]struct {
		when       calendar
		share      float64
		left, sent int
		others     int
		waiting    int
		want       float64 // in seconds
	}{
		"known well":                          {calm(19, 20.5), 1, 1, 49, 0, 8, 0},
		"three are left":                      {calm(-2, 28), 1, 3, 47, 0, 8, 0},
		"the last one, kept to the middle":    {calm(-2, 28), 1, 1, 49, 0, 8, 9},
		"the middle":                          {calm(-20, 10), 1, 1, 49, 0, 8, 0},
		"the last one, but nobody else waits": {calm(-2, 28), 1, 1, 49, 0, 1, 0},
		"others would take it":                {calm(-2, 28), 1, 1, 9, 40, 8, 0},
		"none is left":                        {calm(-2, 28), 1, 0, 50, 0, 8, 20},

		"two of a share, one to the middle": {calm(-2, 28), .5, 27, 23, 0, 8, 9},
		"one of a share, to the end":        {calm(-2, 28), .5, 26, 24, 0, 8, 20},
		"one of a share, at a known end":    {calm(19, 20.5), .5, 26, 24, 0, 8, 0},
		"a share that others cannot take":   {calm(-2, 20.5), .5, 2, 24, 25, 8, 9},
	} {
		b := NewBudget(c.share, nil)
		b.when, b.waiting = c.when, c.waiting
		b.window = window{
			known: true, limit: 50, left: c.left, sent: c.sent,
			answered: 50 - c.left - c.others, ends: after(20),
		}
		assert.Equal(t, seconds(c.want), b.wait(now), name)
	}
}

// What is in flight may have taken what is left: then nothing is spared.
func TestRuleOfWhatIsKeptFromRequestsInFlight(t *testing.T) {
	now := simulated
	for left, want := range map[int]time.Duration{2: 20 * time.Second, 3: 0} {
		b := NewBudget(1, nil)
		b.when = calendar{
			slides: true, length: windowLength, lo: now.Add(-seconds(2)), hi: now.Add(seconds(28)),
		}
		b.window = window{
			known: true, limit: 50, left: left, sent: 50 - left, answered: 50 - left,
			ends: now.Add(seconds(20)),
		}
		b.waiting, b.flying = 8, []*flight{{sent: now}}
		assert.Equal(t, want, b.wait(now), "%d are left", left)
	}
}

// At the supposed end of a window that may last, one request finds out.
func TestRuleAtTheSupposedEnd(t *testing.T) {
	now := simulated
	for name, c := range map[string]struct {
		share  float64
		hi     float64 // when it is over for certain
		sent   int
		flying []*flight
		want   float64
		turns  bool // a request is taken to be of a new window
	}{
		"nobody asks":               {1, 8, 50, nil, 0, false},
		"another asks":              {1, 8, 50, []*flight{{sent: now.Add(-seconds(.4))}}, .6, false},
		"another asked in vain":     {1, 8, 50, []*flight{{sent: now.Add(-seconds(1))}}, 0, false},
		"a share with one left":     {.5, 8, 24, nil, 0, false},
		"a share that is used up":   {.5, 8, 25, nil, 8, false},
		"it is over for certain":    {1, 0, 50, nil, 0, true},
		"it is over within seconds": {1, 1, 50, nil, 0, true},
	} {
		b := NewBudget(c.share, nil)
		b.when = calendar{
			slides: true, length: windowLength, lo: now.Add(-seconds(22)),
			hi: now.Add(seconds(c.hi)),
		}
		b.window = window{known: true, limit: 50, left: 0, sent: c.sent, answered: 20, ends: now}
		b.flying = c.flying
		assert.Equal(t, seconds(c.want), b.wait(now), name)
		if c.want == 0 {
			f := b.take(now)
			assert.Equal(t, c.turns, f.window == 1, name)
		}
	}
}

// Whether resets slide, from pairs of Date and reset; then how long a window is.
func TestRuleOfSlidingResets(t *testing.T) {
	type answer struct{ date, reset int64 }
	for name, c := range map[string]struct {
		answers []answer
		slides  bool
		length  int
	}{
		"a window away, at first":      {[]answer{{100, 130}}, true, 30},
		"less than a window away":      {[]answer{{100, 117}}, false, 0},
		"it moves along":               {[]answer{{100, 130}, {102, 132}}, true, 30},
		"it stays":                     {[]answer{{100, 130}, {101, 130}}, false, 30},
		"it moves, and stays":          {[]answer{{100, 103}, {101, 104}, {102, 105}}, true, 3},
		"rounded":                      {[]answer{{100, 130}, {102, 133}, {105, 134}}, true, 30},
		"an honest one, rounded":       {[]answer{{100, 120}, {103, 121}, {110, 120}}, false, 0},
		"the next window of an honest": {[]answer{{100, 120}, {119, 150}, {121, 150}}, false, 0},
		"an honest window ends early":  {[]answer{{100, 120}, {105, 150}, {107, 150}}, false, 0},
		"overtaken":                    {[]answer{{100, 120}, {99, 120}, {98, 90}}, false, 0},
		"honest, then it slides": {
			[]answer{{100, 115}, {110, 140}, {111, 141}, {113, 143}}, true, 30,
		},
		"it slides, then honest": {[]answer{{100, 130}, {102, 132}, {104, 120}}, false, 30},
		"a window of a minute":   {[]answer{{100, 160}, {101, 161}}, true, 60},
		"a day is no window":     {[]answer{{100, 86500}, {110, 86510}}, true, 120},
	} {
		var when calendar
		for _, a := range c.answers {
			when.compare(a.date, a.reset)
		}
		assert.Equal(t, c.slides, when.slides, name)
		assert.Equal(t, time.Duration(c.length)*time.Second, when.length, name)
	}
}

// When a window ends: at a multiple of its length, if that lies within what is known; otherwise as
// late as it can.
func TestRuleOfTheEnd(t *testing.T) {
	second := func(s float64) time.Time { return time.Unix(0, 0).Add(seconds(s)) }
	var clock serverClock
	const margin = 0.15
	for name, c := range map[string]struct {
		lo, hi float64
		latest int64
		want   float64
	}{
		"the next multiple":            {97, 127, 97, 120 + margin},
		"an answer in its last second": {119.5, 127, 119, 120 + margin},
		"an answer after it":           {120.4, 127, 120, 127},
		"sent before, answered after":  {119.9, 148, 120, 148},
		"it cannot be so late":         {97, 118, 97, 118},
		"a little later":               {97, 119.5, 97, 120 + margin},
		"not so early":                 {121, 131, 97, 131},
	} {
		when := calendar{
			slides: true, length: windowLength, lo: second(c.lo), hi: second(c.hi),
			latest: c.latest,
		}
		assert.Equal(t, second(c.want), when.end(&clock, second(c.lo)), name)
	}
}

// What answers say of the end: the bounds close in on it, window after window.
func TestRuleOfTheBounds(t *testing.T) {
	second := func(s float64) time.Time { return time.Unix(0, 0).Add(seconds(s)) }
	when := calendar{slides: true, length: windowLength}
	bounds := func(lo, hi float64, what string) {
		t.Helper()
		assert.Equal(t, second(lo), when.lo, what)
		assert.Equal(t, second(hi), when.hi, what)
	}
	when.turned(second(100), second(101), 100)
	bounds(100, 131, "the first answer: it had begun by then")
	when.passed(second(110), 110)
	when.passed(second(105), 105)
	bounds(110, 131, "it lasted longer")
	when.turned(second(120), second(121), 120)
	bounds(140, 151, "the next began between the last answer and this one")
	when.turned(second(149), second(149.5), 149)
	bounds(170, 179.5, "and closer")
	when.refused(second(172), 3*time.Second)
	bounds(170, 176, "a refusal says how long to wait")
	when.refused(second(172), windowLength)
	bounds(170, 176, "one that says a whole window says nothing")
	when.turned(second(300), second(301), 300)
	bounds(320, 326, "windows went by without a request")
	when.passed(second(330), 330)
	bounds(330, 360, "it lasts longer than it can: the bounds begin anew")
	when.turned(second(328), second(329), 329)
	bounds(359, 359, "a contradiction: the later answer is right")
}

var simulated = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// limits are the headers of an answer.
func limits(limit, left string, reset time.Time, more ...string) []string {
	return append([]string{
		"X-RateLimit-Limit", limit, "X-RateLimit-Remaining", left,
		"X-RateLimit-Reset", fmt.Sprint(reset.Unix()),
	}, more...)
}

// What the budget learns from an answer: of the same window, of the next, of none, and of a proxy.
func TestWhatTheBudgetLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := func(b *Budget, code int, header []string) {
			f := b.take(time.Now())
			answer := reply(code, "[]", header...)
			defer answer.Body.Close()
			b.learn(f, answer)
			b.release(f)
		}
		learn := func(b *Budget, header []string) { answered(b, http.StatusOK, header) }
		reset := time.Now().Add(20 * time.Second)
		b := NewBudget(1, nil)
		learn(b, limits("50", "49", reset))
		w := b.window
		assert.Equal(t, []int{50, 49, 1, 1}, []int{w.limit, w.left, w.sent, w.answered})
		assert.True(t, w.known)
		assert.WithinDuration(t, reset, w.ends, time.Second)
		time.Sleep(time.Second)
		learn(b, limits("50", "45", reset))
		learn(b, limits("50", "47", reset))
		w = b.window
		assert.Equal(t, []int{45, 3, 3}, []int{w.left, w.sent, w.answered},
			"a late answer adds nothing")

		next := reset.Add(30 * time.Second)
		learn(b, limits("60", "59", next))
		w = b.window
		assert.Equal(t, []int{60, 59, 1, 1}, []int{w.limit, w.left, w.sent, w.answered})
		learn(b, limits("50", "3", reset))
		assert.Equal(t, 59, b.window.left, "an answer of the window before says nothing")
		windows, _ := b.windows()
		require.Len(t, windows, 2)
		assert.Equal(t, []int{50, 45, 60, 59},
			[]int{windows[0].Limit, windows[0].Left, windows[1].Limit, windows[1].Left})

		learn(b, nil)
		assert.False(t, b.window.unlimited, "a proxy's answer does not lift a known limit")
		assert.True(t, b.window.known)
		b = NewBudget(1, nil)
		learn(b, nil)
		assert.True(t, b.window.unlimited)
		learn(b, limits("50", "49", time.Now().Add(20*time.Second)))
		assert.False(t, b.window.unlimited)

		b = NewBudget(1, nil)
		learn(b, limits("50", "49", time.Now().Add(24*time.Hour)))
		assert.LessOrEqual(t, time.Until(b.window.ends), longestWindow,
			"no server makes us wait for a day")

		b = NewBudget(1, nil)
		answered(b, http.StatusTooManyRequests, limits("50", "0", time.Now().Add(-time.Second)))
		assert.Positive(t, b.wait(time.Now()), "a refusal that says not to wait is not believed")
		b = NewBudget(1, nil)
		answered(b, http.StatusTooManyRequests,
			limits("50", "7", time.Now().Add(20*time.Second), "Retry-After", "100"))
		assert.Zero(t, b.window.left, "refused means none is left, whatever it says")
		assert.Equal(t, windowLength, b.wait(time.Now()), "others wait for a window at most")

		b = NewBudget(1, nil)
		learn(b, limits("50", "49", time.Now().Add(20*time.Second), "Retry-After", "100"))
		assert.Zero(t, b.wait(time.Now()), "an answer that refuses nothing holds nothing back")
	})
}

// The clock is the best lower bound of this window and the one before; older ones are forgotten.
func TestServerClock(t *testing.T) {
	at := func(lead time.Duration) string {
		return simulated.Add(lead).Format(http.TimeFormat)
	}
	var c serverClock
	assert.Equal(t, simulated, c.local(simulated.Unix(), simulated).UTC(), "as it says")
	c.saw("yesterday", simulated)
	c.turn()
	assert.False(t, c.known)
	c.saw(at(5*time.Second), simulated)
	c.saw(at(3*time.Second), simulated)
	assert.Equal(t, 5*time.Second, c.lead, "a later answer that knows less changes nothing")
	c.saw(at(7*time.Second), simulated)
	assert.Equal(t, 7*time.Second, c.lead)
	assert.Equal(t, simulated.Add(3*time.Second),
		c.local(simulated.Add(10*time.Second).Unix(), simulated).UTC())
	c.turn()
	c.saw(at(2*time.Second), simulated)
	assert.Equal(t, 7*time.Second, c.lead, "the window before counts")
	c.turn()
	c.turn()
	c.saw(at(2*time.Second), simulated)
	assert.Equal(t, 2*time.Second, c.lead, "the one before that does not")
}

// net/http repeats a request by itself if an idle connection turns out to be closed. That counts.
func TestResentRequestsCount(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				for answered := 0; ; answered++ {
					r, err := http.ReadRequest(in)
					if err != nil || n == 0 && answered == 2 {
						return // the second list on the first connection gets no answer
					}
					_, _ = io.Copy(io.Discard, r.Body)
					body := `{"access_token":"a"}`
					if r.Method == http.MethodGet {
						body = `[]`
					}
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-RateLimit-Limit: 50\r\n"+
						"X-RateLimit-Remaining: 40\r\nX-RateLimit-Reset: %d\r\n\r\n%s",
						len(body), time.Now().Add(20*time.Second).Unix(), body)
				}
			}()
		}
	}()
	address, err := url.Parse("http://" + l.Addr().String())
	require.NoError(t, err)
	var log bytes.Buffer
	c := NewClient(Options{
		APIURL: address, AuthURL: address, Concurrency: 1, Budget: 1,
		RequestTimeout: time.Minute, MaxRetryTime: time.Minute,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	defer c.Close()
	for range 2 {
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
	}
	assert.Equal(t, Usage{Requests: 3, Tokens: 1, Bytes: 4 + 20}, c.Usage())
	assert.Contains(t, log.String(), "the connection was closed before the answer")
	assert.Equal(t, 39, c.budget.window.left, "40 less the one that was sent again")
}

// A body is unpacked by a reader that earlier bodies used, and refused if its packing is unknown.
func TestPackedBodies(t *testing.T) {
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.Bytes()
	}
	read := func(encoding string, body []byte) (string, int64, error) {
		answer := reply(200, string(body), "Content-Encoding", encoding)
		defer answer.Body.Close()
		got, n, err := readBody(nil, answer, 100, func() error { return nil })
		return string(got), n, err
	}
	for range 3 {
		packed := pack("hello")
		for _, encoding := range []string{"gzip", "X-Gzip"} {
			got, n, err := read(encoding, packed)
			require.NoError(t, err)
			assert.Equal(t, "hello", got)
			assert.EqualValues(t, len(packed), n)
		}
		_, _, err := read("gzip", packed[:len(packed)-9])
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		_, _, err = read("gzip", nil)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	got, _, err := read("identity", []byte("hello"))
	require.NoError(t, err)
	assert.Equal(t, "hello", got)
	_, _, err = read("br", []byte("hello"))
	assert.ErrorContains(t, err, `"br"`)
	_, _, err = read("gzip", pack(string(make([]byte, 101))))
	assert.ErrorIs(t, err, errTooLarge)
	_, _, err = read("gzip", pack(string(make([]byte, 100))))
	assert.NoError(t, err)
}

// Secrets of four bytes or more are removed, and the credential's own for ever; of the tokens, the
// latest are.
func TestSecretsAreRemembered(t *testing.T) {
	var s secrets
	s.add("abc", "abcd", "first-secret", "second-secret", "third-secret")
	assert.Equal(t, "abc *** ***", s.clean("abc abcd third-secret"))
	for i := range 500 {
		s.add(fmt.Sprintf("token-%03d-", i))
	}
	assert.Equal(t, "*** *** *** ***", s.clean("abcd first-secret second-secret third-secret"))
	assert.Equal(t, "*** ***", s.clean("token-499- token-460-"))
	assert.LessOrEqual(t, len(s.texts), 100)
}

// The words about a credential depend on its kind.
func TestWordsAboutCredentials(t *testing.T) {
	for _, c := range []struct {
		cred            Credential
		keys, forbidden string
	}{
		{
			Credential{ClientID: "i", ClientSecret: "s"},
			"client_id and client_secret",
			"grant the scope x to the credential, or make the credential's user a Site Admin",
		},
		{
			Credential{APIKey: "k", UserID: "7"},
			"api_key",
			"grant the scope x to the credential, or make the user 7 (user_id) a Site Admin",
		},
		{
			Credential{ClientID: "i", RefreshToken: "r"},
			"client_id, client_secret and refresh_token",
			"the scope x is missing, or the user is not a Site Admin: add the scope to the integration and authorize again, since a token never gains scopes",
		},
	} {
		assert.Equal(t, c.keys+" in the config", c.cred.keys())
		assert.Equal(t, c.forbidden, c.cred.Forbidden("x"))
	}
}
