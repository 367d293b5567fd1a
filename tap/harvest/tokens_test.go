package harvest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// signing returns a client whose sign-ins are answered by a script; lists are empty.
func signing(t *testing.T, cred Credential, tokens scripted) *Client {
	t.Helper()
	c := scriptedClient(t, nil, func(o *Options) { o.Credential = cred })
	c.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			return tokens(r)
		}
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return reply(200, `[]`), nil
	})
	return c
}

// partner is a credential with a refresh token, which saves the next one with a function.
func partner(rotated func(string) error) Credential {
	return Credential{
		ClientID: "my-id", ClientSecret: "my-secret", RefreshToken: "first", Rotated: rotated,
	}
}

// A token is renewed a minute before its end; one that lives shortly, when a tenth of its life is
// left; one that does not say how long it lives, within an hour.
func TestTokensAreRenewedBeforeTheirEnd(t *testing.T) {
	for life, used := range map[int]int{3600: 3540, 600: 540, 100: 90, 0: 3480} {
		synctest.Test(t, func(t *testing.T) {
			signedIn := 0
			c := signing(t, Credential{ClientID: "i"}, func(*http.Request) (*http.Response, error) {
				signedIn++
				return reply(200, fmt.Sprintf(`{"access_token":"a-token","expires_in":%d}`, life)), nil
			})
			for _, wait := range []int{0, used - 1, 2} {
				time.Sleep(time.Duration(wait) * time.Second)
				require.NoError(t, c.Read(t.Context(), list("users"), discard))
				if wait == used-1 {
					assert.Equal(t, 1, signedIn, "it is good for %d s", used)
				}
			}
			assert.Equal(t, 2, signedIn, "and then a new one is requested")
		})
	}
}

// Lists that start together share one sign-in, and the first of them tries its token alone. Those
// that wait for a token leave when the run is over.
func TestListsShareOneSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tokens, lists, first, answered atomic.Int64 // first: lists that no answer preceded
		c := scriptedClient(t, nil, nil)
		c.budget.window.unlimited = true // so that nobody waits for the budget
		c.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				tokens.Add(1)
				time.Sleep(time.Second)
				return granted(), nil
			}
			if lists.Add(1); answered.Load() == 0 {
				first.Add(1)
			}
			time.Sleep(time.Second)
			answered.Add(1)
			return reply(200, `[]`), nil
		})
		for _, patience := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() {
				time.Sleep(time.Millisecond) // the first one is another
				assert.ErrorIs(t, c.Read(ctx, list("users"), discard), context.DeadlineExceeded)
			}()
		}
		var group sync.WaitGroup
		for n := range 8 {
			group.Go(func() {
				assert.NoError(t, c.Read(t.Context(), list(fmt.Sprint("list", n)), discard))
			})
		}
		group.Wait()
		assert.Equal(t, []int64{1, 1, 8}, []int64{tokens.Load(), first.Load(), lists.Load()})
	})
}

// A refresh token works once, so its renewal goes on for a moment after the run was stopped, and
// whoever closes the client waits until the next one is saved.
func TestStoppedRunsKeepTheNextRefreshToken(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		saved []string
	}{{renewGrace / 2, []string{"second"}}, {renewGrace * 2, nil}} {
		synctest.Test(t, func(t *testing.T) {
			var saved []string
			client := signing(t, partner(func(next string) error {
				time.Sleep(time.Minute) // a slow disk
				saved = append(saved, next)
				return nil
			}), func(r *http.Request) (*http.Response, error) {
				select {
				case <-time.After(time.Second + c.takes):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
				return reply(200, `{"access_token":"a-token","refresh_token":"second"}`), nil
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("stopped")
			time.AfterFunc(time.Second, func() { cancel(stopped) })
			done := make(chan error, 1)
			go func() { done <- client.Read(ctx, list("users"), discard) }()
			time.Sleep(time.Second)
			synctest.Wait()
			client.Close()
			assert.Equal(t, c.saved, saved)
			assert.ErrorIs(t, <-done, stopped)
		})
	}
}

// The next sign-in uses the refresh token of the last one, if there was another.
func TestRefreshTokensFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, saved []string
		next := []string{"second", "", "third"}
		c := signing(t, partner(func(next string) error {
			saved = append(saved, next)
			return nil
		}), func(r *http.Request) (*http.Response, error) {
			require.NoError(t, r.ParseForm())
			sent = append(sent, r.PostForm.Get("refresh_token"))
			given := next[0]
			next = next[1:]
			return reply(200, `{"access_token":"a-token","expires_in":60,"refresh_token":"`+given+`"}`), nil
		})
		for range 3 {
			require.NoError(t, c.Read(t.Context(), list("users"), discard))
			time.Sleep(time.Minute)
		}
		assert.Equal(t, []string{"first", "second", "second"}, sent)
		assert.Equal(t, []string{"second", "third"}, saved)
		assert.Equal(t, "***, ***", c.secrets.clean("a-token, third"))
	})
}

// What keeps a refresh token from being saved is an error of the input before it is used, and of
// the credential after that; an error that says itself what to do is passed on.
func TestRefreshTokensThatCannotBeSaved(t *testing.T) {
	full := errors.New("the disk is full")
	typed := tap.Errorf(tap.BadInput, "saving", "it is locked")
	for name, c := range map[string]struct {
		ready, rotated error
		signedIn       int
		kind           tap.Kind
		words          string
	}{
		"before":        {full, nil, 0, tap.BadInput, "saving refresh_token: the disk is full"},
		"before, typed": {typed, nil, 0, tap.BadInput, "saving: it is locked"},
		"after":         {nil, full, 1, tap.Credentials, "saving the new refresh_token: the disk is full"},
		"after, typed":  {nil, typed, 1, tap.BadInput, "saving: it is locked"},
	} {
		signedIn := 0
		cred := partner(func(string) error { return c.rotated })
		cred.Ready = func() error { return c.ready }
		client := signing(t, cred, func(*http.Request) (*http.Response, error) {
			signedIn++
			return reply(200, `{"access_token":"a-token","refresh_token":"second"}`), nil
		})
		err := client.Read(t.Context(), list("users"), discard)
		assert.Equal(t, c.kind, tap.KindOf(err), name)
		assert.ErrorContains(t, err, c.words, name)
		assert.Equal(t, c.signedIn, signedIn, name)
	}
}

// A sign-in without an answer that can be used fails as such, and ends no later than a list would.
func TestSignInsWithoutATokenAreTriedAgain(t *testing.T) {
	for _, body := range []string{``, `[]`, `{}`, `{"access_token":""}`, `{"access_token":7}`} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c := signing(t, Credential{ClientID: "i"}, func(*http.Request) (*http.Response, error) {
				tries++
				return reply(200, body), nil
			})
			err := c.Read(t.Context(), list("users"), discard)
			assert.Equal(t, tap.SignIn, tap.KindOf(err), body)
			assert.ErrorContains(t, err, "the answer contains no token", body)
			assert.Greater(t, tries, 4, body)
			assert.EqualValues(t, tries, c.Usage().Tokens, body)
		})
	}
}

// Nothing depends on an introspection: one without an answer is given up soon. Only the end of the
// run is an error.
func TestIntrospectionsAreNotWaitedFor(t *testing.T) {
	for stops, want := range map[time.Duration]error{
		time.Hour: nil, time.Second: context.DeadlineExceeded,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := scriptedClient(t, nil, nil)
			c.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					return granted(), nil
				}
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			ctx, cancel := context.WithTimeout(t.Context(), stops)
			defer cancel()
			in, err := c.Introspect(ctx)
			assert.Nil(t, in)
			assert.Equal(t, want, err)
			assert.Equal(t, want != nil, ctx.Err() != nil, "it does not wait for the run to end")
		})
	}
}

// The endpoint of introspection is next to that of tokens, wherever that is.
func TestWhereToIntrospect(t *testing.T) {
	for token, want := range map[string]string{
		"/token": "/introspect", "/oauth/token": "/oauth/introspect",
		"/oauth/token/": "/oauth/introspect",
	} {
		asked := ""
		c := scriptedClient(t, nil, func(o *Options) { o.AuthURL.Path = token })
		c.http.Transport = scripted(func(r *http.Request) (*http.Response, error) {
			if asked != "" || r.URL.Path == want {
				asked = r.URL.Path
				return reply(200, `{"sub":"7"}`), nil
			}
			return granted(), nil
		})
		in, err := c.Introspect(t.Context())
		require.NoError(t, err, token)
		assert.Equal(t, "7", in.Identity().User, token)
		assert.Equal(t, want, asked, token)
	}
}
