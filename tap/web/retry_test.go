package web

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func patient(d time.Duration) Retry {
	return Retry{
		Patience: func(*TemporaryError) time.Duration { return d },
		Wait:     func(*TemporaryError, time.Duration) bool { return true },
		GiveUp:   func(e *GaveUpError) error { return e },
	}
}

// Waits double up to a minute, and the last attempt is made at the end of the time.
func TestWaitsGrowAndTheLastAttemptIsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		err := patient(10*time.Minute).Do(t.Context(), func() error {
			at = append(at, time.Since(began))
			return &TemporaryError{Reason: "no luck"}
		})
		var gaveUp *GaveUpError
		require.ErrorAs(t, err, &gaveUp)
		assert.Equal(t, len(at), gaveUp.Tries)
		assert.Equal(t, 10*time.Minute, gaveUp.Elapsed)
		assert.ErrorContains(t, err, "no luck, after ")
		assert.ErrorContains(t, err, " attempts in 10m0s")
		assert.Equal(t, 10*time.Minute, at[len(at)-1])
		assert.InDelta(t, 0.5, at[1].Seconds(), 0.25)
		assert.Greater(t, len(at), 10)
		for i, next := 1, firstWait; i < len(at); i, next = i+1, min(2*next, longestWait) {
			wait := at[i] - at[i-1]
			assert.LessOrEqual(t, wait, next*3/2, "the wait %d", i)
			assert.True(t, wait >= next/2 || i == len(at)-1, "the wait %d: %s", i, wait)
		}
	})
}

// What the answer asks for is waited for, unless it is longer than the patience.
func TestAnswersSayHowLongToWait(t *testing.T) {
	for name, c := range map[string]struct {
		t     TemporaryError
		least time.Duration
		most  time.Duration
		tries int
	}{
		"a wait":                    {TemporaryError{After: 40 * time.Second}, 40 * time.Second, 40 * time.Second, 2},
		"a wait that is too long":   {TemporaryError{After: 2 * time.Minute}, 0, 0, 1},
		"a 429":                     {TemporaryError{Limited: true}, 1, time.Second, 2},
		"a 429 with a wait":         {TemporaryError{Limited: true, After: 30 * time.Second}, 30 * time.Second, 30 * time.Second, 2},
		"a 429 with a wait of zero": {TemporaryError{Limited: true, After: 1}, 2, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, tries := time.Now(), 0
				err := patient(time.Minute).Do(t.Context(), func() error {
					if tries++; tries == 2 {
						return nil
					}
					return &c.t
				})
				assert.Equal(t, c.tries, tries)
				assert.Equal(t, c.tries == 1, err != nil)
				took := time.Since(began)
				assert.True(t, c.least <= took && took <= c.most, "%s", took)
			})
		})
	}
}

// Where nothing tells when a limit ends, waits grow: asking each second would be refused, and
// count, as often as the window has seconds.
func TestWaitsAfterAnUntoldLimitGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		err := patient(time.Hour).Do(t.Context(), func() error {
			if tries++; time.Since(began) > 30*time.Second {
				return nil
			}
			return &TemporaryError{Limited: true, OpenEnded: true}
		})
		require.NoError(t, err)
		assert.Less(t, tries, 12)
		assert.Less(t, time.Since(began), 2*time.Minute)
	})
}

// An error that is not temporary ends the attempts, and so does whoever waits, or the context.
func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		final := errors.New("final")
		assert.Equal(t, final, patient(time.Hour).Do(t.Context(), func() error { return final }))

		r := patient(time.Hour)
		r.Wait = func(*TemporaryError, time.Duration) bool { return false }
		var gaveUp *GaveUpError
		err := r.Do(t.Context(), func() error { return &TemporaryError{} })
		require.ErrorAs(t, err, &gaveUp)
		assert.Equal(t, 1, gaveUp.Tries)

		for during, waits := range map[time.Duration]int{0: 1, time.Second: 0} {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(100*time.Millisecond, func() { cancel(final) })
			waited := 0
			r := patient(time.Hour * time.Duration(waits))
			r.Wait = func(*TemporaryError, time.Duration) bool { waited++; return true }
			assert.Equal(t, final, r.Do(ctx, func() error {
				time.Sleep(during)
				return &TemporaryError{}
			}))
			assert.Equal(t, waits, waited, "who stops during an attempt hears of no other")
		}
	})
}

func TestRetryAfterHeaders(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after, date string
		want        time.Duration
		told        bool
	}{
		{"", "", 0, false},
		{"7", "", 7 * time.Second, true},
		{"1.5", "", 1500 * time.Millisecond, true},
		{"0", "", 0, true},
		{"-1", "", 0, false},
		{"86400", "", 0, false},
		{"soon", "", 0, false},
		{"Thu, 26 Nov 2026 12:00:20 GMT", "", 20 * time.Second, true},
		{"Thu, 26 Nov 2026 12:00:20 GMT", "Thu, 26 Nov 2026 12:00:15 GMT", 5 * time.Second, true},
		{"Thu, 26 Nov 2026 11:00:00 GMT", "", 0, true},
	} {
		got, told := RetryAfter(&http.Response{Header: http.Header{
			"Retry-After": {c.after}, "Date": {c.date},
		}}, now)
		assert.Equal(t, c.want, got, "%q", c.after)
		assert.Equal(t, c.told, told, "%q", c.after)
	}
}
