package harvest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// grant is the answer of the token endpoint. Only the token is required. Its lifetime has three
// names: expires_in (OpenAPI document of the OAuth endpoint), expires_at (read by several clients),
// expires (the exchange of an API key).
type grant struct {
	AccessToken  string         `json:"access_token"`
	ExpiresIn    jsontext.Value `json:"expires_in"`
	ExpiresAt    jsontext.Value `json:"expires_at"`
	Expires      jsontext.Value `json:"expires"`
	RefreshToken string         `json:"refresh_token"`
}

// life returns how long the token is valid, by the server's clock if that is known.
func (g *grant) life(served, asked time.Time) time.Duration {
	if served.IsZero() {
		served = asked
	}
	for _, v := range []jsontext.Value{g.ExpiresIn, g.ExpiresAt, g.Expires} {
		if life, ok := parseLife(v, served); ok {
			return life
		}
	}
	return unknownLife
}

// parseLife reads a lifetime: seconds, or the time of its end in seconds since 1970, as a number or
// as digits; or that time in RFC 3339. A time in the past comes from a wrong clock, and is ignored.
func parseLife(v jsontext.Value, served time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(strings.Trim(string(v), `"`))
	var life time.Duration
	if n, err := strconv.ParseFloat(text, 64); err == nil && n < 1e12 {
		if n > 1e9 { // no token lives for thirty years
			n -= float64(served.Unix())
		}
		life = time.Duration(min(n, 1e9) * float64(time.Second))
	} else if at, err := tap.ParseTime(text); err == nil {
		life = at.Sub(served)
	} else if at, err := http.ParseTime(text); err == nil {
		life = at.Sub(served)
	}
	return life, life > 0
}
