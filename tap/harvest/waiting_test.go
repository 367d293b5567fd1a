package harvest

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// A request that gets no answer at all is given up after the request timeout, and repeated.
func TestSilenceWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if tries++; tries == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return reply(200, "[]"), nil
		}, func(o *Options) { o.RequestTimeout = 7 * time.Second })
		began := time.Now()
		require.NoError(t, c.Read(t.Context(), list("users"), discard))
		assert.Equal(t, 2, tries)
		assert.InDelta(t, 7.5, time.Since(began).Seconds(), 0.5, "the timeout, and a wait")
	})
}

// While the first page of a new token is written, which a slow loader can make long, the other
// requests go ahead: the token has proven itself.
func TestOthersDoNotWaitForAPageToBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			return reply(200, "[]"), nil
		}, nil)
		second := make(chan struct{})
		go func() {
			time.Sleep(time.Second)
			assert.NoError(t, c.Read(t.Context(), list("jobs"), discard))
			close(second)
		}()
		require.NoError(t, c.Read(t.Context(), list("users"), func(tap.Page) error {
			<-second
			return nil
		}))
	})
}

// A 429 that tells when the window ends is waited for that long; one that does not, for a back-off
// of a second at most.
func TestWhat429sSayOfTheWindow(t *testing.T) {
	for header, want := range map[string][2]time.Duration{
		"":                  {1, time.Second},
		"Retry-After":       {4 * time.Second, 5 * time.Second},
		"X-RateLimit-Reset": {windowLength, longestWindow},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
				if tries++; tries > 1 {
					return reply(200, "[]"), nil
				}
				switch header {
				case "Retry-After":
					return reply(429, "", header, "4"), nil
				case "X-RateLimit-Reset":
					return reply(429, "", "X-RateLimit-Limit", "50", "X-RateLimit-Remaining", "0",
						header, "2000000000"), nil
				}
				return reply(429, ""), nil
			}, nil)
			began := time.Now()
			require.NoError(t, c.Read(t.Context(), list("users"), discard))
			took := time.Since(began)
			assert.True(t, want[0] <= took && took <= want[1], "%q: %s", header, took)
		})
	}
}

// A host that has answered before and is unknown now is waited for like any other, and the advice
// is not to check its address.
func TestHostsThatVanish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			if tries++; tries == 1 {
				return reply(200, "[]"), nil
			}
			return nil, &net.DNSError{
				Err: "no such host", Name: "harvest.invalid",
				IsNotFound: true,
			}
		}, nil)
		read := func() error {
			return c.Read(t.Context(), list("users"), discard)
		}
		require.NoError(t, read())
		began := time.Now()
		err := read()
		assert.InDelta(t, (10 * time.Minute).Seconds(), time.Since(began).Seconds(), 60)
		var e *tap.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "what was read is safe; the next run continues from there", e.Hint)
	})
}

// A saved refresh token is used if another process has renewed it, and not if it is missing,
// unreadable or the same.
func TestSavedRefreshTokens(t *testing.T) {
	for _, c := range []struct {
		saved string
		err   error
		want  []string
	}{
		{"newer", nil, []string{"old", "newer"}},
		{"old", nil, []string{"old"}},
		{"", nil, []string{"old"}},
		{"newer", io.ErrUnexpectedEOF, []string{"old"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var sent []string
			client := scriptedClient(t, nil, func(o *Options) {
				o.Credential.RefreshToken = "old"
				o.Credential.Reread = func() (string, error) { return c.saved, c.err }
				o.Credential.Rotated = func(string) error { return nil }
			})
			client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host != "auth.invalid" {
					return reply(200, "[]"), nil
				}
				require.NoError(t, r.ParseForm())
				sent = append(sent, r.PostForm.Get("refresh_token"))
				if sent[len(sent)-1] == "old" {
					return reply(400, `{"error":"invalid_grant"}`), nil
				}
				return granted(), nil
			})
			err := client.Read(t.Context(), list("users"), discard)
			assert.Equal(t, c.want, sent)
			if len(c.want) > 1 {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, "refresh_token is used up")
			}
		})
	}
}

func TestWhoIsASiteAdmin(t *testing.T) {
	for role, want := range map[string][2]bool{
		`null`: {false, false}, `""`: {false, false}, `[]`: {false, false}, `{}`: {false, false},
		`"site_admin"`: {true, true}, `"Site Admin"`: {true, true},
		`{"id":1,"name":"Site Admin"}`: {true, true},
		`"basic"`:                      {false, true}, `"Job Admin"`: {false, true},
	} {
		var in Introspection
		require.NoError(t, json.Unmarshal([]byte(
			`{"https://auth.greenhouse.io/claims":{"user_role":`+role+`}}`), &in))
		admin, known := in.Identity().SiteAdmin()
		assert.Equal(t, want, [2]bool{admin, known}, role)
	}
	assert.Nil(t, (*Introspection)(nil).Scopes())
}

// Organization, user and role are read whatever their types, and are unknown otherwise.
func TestWhoseTokenItIs(t *testing.T) {
	const claims = `"https://auth.greenhouse.io/claims":`
	acme := tap.Organization{ID: "12", Name: "Acme"}
	for body, want := range map[string]tap.Identity{
		`{"sub":"7",` + claims + `{"organization":{"id":12,"name":"Acme"},"user_role":"basic"}}`: {Organization: acme, User: "7", Role: "basic"},
		`{"sub":7,` + claims + `{"organization":{"id":"12","name":" Acme "}}}`:                   {Organization: acme, User: "7"},
		`{"active":true,` + claims + `{"organization":{"id":null,"name":{}}}}`:                   {},
		`{` + claims + `{"organization":"Acme"}}`:                                                {},
		`{` + claims + `"Acme","sub":[]}`:                                                        {},
		`{"active":false,"sub":"7"}`:                                                             {},
		`{}`:                                                                                     {},
	} {
		var in Introspection
		require.NoError(t, json.Unmarshal([]byte(body), &in), body)
		assert.Equal(t, want, in.Identity(), body)
	}
	assert.Equal(t, tap.Identity{}, (*Introspection)(nil).Identity())
}

// What a page is taken for may be retried by itself, such as a file; that it was given up says
// nothing about the list.
func TestErrorsOfTakingAPageStay(t *testing.T) {
	asked := 0
	c := scriptedClient(t, func(*http.Request) (*http.Response, error) {
		asked++
		return reply(200, "[]"), nil
	}, nil)
	typed := &tap.Error{Kind: tap.Network, Op: "fetching a file", Err: &web.GaveUpError{
		Last: &web.TemporaryError{Reason: "away"},
	}}
	err := c.Read(t.Context(), list("users"), func(tap.Page) error { return typed })
	assert.Equal(t, typed, err)
	assert.Equal(t, 1, asked)
}
