package harvest

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Whether the API is dead, from what happened: nothing for a minute, and never anything or more
// than one list that fails.
func TestRuleOfADeadAPI(t *testing.T) {
	const patience = time.Minute
	page := func(h *health) { h.answered(true) }
	refusal := func(h *health) { h.answered(false) }
	fails := func(list string) func(*health) { return func(h *health) { h.failed(list) } }
	for name, c := range map[string]struct {
		happened []func(*health)
		silence  time.Duration
		dead     bool
	}{
		"at first":                     {nil, 0, false},
		"nothing for a while":          {nil, patience - 1, false},
		"nothing for long":             {nil, patience, true},
		"one list failed":              {[]func(*health){page, fails("a")}, patience, false},
		"one list failed often":        {[]func(*health){page, fails("a"), fails("a")}, patience, false},
		"two lists failed":             {[]func(*health){page, fails("a"), fails("b")}, patience, true},
		"two lists, not for long":      {[]func(*health){page, fails("a"), fails("b")}, patience - 1, false},
		"two lists, after a refusal":   {[]func(*health){refusal, fails("a"), fails("b")}, patience, true},
		"one list, after a refusal":    {[]func(*health){refusal, fails("a")}, patience, false},
		"another has answered since":   {[]func(*health){fails("a"), page, fails("b")}, patience, false},
		"or has refused since":         {[]func(*health){fails("a"), refusal, fails("b")}, patience, false},
		"it answered, but no list did": {[]func(*health){(*health).reach}, patience, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHealth(patience, 8)
			for _, happens := range c.happened {
				happens(h)
			}
			time.Sleep(c.silence)
			assert.Equal(t, c.dead, h.dead(), name)
			assert.Equal(t, c.silence, h.silence(), name)
		})
	}
}

// Whether refused tokens are the credential's fault: if no list answers, or none does any more. A
// token that was new may have died, but not twice, or four times among lists that work.
func TestRuleOfRefusedTokens(t *testing.T) {
	h := newHealth(time.Minute, 2)
	for refused, may := range []bool{true, true, false, false, false} {
		assert.Equal(t, may, h.mayLive(refused), "%d", refused)
	}
	assert.True(t, h.refused(), "no list has answered")
	h.answered(false)
	assert.True(t, h.refused(), "a refusal is no page")
	h.answered(true)
	for refused, may := range []bool{true, true, true, true, false} {
		assert.Equal(t, may, h.mayLive(refused), "%d", refused)
	}
	for range 2 { // a page in between
		for range 8 {
			assert.False(t, h.refused(), "a few lists may be at fault themselves")
		}
		h.answered(true)
	}
	for range 8 {
		h.refused()
	}
	assert.True(t, h.refused(), "more than those that were asked at once are not")

	h = newHealth(time.Minute, 20)
	h.answered(true)
	for range 20 {
		assert.False(t, h.refused(), "with twenty requests in flight, twenty may be refused")
	}
	assert.True(t, h.refused())
}

// A Link header that leads nowhere is an error of the server, not the end of the list.
func TestLinksThatLeadNowhere(t *testing.T) {
	for link, words := range map[string]string{
		`</v3/users>; rel="next"`:                        "the Link header has no cursor",
		`</v3/users?cursor=>; rel="next"`:                "the Link header has no cursor",
		`<https://[harvest/?cursor=x>; rel="next"`:       "the Link header has no valid address",
		`<:?cursor=x>; rel=prev, <%zz>; rel = "a next" `: "the Link header has no valid address",
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
				tries++
				return reply(200, `[]`, "Link", link), nil
			}, nil)
			err := c.Read(t.Context(), list("users"), func(tap.Page) error {
				assert.Fail(t, "half a page was taken")
				return nil
			})
			assert.ErrorContains(t, err, words, link)
			assert.Greater(t, tries, 4, "it is tried again")
		})
	}
}

// Links may come in several headers, and other parameters look similar.
func TestLinksToTheNextPage(t *testing.T) {
	c := scriptedClient(t, nil, nil)
	asked := c.listURL(list("users"))
	for want, links := range map[string][]string{
		"a": {`</?cursor=z>; rel="prev"`, `</?cursor=a>; rel="next"`},
		"b": {`</?cursor=b>; rel="next"`, `</?cursor=z>; rel="next"`},
		"c": {`</?cursor=c>;title="x";rel=next;foo`},
		"":  {`</?cursor=z>; title="next"`, `</?cursor=z>; rel="nextpage"`, `</?cursor=z`, `rel="next"`, `</?cursor=z>`},
	} {
		next, err := c.next(asked, &http.Response{Header: http.Header{"Link": links}})
		require.NoError(t, err, want)
		assert.Equal(t, want, next)
	}
}

// The time is the server's, as soon as an answer has told it.
func TestNowIsTheServersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			ahead := time.Now().UTC().Add(time.Hour)
			return reply(200, `[]`, "Date", ahead.Format(http.TimeFormat)), nil
		}, nil)
		assert.Equal(t, time.Now(), c.Now())
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		time.Sleep(time.Minute)
		assert.Equal(t, time.Now().Add(time.Hour), c.Now())
	})
}

// Whoever stopped waiting for the budget is not reckoned with any more, and those who wait are told
// once of each window, with its end, unless the wait is short.
func TestWaitersThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Time
		b := NewBudget(1, func(until time.Time) { told = append(told, until) })
		ends := time.Now().Add(20 * time.Second)
		b.window = window{known: true, limit: 50, ends: ends}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := b.acquire(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Zero(t, b.waiting)
		assert.Equal(t, []time.Time{ends}, told)
		time.Sleep(time.Until(ends) - time.Second/2)
		_, err := b.acquire(t.Context())
		require.NoError(t, err)
		assert.Equal(t, ends, time.Now())
		assert.Len(t, told, 1)

		ends = ends.Add(2 * time.Second)
		b.window = window{known: true, limit: 50, ends: ends}
		time.Sleep(1500 * time.Millisecond)
		_, err = b.acquire(t.Context())
		require.NoError(t, err)
		assert.Equal(t, ends, time.Now())
		assert.Len(t, told, 1, "half a second is not worth a word")
	})
}

// Only waits for the next window count as waits for the limit: not those for a scout or a pause.
func TestWhatCountsAsWaitingForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, nil)
		waited := func() time.Duration {
			_, waited := b.windows()
			return waited
		}
		first, err := b.acquire(t.Context())
		require.NoError(t, err)
		time.AfterFunc(5*time.Second, func() { b.release(first) })
		second, err := b.acquire(t.Context())
		require.NoError(t, err)
		assert.Zero(t, waited(), "a scout was in flight")

		time.AfterFunc(5*time.Second, func() { b.release(second) }) // wakes who waits
		b.window = window{known: true, limit: 50, ends: time.Now().Add(20 * time.Second)}
		_, err = b.acquire(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 20*time.Second, waited())
	})
}

// A pause holds every request back; a shorter one does not end it.
func TestPausesHoldAllRequestsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, nil)
		began := time.Now()
		b.pause(3 * time.Second)
		b.pause(time.Second)
		_, err := b.acquire(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(began))
		_, waited := b.windows()
		assert.Zero(t, waited, "the limit was not what it waited for")
	})
}
