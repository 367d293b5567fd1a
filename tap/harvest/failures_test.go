package harvest

import (
	"bytes"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// At most three redirects are followed, within the origin; nothing is sent elsewhere.
func TestRedirectsStayWithinTheOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		to    []string
		kind  tap.Kind
		words string
	}{
		"one":   {[]string{"/v3/other"}, tap.Fault, ""},
		"three": {[]string{"/v3/a", "/v3/b", "/v3/c"}, tap.Fault, ""},
		"the port that goes without": {
			[]string{"https://HARVEST.invalid:443/v3/other"},
			tap.Fault,
			"",
		},
		"four": {
			[]string{"/v3/a", "/v3/b", "/v3/c", "/v3/d"},
			tap.Unreachable,
			"too many redirects",
		},
		"another host": {
			[]string{"https://elsewhere.invalid/v3/users"},
			tap.Origin,
			"elsewhere.invalid",
		},
		"another port": {
			[]string{"https://harvest.invalid:8443/v3/users"},
			tap.Origin,
			"8443",
		},
		"without encryption": {[]string{"http://harvest.invalid/v3/users"}, tap.Origin, "http:"},
		"there and back": {[]string{
			"https://elsewhere.invalid/",
			"https://harvest.invalid/v3/users",
		}, tap.Origin, "elsewhere.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := c.to
				client := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
					assert.Equal(t, "harvest.invalid", strings.ToLower(r.URL.Hostname()),
						"nothing is sent elsewhere")
					assert.Equal(t, "https", r.URL.Scheme)
					if len(to) > 0 {
						next := to[0]
						to = to[1:]
						return reply(302, "", "Location", next), nil
					}
					return reply(200, `[]`), nil
				}, func(o *Options) { o.MaxRetryTime = 0 })
				err := client.Read(t.Context(), list("users"), discard)
				if c.words == "" {
					require.NoError(t, err)
					return
				}
				assert.Equal(t, c.kind, tap.KindOf(err), "%v", err)
				assert.ErrorContains(t, err, c.words)
			})
		})
	}
}

// Network failures, and whether they are retried.
func TestNetworkFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		lasts time.Duration // how long it is retried if nothing ever answered; 0 for once
		words string
	}{
		"refused": {
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
			nowherePatience, "harvest.invalid:443 does not answer",
		},
		"unknown host": {
			&net.DNSError{IsNotFound: true, Err: "no such host"},
			nowherePatience, "no such host",
		},
		"a name server's fault": {
			&net.DNSError{Err: "server misbehaving"}, 10 * time.Minute,
			"server misbehaving",
		},
		"reset":     {syscall.ECONNRESET, 10 * time.Minute, "reset by peer"},
		"untrusted": {x509.UnknownAuthorityError{}, 0, "not private"},
		"another host's": {x509.HostnameError{
			Certificate: &x509.Certificate{},
			Host:        "harvest.invalid",
		}, 0, "not private"},
		"ended": {x509.CertificateInvalidError{Reason: x509.Expired}, 0, "not private"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client := scriptedClient(t, nil, nil)
				client.http.Transport = scripted(func(*http.Request) (*http.Response, error) {
					tries++
					return nil, c.err
				})
				began := time.Now()
				err := client.Read(t.Context(), list("users"), discard)
				require.Error(t, err)
				if c.lasts == 0 {
					assert.Equal(t, 1, tries)
					assert.Contains(t, err.Error(), c.words)
					return
				}
				assert.Equal(t, c.lasts, time.Since(began).Round(time.Second),
					"the last attempt is made at the end of the time")
				assert.Greater(t, tries, 4)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		up := true
		client := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			if up {
				return reply(200, `[]`), nil
			}
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}, nil)
		require.NoError(t, client.Read(t.Context(), list("users"), discard))
		up = false
		began := time.Now()
		err := client.Read(t.Context(), list("users"), discard)
		require.Error(t, err)
		assert.Greater(t, time.Since(began), 9*time.Minute,
			"an address that has answered is most likely right")
	})
}

// Each wait is logged once: as info if the limit is the reason, otherwise as a warning.
func TestRetriesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		codes := []int{503, 429, 500}
		client := scriptedClient(t, func(*http.Request) (*http.Response, error) {
			if len(codes) == 0 {
				return reply(200, `[]`), nil
			}
			code := codes[0]
			codes = codes[1:]
			return reply(code, `{}`), nil
		}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		began := time.Now()
		require.NoError(t, client.Read(t.Context(), list("users"), discard))
		assert.Less(t, time.Since(began), 30*time.Second)
		assert.Equal(t, 2, strings.Count(log.String(),
			`level=WARN msg="trying again" while="reading list users" reason="50`), log.String())
		assert.Equal(t, 1, strings.Count(log.String(),
			`level=INFO msg="the request limit was reached unexpectedly" while="reading list users"`))
		assert.NotContains(t, log.String(), "my-client-secret")
	})
}

// Messages for refusals of the token endpoint, which name the keys.
func TestMessagesForRefusedSignIns(t *testing.T) {
	partner := Credential{
		ClientID: "my-id", ClientSecret: "my-secret", RefreshToken: "my-refresh",
		Ready: func() error { return nil }, Rotated: func(string) error { return nil },
	}
	plain := Credential{ClientID: "my-id", ClientSecret: "my-secret"}
	for body, c := range map[string]struct {
		cred  Credential
		words string
	}{
		`{"error_description":"Client application is not requesting any scopes"}`: {
			plain,
			"harvest:users:list",
		},
		`{"message":"client_id=x does not contain a valid client ID suffix"}`: {
			plain,
			"look swapped",
		},
		`{"error":"invalid_client"}`: {
			plain,
			"check client_id and client_secret in the config",
		},
		`{"error":"unauthorized_client"}`: {
			partner,
			"may not sign in this way: check client_id, client_secret and refresh_token",
		},
		`{"error":"invalid_grant"}`: {partner, "sign in again"},
		`{"error":"any"}`:           {Credential{APIKey: "my-key"}, "check api_key"},
		`{"error":"invalid_client","error_description":"my-secret is not known."}`: {
			plain,
			"client_secret",
		},
	} {
		client := scriptedClient(t, nil, func(o *Options) { o.Credential = c.cred })
		client.http.Transport = scripted(func(*http.Request) (*http.Response, error) {
			return reply(400, body), nil
		})
		err := client.Read(t.Context(), list("users"), discard)
		assert.Equal(t, tap.Credentials, tap.KindOf(err))
		assert.ErrorContains(t, err, c.words)
		assert.NotContains(t, err.Error(), "my-secret")
		assert.NotContains(t, err.Error(), "my-refresh")
	}
}

// A refresh token that another process has saved is used once.
func TestTokenRenewedByAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, rotated := "second", []string{}
		cred := Credential{
			ClientID: "my-id", ClientSecret: "my-secret", RefreshToken: "first",
			Ready:   func() error { return nil },
			Rotated: func(token string) error { rotated = append(rotated, token); return nil },
			Reread:  func() (string, error) { return kept, nil },
		}
		var sent []string
		answer := func(client *Client) {
			client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					return reply(200, `[]`), nil
				}
				require.NoError(t, r.ParseForm())
				sent = append(sent, r.PostForm.Get("refresh_token"))
				if r.PostForm.Get("refresh_token") != "second" {
					return reply(400, `{"error":"invalid_grant"}`), nil
				}
				return reply(200, `{"access_token":"a-token","expires_in":3600,"refresh_token":"third"}`), nil
			})
		}
		client := scriptedClient(t, nil, func(o *Options) { o.Credential = cred })
		answer(client)
		require.NoError(t, client.Read(t.Context(), list("users"), discard))
		assert.Equal(t, []string{"first", "second"}, sent)
		assert.Equal(t, []string{"third"}, rotated)
		kept, sent = "first", nil
		client = scriptedClient(t, nil, func(o *Options) { o.Credential = cred })
		answer(client)
		assert.ErrorContains(t, client.Read(t.Context(), list("users"), discard), "sign in again")
		assert.Equal(t, []string{"first"}, sent, "the same one is not sent again")

		cred.Ready = func() error { return errors.New("the disk is full") }
		client = scriptedClient(t, nil, func(o *Options) { o.Credential = cred })
		sent = nil
		answer(client)
		assert.ErrorContains(t, client.Read(t.Context(), list("users"), discard),
			"the disk is full")
		assert.Empty(t, sent, "a token that could not be kept is not spent")
	})
}

// Introspection, and that a missing answer is not a failure.
func TestIntrospection(t *testing.T) {
	client := scriptedClient(t, nil, nil)
	code, body := 200, `{"active":true,"scope":"harvest:users:list"}`
	client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			return granted(), nil
		}
		assert.Equal(t, "https://auth.invalid/introspect", r.URL.String())
		require.NoError(t, r.ParseForm())
		assert.Equal(t, url.Values{"token": {"a-token"}, "token_type_hint": {"access_token"}}, r.PostForm)
		user, secret, _ := r.BasicAuth()
		assert.Equal(t, "my-client-id my-client-secret", user+" "+secret)
		return reply(code, body), nil
	})
	introspection, err := client.Introspect(t.Context())
	require.NoError(t, err)
	assert.True(t, introspection.Scopes()["harvest:users:list"])
	for code, body = range map[int]string{404: `{}`, 200: `no JSON`, 403: ``} {
		introspection, err = client.Introspect(t.Context())
		require.NoError(t, err)
		assert.Nil(t, introspection)
	}
	client = scriptedClient(t, nil, nil)
	client.http.Transport = scripted(func(*http.Request) (*http.Response, error) {
		return reply(401, `{}`), nil
	})
	_, err = client.Introspect(t.Context())
	assert.Equal(t, tap.Credentials, tap.KindOf(err))
}

// Tokens are introspected beside the address that gives them, wherever that is.
func TestIntrospectionIsBesideTheToken(t *testing.T) {
	for tokens, beside := range map[string]string{
		"https://auth.invalid": "/introspect", "https://auth.invalid/": "/introspect",
		"https://auth.invalid/a/token":      "/a/introspect",
		"https://auth.invalid/a/token/?b=c": "/a/introspect",
	} {
		address, err := url.Parse(tokens)
		require.NoError(t, err)
		client := scriptedClient(t, nil, func(o *Options) { o.AuthURL = address })
		var asked []string
		client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.EscapedPath())
			return granted(), nil
		})
		_, err = client.Introspect(t.Context())
		require.NoError(t, err)
		require.Len(t, asked, 2)
		assert.Equal(t, beside, asked[1], tokens)
	}
}

// A token that was introspected is new to the lists: one that they refuse at once says as much of
// the credential as without introspection. An error of signing in is passed on without a second
// attempt.
func TestIntrospectionUsesUpNothing(t *testing.T) {
	for _, introspected := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			client := scriptedClient(t, nil, nil)
			tokens := 0
			client.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/token"):
					tokens++
					return granted(), nil
				case strings.HasSuffix(r.URL.Path, "/introspect"):
					return reply(200, `{}`), nil
				}
				return reply(401, `{"message":"Unauthorized"}`), nil
			})
			if introspected {
				_, err := client.Introspect(t.Context())
				require.NoError(t, err)
			}
			err := client.Read(t.Context(), list("users"), discard)
			assert.Equal(t, tap.Credentials, tap.KindOf(err))
			assert.ErrorContains(t, err, "another program may be using this credential")
			assert.Equal(t, 2, tokens)
			assert.EqualValues(t, 2, client.Usage().Tokens, "an introspection is no token")
		})
	}
	client := scriptedClient(t, func(*http.Request) (*http.Response, error) {
		return reply(200, `[]`), nil
	}, nil)
	refused := errors.New("refused")
	client.FailNext(refused)
	assert.ErrorIs(t, client.Read(t.Context(), list("users"), discard), refused)
	require.NoError(t, client.Read(t.Context(), list("users"), discard), "once")
}

// A 429 without headers delays all lists, not only the one that received it.
func Test429WithoutHeadersDelaysAllLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		limited, others := 0, []time.Duration{}
		client := scriptedClient(t, func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "limited") {
				if limited++; limited == 1 {
					return reply(429, `{}`), nil
				}
			} else {
				others = append(others, time.Since(began))
			}
			return reply(200, `[]`), nil
		}, nil)
		done := make(chan error, 1)
		go func() { done <- client.Read(t.Context(), list("limited"), discard) }()
		synctest.Wait()
		require.NoError(t, client.Read(t.Context(), list("other"), discard))
		require.NoError(t, <-done)
		assert.GreaterOrEqual(t, others[0], 200*time.Millisecond, "the other list waits as well")
	})
}
