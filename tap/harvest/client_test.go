package harvest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

func TestNextPageIsTakenFromTheLink(t *testing.T) {
	asked, err := url.Parse("https://harvest.greenhouse.io/v3/users?per_page=500")
	require.NoError(t, err)
	for link, want := range map[string]struct {
		cursor string
		kind   tap.Kind
	}{
		``: {}, `<https://harvest.greenhouse.io/v3/users?cursor=abc>; rel="next"`: {cursor: "abc"},
		`</v3/users?cursor=a%2Bb>;rel=next`:                                                               {cursor: "a+b"},
		`<https://harvest.greenhouse.io/v3/users?cursor=x>; rel="prev"`:                                   {},
		`<https://h.io/?a=1,2>; rel="first", <https://harvest.greenhouse.io:443/?cursor=d,e>; rel="next"`: {cursor: "d,e"},
		`<https://elsewhere.io/v3/users?cursor=x>; rel="next"`:                                            {kind: tap.Origin},
		`<http://harvest.greenhouse.io/v3/users?cursor=x>; rel="next"`:                                    {kind: tap.Origin},
		`<https://harvest.greenhouse.io:8443/v3/users?cursor=x>; rel="next"`:                              {kind: tap.Origin},
		`<https://harvest.greenhouse.io@elsewhere.io/v3/users?cursor=x>; rel="next"`:                      {kind: tap.Origin},
	} {
		c := &Client{}
		cursor, err := c.next(asked, &http.Response{Header: http.Header{"Link": {link}}})
		assert.Equal(t, want.cursor, cursor, link)
		assert.Equal(t, want.kind, tap.KindOf(err), link)
	}
}

func TestAskedAtIsALowerBound(t *testing.T) {
	sent := time.Now()
	answer := &http.Response{Header: http.Header{"Date": {"Mon, 23 Nov 2026 08:15:30 GMT"}}}
	assert.Equal(t, "2026-11-23T08:15:28.500Z",
		tap.FormatTime(askedAt(answer, sent, 1500*time.Millisecond)))
	assert.False(t, askedAt(&http.Response{}, sent, 0).After(sent),
		"without the header this machine's clock has to do")
}
