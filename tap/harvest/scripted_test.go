package harvest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// scripted answers requests without a network.
type scripted func(r *http.Request) (*http.Response, error)

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func reply(code int, body string, header ...string) *http.Response {
	h := http.Header{
		"Content-Type": {"application/json"},
		"Date":         {time.Now().UTC().Format(http.TimeFormat)},
	}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
}

func granted() *http.Response {
	return reply(200, `{"access_token":"a-token","expires_in":3600}`)
}

// scriptedClient returns a client whose lists are answered by the script; tokens work.
func scriptedClient(t *testing.T, lists scripted, change func(*Options)) *Client {
	t.Helper()
	api, err := url.Parse("https://harvest.invalid")
	require.NoError(t, err)
	auth, err := url.Parse("https://auth.invalid/token")
	require.NoError(t, err)
	opts := Options{
		APIURL: api, AuthURL: auth, Concurrency: 8, Budget: 1, RequestTimeout: time.Minute,
		MaxRetryTime: 10 * time.Minute,
		Credential:   Credential{ClientID: "my-client-id", ClientSecret: "my-client-secret"},
	}
	if change != nil {
		change(&opts)
	}
	c := NewClient(opts)
	watch, ok := c.http.Transport.(*web.Watch)
	require.True(t, ok)
	watch.Next = scripted(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == auth.Host {
			return granted(), nil
		}
		return lists(r)
	})
	return c
}

func list(name string) tap.Request {
	return tap.Request{Stream: &tap.Stream{
		Name: name, Path: "/v3/" + name,
		Scope: "harvest:" + name + ":list",
	}}
}

func discard(tap.Page) error { return nil }

// A 429 that asks for no wait, or for a time in the past, is not believed.
func Test429WithoutAWaitIsNotRepeatedAtOnce(t *testing.T) {
	for name, after := range map[string]string{
		"zero":        "0",
		"a past date": "Mon, 02 Jan 2006 15:04:05 GMT",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
					asked++
					return reply(429, `{}`, "Retry-After", after), nil
				}, func(o *Options) { o.MaxRetryTime = 2 * time.Minute })
				err := c.Read(t.Context(), list("users"), discard)
				assert.Equal(t, tap.Server, tap.KindOf(err), "%v", err)
				assert.LessOrEqual(t, asked, 130)
			})
		})
	}
}

// A list that asks for a wait of hours fails by itself; the others continue within a window.
func TestOneDelayedListDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "slow") {
				return reply(429, `{}`, "Retry-After", "7200"), nil
			}
			return reply(200, `[]`), nil
		}, nil)
		began := time.Now()
		require.Error(t, c.Read(t.Context(), list("slow"), discard))
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		assert.LessOrEqual(t, time.Since(began), 31*time.Second)
	})
}

// If no list has answered for max_retry_time, the run ends, not one stream.
func TestDeadAPIIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			return reply(503, `{}`), nil
		}, nil)
		began := time.Now()
		var group sync.WaitGroup
		for n := range 8 {
			group.Go(func() {
				err := c.Read(t.Context(), list(fmt.Sprint("list", n)), discard)
				assert.Equal(t, tap.Unreachable, tap.KindOf(err), "%v", err)
			})
		}
		group.Wait()
		assert.LessOrEqual(t, time.Since(began), 11*time.Minute)
	})
}

// One bad list among good ones is one bad list, however long it takes.
func TestOneDeadListIsOneDeadList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "bad") {
				return reply(500, `{}`), nil
			}
			return reply(200, `[]`), nil
		}, nil)
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Minute):
					//nolint:usetesting // it may outlive the test's context
					_ = c.Read(context.Background(), list("good"), discard)
				}
			}
		}()
		err := c.Read(t.Context(), list("bad"), discard)
		close(done)
		assert.Equal(t, tap.Server, tap.KindOf(err), "%v", err)
	})
}

// A list that keeps failing after all others are read is not the whole API, however long ago those
// were: the first attempt may come long after the last answer of another list.
func TestLastFailingListIsOneDeadList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "bad") {
				return reply(500, `{}`), nil
			}
			return reply(200, `[]`), nil
		}, nil)
		require.NoError(t, c.Read(t.Context(), list("good"), discard))
		for range 2 {
			assert.Equal(t, tap.Server, tap.KindOf(c.Read(t.Context(), list("bad"), discard)))
			time.Sleep(time.Hour)
		}
	})
}

// 202 is not a page: it is requested again. 410 means, like 404, that the list was removed. A 422
// is about the cursor if there is one, otherwise about a parameter.
func TestAnswersThatAreNotPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		codes := []int{202, 200}
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			code := codes[0]
			codes = codes[1:]
			return reply(code, `[]`), nil
		}, nil)
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		assert.Empty(t, codes)
		for code, kind := range map[int]tap.Kind{
			404: tap.Refused, 410: tap.Refused,
			422: tap.Unprocessable, 400: tap.Unprocessable, 403: tap.Scope,
		} {
			codes = []int{code}
			err := c.Read(t.Context(), list("users"), discard)
			assert.Equal(t, kind, tap.KindOf(err), "%d", code)
			if kind == tap.Refused {
				assert.ErrorContains(t, err, "removed this list")
			}
		}
		codes = []int{422}
		req := list("users")
		req.Cursor = "old"
		assert.Equal(t, tap.CursorExpired, tap.KindOf(c.Read(t.Context(), req, discard)))
	})
}

// A 422 names the parameters at fault, in several forms; text that names none says nothing.
func TestRefusalsNameParameters(t *testing.T) {
	for body, want := range map[string][]string{
		`{"message":"Unprocessable Content","errors":["Invalid query params: fields"]}`: {"fields"},
		`{"errors":["Invalid query params: updated_at, fields"]}`:                       {"fields", "updated_at"},
		`{"errors":["Invalid query param: 'fields'."]}`:                                 {"fields"},
		`{"errors":[{"per_page":"must be between 1 and 500"}]}`:                         {"per_page"},
		`{"errors":["Invalid query params: a",{"b":["x"]}]}`:                            {"a", "b"},
		`{"errors":["cursor: expired",7,null]}`:                                         nil,
		`{"errors":{"fields":"x"}}`:                                                     nil,
		`{"errors":[{"message":"Invalid"}]}`:                                            {"message"},
		`<html>`:                                                                        nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
				return reply(422, body), nil
			}, nil)
			err := c.Read(t.Context(), list("users"), discard)
			assert.Equal(t, want, tap.ParamsOf(err), body)
		})
	}
	assert.Nil(t, tap.ParamsOf(errors.New("another")))
}

// dripping is a body with a byte per second, until its request is canceled.
type dripping struct{ ctx context.Context }

func (d *dripping) Read(p []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second):
	}
	p[0] = ' '
	return 1, nil
}

func (*dripping) Close() error { return nil }

// steady is a steady body, which may be slow.
type steady struct {
	left, each int
	wait       time.Duration
}

func (s *steady) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.wait)
	n := min(len(p), s.each, s.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	s.left -= n
	return n, nil
}

func (*steady) Close() error { return nil }

// A dripping answer is canceled; a large page over a slow line is not, although it takes longer
// than the request timeout.
func TestSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := scriptedClient(t, func(req *http.Request) (*http.Response, error) {
			asked++
			r := reply(200, "")
			r.Body, r.ContentLength = &dripping{req.Context()}, -1
			return r, nil
		}, nil)
		began := time.Now()
		err := c.Read(t.Context(), list("users"), discard)
		assert.ErrorContains(t, err, "too slowly")
		assert.LessOrEqual(t, time.Since(began), 20*time.Minute)
		assert.Greater(t, asked, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			r := reply(200, "")
			r.Body, r.ContentLength = &steady{left: 40_000, each: 4096, wait: 30 * time.Second}, -1
			return r, nil
		}, nil)
		got := 0
		require.NoError(t, c.Read(t.Context(), list("users"),
			func(p tap.Page) error { got = len(p.Body); return nil }))
		assert.Equal(t, 40_000, got)
	})
}

// Three lists that refuse every token are three bad lists if others work; if none works, the
// credential is at fault.
func TestListsThatRefuseEveryToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "bad") {
				return reply(401, `{"message":"Unauthorized"}`), nil
			}
			return reply(200, `[]`), nil
		}, nil)
		require.NoError(t, c.Read(t.Context(), list("good"), discard))
		for n := range 3 {
			assert.Equal(t, tap.Refused,
				tap.KindOf(c.Read(t.Context(), list(fmt.Sprint("bad", n)), discard)))
		}
		require.NoError(t, c.Read(t.Context(), list("good"), discard))
	})
}

func TestTokenLifetimes(t *testing.T) {
	served := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return served.Add(d).Format(time.RFC3339) }
	for body, want := range map[string]time.Duration{
		`{"expires_in":3600}`:                                                     time.Hour,
		`{"expires_in":"3600"}`:                                                   time.Hour,
		`{"expires_at":"` + in(90*time.Minute) + `"}`:                             90 * time.Minute,
		`{"expires":"` + in(time.Minute) + `"}`:                                   time.Minute,
		`{"expires":` + strconv.FormatInt(served.Add(time.Hour).Unix(), 10) + `}`: time.Hour,
		`{"expires":"Wed, 25 Nov 2026 13:00:00 GMT"}`:                             time.Hour,
		`{"expires_in":null,"expires_at":"soon"}`:                                 unknownLife,
		`{"expires_at":"` + in(-time.Hour) + `"}`:                                 unknownLife,
		`{}`:                  unknownLife,
		`{"expires_in":{}}`:   unknownLife,
		`{"expires_in":-1}`:   unknownLife,
		`{"expires_in":1e99}`: unknownLife,
	} {
		g := grantOf(t, body)
		assert.Equal(t, want, g.life(served, served), body)
	}
}

func grantOf(t *testing.T, body string) *grant {
	t.Helper()
	g := &grant{}
	require.NoError(t, json.Unmarshal([]byte(body), g))
	return g
}

func TestIntrospectionFormats(t *testing.T) {
	for body, want := range map[string][]string{
		`{"active":true,"scope":"a b"}`:     {"a", "b"},
		`{"scope":["a","b"]}`:               {"a", "b"},
		`{"active":true,"scopes":["a"]}`:    {"a"},
		`{"active":true,"scopes":"a b"}`:    {"a", "b"},
		`{"active":false,"scope":"a"}`:      nil,
		`{"active":true}`:                   nil,
		`{"active":true,"scope":{"odd":1}}`: nil,
		`{"active":true,"scope":null}`:      nil,
	} {
		in := &Introspection{}
		require.NoError(t, json.Unmarshal([]byte(body), in), body)
		scopes := in.Scopes()
		assert.Equal(t, want != nil, scopes != nil, body)
		for _, s := range want {
			assert.True(t, scopes[s], body)
		}
	}
}

// Variants of the Link header: several relations, several links, none, empty.
func TestLinkHeaders(t *testing.T) {
	c := scriptedClient(t, nil, nil)
	asked, err := url.Parse("https://harvest.invalid/v3/users")
	require.NoError(t, err)
	for header, want := range map[string]string{
		`<https://harvest.invalid/v3/users?cursor=x>; rel="next"`:          "x",
		`<https://harvest.invalid/v3/users?cursor=x>; rel="next last"`:     "x",
		`</v3/users?cursor=x>; rel=next`:                                   "x",
		`<a?cursor=1>; rel="prev", <b?cursor=2>; title="a, b"; rel="NEXT"`: "2",
		``: "", `<a?cursor=1>; rel="last"`: "",
	} {
		next, err := c.next(asked, &http.Response{Header: http.Header{"Link": {header}}})
		require.NoError(t, err, header)
		assert.Equal(t, want, next, header)
	}
	_, err = c.next(asked, &http.Response{Header: http.Header{"Link": {`<https://elsewhere.invalid/?cursor=x>; rel="next"`}}})
	assert.Equal(t, tap.Origin, tap.KindOf(err))
}

// A share limits what this process sends, not what it leaves to others.
func TestShareLimitsOnlyThisProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{limit: 50, latency: 100 * time.Millisecond}
		var group sync.WaitGroup
		began := time.Now()
		for range 10 {
			group.Go(func() { spend(t, s, NewBudget(0.1, nil), 10) })
		}
		group.Wait()
		assert.Zero(t, s.refused, "ten processes with a tenth each never run into the limit")
		assert.LessOrEqual(t, time.Since(began), 95*time.Second, "and they use it up")
	})
}

// Processes that share a credential without knowing of each other foresee most of each other's
// requests.
func TestProcessesWithoutAShareForeseeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{limit: 50, latency: 150 * time.Millisecond}
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { spend(t, s, NewBudget(1, nil), 30) })
		}
		group.Wait()
		t.Logf("%d answers with 429 for 300 pages", s.refused)
		assert.LessOrEqual(t, s.refused, 165, "without foresight there are more than 200")
	})
}

// After the run is over, nothing is requested, and its cause is returned.
func TestStoppedRunsMakeNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			asked++
			return reply(500, `{}`), nil
		}, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		time.AfterFunc(5*time.Second, func() { cancel(why) })
		assert.ErrorIs(t, c.Read(ctx, list("users"), discard), why)
		n := asked
		time.Sleep(time.Hour)
		assert.Equal(t, n, asked)
	})
}
