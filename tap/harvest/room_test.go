package harvest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// However many requests are in flight, few large pages are in memory at a time; small ones do not
// wait for them.
func TestFewLargePagesAreInMemory(t *testing.T) {
	large := strings.Repeat(" ", keptBytes+1)
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "small") {
				return reply(200, large[1:]), nil
			}
			return reply(200, large), nil
		}, func(o *Options) { o.Concurrency, o.RequestTimeout = 64, time.Second })
		var mu sync.Mutex
		held, most, small := 0, 0, 0
		var group sync.WaitGroup
		for n := range 20 {
			group.Go(func() {
				assert.NoError(t, c.Read(t.Context(), list(fmt.Sprint("large", n)), func(tap.Page) error {
					mu.Lock()
					held++
					most = max(most, held)
					mu.Unlock()
					time.Sleep(time.Minute) // a slow loader
					mu.Lock()
					held--
					mu.Unlock()
					return nil
				}))
			})
			group.Go(func() {
				assert.NoError(t, c.Read(t.Context(), list(fmt.Sprint("small", n)), func(tap.Page) error {
					mu.Lock()
					defer mu.Unlock()
					small++
					return nil
				}))
			})
		}
		time.Sleep(30 * time.Second)
		mu.Lock()
		assert.Equal(t, 20, small)
		mu.Unlock()
		group.Wait()
		assert.Equal(t, largePages, most)
	})
}

// A large page that waits for room is given up with the run.
func TestWaitingForRoomEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom()
		for range largePages {
			require.NoError(t, r.guest().enter(t.Context()))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		time.AfterFunc(time.Second, func() { cancel(why) })
		g := r.guest()
		assert.Equal(t, why, g.enter(ctx))
		g.leave()
		assert.Len(t, r, largePages)
	})
}

// A page that is too large is an error of its own kind: fewer records may fit. It is not even read
// if its length is known.
func TestPagesThatAreTooLarge(t *testing.T) {
	for _, length := range []int64{maxBodyBytes + 1, -1} {
		var body *steady
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			body = &steady{left: maxBodyBytes + 1, each: 1 << 20}
			answer := reply(200, "")
			answer.Body, answer.ContentLength = body, length
			return answer, nil
		}, nil)
		err := c.Read(t.Context(), list("users"), discard)
		assert.Equal(t, tap.TooLarge, tap.KindOf(err), "%v", err)
		assert.Equal(t, length > 0, body.left == maxBodyBytes+1)
	}
}
