package harvest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Of a refusal's body, only what its known members say is shown, without values; with a policy,
// only words of the API and names of what was asked for.
func TestTextOfRefusals(t *testing.T) {
	asked, err := url.Parse("https://harvest.invalid/v3/candidates?per_page=500&fields=id,first_name&updated_at=x")
	require.NoError(t, err)
	for body, want := range map[string][2]string{
		``:                                  {"", ""},
		`<html>down for maintenance</html>`: {"", ""},
		`plain Canary`:                      {"", ""},
		`"Canary"`:                          {"", ""},
		`[{"first_name":"Canary"}]`:         {"", ""},
		`{"first_name":"Canary"}`:           {"", ""},
		`{"message":"Resource not found"}`:  {"Resource not found", "Resource not found"},
		`{"message":"Unauthorized","errors":["Invalid query params: first_name"],"row":{"name":"Canary"}}`: {
			"Unauthorized; Invalid query params: first_name", "Unauthorized; Invalid query params: first_name",
		},
		`{"message":"Unprocessable Content","errors":[{"per_page":"Canary is too large"}]}`: {
			"Unprocessable Content; per_page", "Unprocessable Content; per_page",
		},
		`{"message":"client_id=Canary does not contain a valid client ID suffix"}`: {
			"client_id=… does not contain a valid client ID suffix", "… does not contain a valid client ID suffix",
		},
		`{"error":"invalid_grant","error_description":"the token 'Canary' is used up"}`: {
			"invalid_grant; the token … is used up", "invalid_grant; the token … is …",
		},
		`{"message":"Ann Smith (ann@canary.example, +1555, \"Canary\") cannot be found"}`: {
			"Ann Smith … … …) cannot be found", "… cannot be found",
		},
		`{"message":{"Ann Smith":"Canary"},"errors":"row {\"name\":\"Canary\"}"}`: {
			"Ann Smith; row …", "…; …",
		},
		"{\"message\":\"bad\\u001b]x;pwned\\u0007\\u009bJ\\n\\nrequest\"}": {
			`bad\x1b]x;pwned\a\u009bJ request`, "… request",
		},
	} {
		for i, discreet := range []bool{false, true} {
			c := scriptedClient(t, nil, func(o *Options) { o.Discreet = discreet })
			answer := reply(502, body)
			refusal := c.refusal(asked, answer, []byte(body))
			require.NoError(t, answer.Body.Close())
			text := strings.TrimPrefix(strings.TrimPrefix(refusal.Error(), "502 Bad Gateway"), ": ")
			assert.Equal(t, want[i], text, "%s", body)
			assert.NotContains(t, refusal.Error(), "Canary")
			assert.True(t, again(refusal))
		}
	}
	c := scriptedClient(t, nil, nil)
	long := c.refusal(asked, &http.Response{StatusCode: http.StatusUnprocessableEntity}, []byte(`{"message":"`+strings.Repeat("wörd ", 200)+`"}`))
	assert.Len(t, []rune(long.shown), maxShown+1)
	secret := c.refusal(asked, &http.Response{StatusCode: http.StatusUnprocessableEntity}, []byte(`{"message":"no my-client\u002dsecret here"}`))
	assert.NotContains(t, secret.Error(), "my-client-secret")
}

// Neither does what an account is called act on a terminal.
func TestNameOfAnOrganizationIsPrintable(t *testing.T) {
	assert.Equal(t, `Acme\x1b]0;pwned\a`, word([]byte(`"Acme\u001b]0;pwned\u0007"`)))
}

// What a list's refusal says reaches the error, and a sign-in's is understood although it is cut.
func TestRefusalsReachTheError(t *testing.T) {
	client := scriptedClient(t, func(*http.Request) (*http.Response, error) {
		return reply(422, `{"message":"Unprocessable Content","errors":["Invalid query params: tags"],"data":"Canary"}`), nil
	}, func(o *Options) { o.Discreet = true })
	err := client.Read(t.Context(), tap.Request{
		Stream: list("candidates").Stream, Fields: []string{"id", "tags"},
	}, discard)
	assert.ErrorContains(t, err, "422 Unprocessable Entity: Unprocessable Content; Invalid query params: tags")
	assert.NotContains(t, err.Error(), "Canary")
	client = scriptedClient(t, nil, func(o *Options) { o.Discreet = true })
	client.http.Transport = scripted(func(*http.Request) (*http.Response, error) {
		return reply(400, `{"message":"client_id=Canary does not contain a valid client ID suffix"}`), nil
	})
	err = client.Read(t.Context(), list("users"), discard)
	assert.ErrorContains(t, err, "look swapped")
	assert.NotContains(t, err.Error(), "Canary")
}
