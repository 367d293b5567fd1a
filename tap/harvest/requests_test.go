package harvest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The token request of each way to sign in.
func TestSignInRequests(t *testing.T) {
	for name, c := range map[string]struct {
		cred                       Credential
		path, kind, user, password string
		body                       map[string]string
	}{
		"client credentials": {
			Credential{ClientID: "my-id", ClientSecret: "my-secret"},
			"auth.invalid/token", "application/x-www-form-urlencoded", "my-id", "my-secret",
			map[string]string{"grant_type": "client_credentials"},
		},
		"for a user": {
			Credential{ClientID: "my-id", ClientSecret: "my-secret", UserID: "12"},
			"auth.invalid/token", "application/x-www-form-urlencoded", "my-id", "my-secret",
			map[string]string{"grant_type": "client_credentials", "sub": "12"},
		},
		"refresh token": {
			Credential{
				ClientID: "my-id", ClientSecret: "my-secret", UserID: "12",
				RefreshToken: "my-refresh", Ready: func() error { return nil },
				Rotated: func(string) error { return nil },
			},
			"auth.invalid/token", "application/x-www-form-urlencoded", "my-id", "my-secret",
			map[string]string{"grant_type": "refresh_token", "refresh_token": "my-refresh"},
		},
		"API key": {
			Credential{APIKey: "my-key"},
			"harvest.invalid/auth/token",
			"application/json", "my-key", "",
			map[string]string{"": "{}"},
		},
		"API key for a user": {
			Credential{APIKey: "my-key", UserID: "12"},
			"harvest.invalid/auth/token", "application/json", "my-key", "",
			map[string]string{"": `{"sub":12}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := scriptedClient(t, nil, func(o *Options) { o.Credential = c.cred })
			signedIn := 0
			client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					assert.Equal(t, "Bearer a-token", r.Header.Get("Authorization"))
					return reply(200, `[]`), nil
				}
				signedIn++
				assert.Equal(t, c.path, r.URL.Host+r.URL.Path)
				assert.Equal(t, c.kind, r.Header.Get("Content-Type"))
				user, password, _ := r.BasicAuth()
				assert.Equal(t, c.user+":"+c.password, user+":"+password)
				body, err := io.ReadAll(r.Body)
				require.NoError(t, err)
				assert.Equal(t, int64(len(body)), r.ContentLength)
				if want, whole := c.body[""]; whole {
					assert.Equal(t, want, string(body))
					return granted(), nil
				}
				form, err := url.ParseQuery(string(body))
				require.NoError(t, err)
				assert.Len(t, form, len(c.body))
				for k, v := range c.body {
					assert.Equal(t, []string{v}, form[k], k)
				}
				return granted(), nil
			})
			require.NoError(t, client.Read(t.Context(), list("users"), discard))
			require.NoError(t, client.Read(t.Context(), list("users"), discard))
			assert.Equal(t, 1, signedIn, "one token serves many lists")
			used := client.Usage()
			assert.Equal(t, int64(2), used.Requests)
			assert.Equal(t, int64(1), used.Tokens)
			assert.Equal(t, int64(48), used.Bytes, "two lists and a token")
		})
	}
}

// The address of a page: bounds as a pair, and nothing with a cursor.
func TestPageAddresses(t *testing.T) {
	c := scriptedClient(t, nil, nil)
	users := &tap.Stream{Name: "users", Path: "/v3/users", Bookmark: "updated_at"}
	at := func(hour int) time.Time { return time.Date(2026, 11, 25, hour, 0, 0, 0, time.UTC) }
	for want, req := range map[string]tap.Request{
		"per_page=500": {Stream: users},
		"per_page=1":   {Stream: users, PerPage: 1},
		"cursor=x": {
			Stream: users, Cursor: "x", PerPage: 1, Fields: []string{"id"},
			From: at(1), Params: map[string]string{"a": "b"},
		},
		"a=b&per_page=500": {
			Stream: users,
			Params: map[string]string{"a": "b"},
		},
		"fields=id,x&per_page=500": {
			Stream: users,
			Fields: []string{"id", "x"},
		},
		"per_page=500&updated_at=gte|2026-11-25T01:00:00Z": {
			Stream: users,
			From:   at(1),
		},
		"per_page=500&updated_at=lte|2026-11-25T02:00:00Z": {
			Stream: users,
			Before: at(2),
		},
		"per_page=500&updated_at=gte|2026-11-25T01:00:00Z|lte|2026-11-25T02:00:00Z": {
			Stream: users,
			From:   at(1), Before: at(2),
		},
	} {
		got, err := url.QueryUnescape(c.listURL(req).RawQuery)
		require.NoError(t, err)
		assert.Equal(t, strings.ReplaceAll(want, ".000", ""), strings.ReplaceAll(got, ".000", ""))
	}
	plain := tap.Request{Stream: &tap.Stream{Name: "tags", Path: "/v3/tags"}, From: at(1)}
	assert.Equal(t, "per_page=500", c.listURL(plain).RawQuery,
		"a list without a time has no bounds")
}

// A dead token is replaced once; repeated refusals are reported.
func TestDeadTokensAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, asked := 1, 0
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			if asked++; asked <= dead {
				return reply(401, `{}`), nil
			}
			return reply(200, `[]`), nil
		}, nil)
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		assert.Equal(t, int64(2), c.Usage().Tokens)
		dead, asked = 3, 0
		require.NoError(t, c.Read(t.Context(), list("users"), discard),
			"lists answer, so other processes may be renewing it")
		dead, asked = 1000, 0
		assert.Equal(t, tap.Refused, tap.KindOf(c.Read(t.Context(), list("users"), discard)))
		assert.Equal(t, 5, asked, "then that is that")

		never := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			return reply(401, `{}`), nil
		}, nil)
		assert.Equal(t, tap.Credentials,
			tap.KindOf(never.Read(t.Context(), list("users"), discard)))
		assert.Equal(t, int64(2), never.Usage().Tokens)
	})
}

// Faults of the token endpoint are retried; its refusals are not, and name the keys.
func TestTokenEndpointFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type answer struct {
			code int
			body string
		}
		var answers []answer
		c := scriptedClient(t, nil, nil)
		c.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return reply(200, `[]`), nil
			}
			a := answers[0]
			answers = answers[1:]
			return reply(a.code, a.body, "Retry-After", "7"), nil
		})
		for _, code := range []int{408, 425, 429, 500, 503, 302} {
			answers = append(answers, answer{code, `{}`})
		}
		answers = append(answers, answer{403, `<html>a proxy</html>`},
			answer{201, `{"access_token":"a-token","expires_in":3600}`})
		began := time.Now()
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		assert.Empty(t, answers)
		assert.GreaterOrEqual(t, time.Since(began), 6*7*time.Second,
			"it waits as long as it is told to")
		for _, code := range []int{400, 401, 403} {
			refused := scriptedClient(t, nil, nil)
			asked := 0
			refused.http.Transport = scripted(func(*http.Request) (*http.Response, error) {
				asked++
				return reply(code, `{"error":"no"}`), nil
			})
			err := refused.Read(t.Context(), list("users"), discard)
			assert.Equal(t, tap.Credentials, tap.KindOf(err), "%v", err)
			assert.ErrorContains(t, err, "client_secret")
			assert.Equal(t, 1, asked)
		}
	})
}

// The windows of a run: repeated and limited requests by list, and each window.
func TestWindowsAndRepeatedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{limit: 4, latency: 100 * time.Millisecond}
		s.window = time.Now().Truncate(30 * time.Second)
		odd := map[string][]int{"/v3/a": {500, 429}, "/v3/b": {502}}
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			answer := s.ask(nil)
			answer.Body = io.NopCloser(strings.NewReader(`[]`))
			if codes := odd[r.URL.Path]; len(codes) > 0 {
				answer.StatusCode, odd[r.URL.Path] = codes[0], codes[1:]
			}
			return answer, nil
		}, nil)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			require.NoError(t, c.Read(t.Context(), list(name), discard))
		}
		windows, waited, limited := c.Windows()
		for stream, want := range map[string][2]int{"a": {3, 2}, "b": {2, 1}, "c": {1, 0}} {
			requests, retries := c.UsedBy(stream)
			assert.Equal(t, want, [2]int{requests, retries}, stream)
		}
		assert.Equal(t, 1, limited)
		sent := 0
		for i, w := range windows {
			sent += w.Sent
			assert.Equal(t, 4, w.Limit)
			assert.LessOrEqual(t, w.Sent, 4)
			if i > 0 {
				assert.GreaterOrEqual(t, w.Began.Sub(windows[i-1].Began), 25*time.Second)
			}
		}
		assert.Equal(t, 8, sent)
		assert.Greater(t, waited, 20*time.Second)
		assert.Zero(t, s.refused)
	})
}

// A used-up budget is reported once per window, with its end.
func TestWaitingIsReportedOncePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Time
		s := &server{limit: 5, latency: 10 * time.Millisecond}
		time.Sleep(time.Until(time.Now().Truncate(30 * time.Second).
			Add(30*time.Second + 200*time.Millisecond)))
		b := NewBudget(1, func(until time.Time) { told = append(told, until) })
		began := time.Now()
		spend(t, s, b, 15)
		require.Len(t, told, 2)
		for i, until := range told {
			assert.InDelta(t, float64(30*(i+1)), until.Sub(began).Seconds(), 1.5)
		}
	})
}

// As long as no limit is known, one request goes ahead, and the others wait for its answer. If the
// limit of the last window is known, they wait at most a second.
func TestLostScouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, nil)
		began := time.Now()
		first, err := b.acquire(t.Context())
		require.NoError(t, err)
		time.AfterFunc(5*time.Second, func() { b.release(first) })
		second, err := b.acquire(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 5*time.Second, time.Since(began), "one that came back empty makes room")

		s := &server{limit: 6}
		b.learn(second, s.ask(nil)) //nolint:bodyclose // there is none
		b.release(second)
		for range 4 { // with the first two, all that the limit allows
			_, err = b.acquire(t.Context())
			require.NoError(t, err)
		}
		began = time.Now()
		for n := range 3 {
			_, err = b.acquire(t.Context())
			require.NoError(t, err)
			if n == 0 {
				began = time.Now() // the new window
			}
			assert.Equal(t, time.Duration(n)*scoutPatience, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = b.acquire(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded,
			"half of the limit at most goes without an answer")
	})
}

// A page is read completely, whatever chunks it arrives in, up to the limit and not a byte more.
func TestBodiesAreReadCompletely(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		want := make([]byte, random.IntN(3*blockBytes))
		for i := range want {
			want[i] = byte(random.Uint32())
		}
		var r io.Reader = bytes.NewReader(want)
		switch random.IntN(3) {
		case 0:
			r = iotest.HalfReader(r)
		case 1:
			r = iotest.DataErrReader(r)
		}
		hint := 0
		if random.IntN(2) == 0 {
			hint = len(want)
		}
		got, err := readAll(nil, r, hint, int64(len(want)))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got))
		assert.LessOrEqual(t, cap(got), len(want)*5/4+2*blockBytes, "it grows in blocks")
		if hint > 0 {
			assert.Equal(t, (hint+record.Padding+blockBytes-1)/blockBytes*blockBytes, cap(got),
				"the hint is heeded")
		}
		if len(want) > 1 {
			got, err = readAll(nil, bytes.NewReader(want), hint, int64(len(want)-2))
			require.NoError(t, err)
			assert.Len(t, got, len(want)-1, "one more tells that there is more")
		}
	}
	_, err := readAll([]byte("begun"), iotest.ErrReader(io.ErrClosedPipe), 0, 100)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
}

// Buffers are reused, the last one first; huge buffers are not kept, and neither are very many.
func TestBuffersAreReused(t *testing.T) {
	var kept buffers
	assert.Nil(t, kept.get())
	kept.put(nil)
	assert.Nil(t, kept.get())
	kept.put(make([]byte, 5, keptBytes))
	kept.put(make([]byte, 3, keptBytes+1))
	got := kept.get()
	assert.Equal(t, []int{0, keptBytes}, []int{len(got), cap(got)})
	assert.Nil(t, kept.get())
	for range 2 * keptBuffers {
		kept.put(make([]byte, 1))
	}
	n := 0
	for kept.get() != nil {
		n++
	}
	assert.Equal(t, keptBuffers, n)
}
