package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// forms say how the types of Config's fields are written where JSON has no form for them. Stores
// are opened with the request_timeout that c has by then.
func (c *Config) forms() json.Options {
	return json.WithUnmarshalers(json.JoinUnmarshalers(
		form(parseDuration),
		form(parsePercent),
		form(parseURL),
		form(parseRefresh),
		form(parseTreatments),
		form(parseExclude),
		form(func(text string) (time.Time, error) { return parseStart(text, c.now()) }),
		form(func(address string) (store.Store, error) {
			return store.Open(address, c.getenv, c.RequestTimeout)
		}),
	))
}

// form reads fields of type T, which are written as a W.
func form[W, T any](parse func(W) (T, error)) *json.Unmarshalers {
	return json.UnmarshalFunc(func(data []byte, field *T) error {
		var written W
		err := json.Unmarshal(data, &written)
		if err != nil {
			return err
		}
		if *field, err = parse(written); err != nil {
			return &malformed{err}
		}
		return nil
	})
}

// malformed is the error of a value that is not written in its form.
type malformed struct{ error }

func (e *malformed) Unwrap() error { return e.error }

// ahead is how far the date of a place may be ahead of UTC.
const ahead = 14 * time.Hour

// parseStart reads the start date. One in the future would read nothing, without a word.
func parseStart(text string, now time.Time) (time.Time, error) {
	start, err := tap.ParseTime(text)
	if err != nil {
		return start, err
	}
	if len(text) == len(time.DateOnly) {
		now = now.Add(ahead)
	}
	if start.After(now) {
		return start, fmt.Errorf("%s is in the future: nothing would be read", text)
	}
	return start, nil
}

// parseDuration reads a duration such as 90s, 5m, 1h30m or 7d.
func parseDuration(text string) (time.Duration, error) {
	var d time.Duration
	rest := text
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, noDuration(text)
		}
		d, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return d, nil
		}
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 {
		return 0, noDuration(text)
	}
	return d + more, nil
}

func noDuration(text string) error {
	return fmt.Errorf("%q is not a duration: write it as 90s, 5m, 1h30m or 7d", text)
}

// parsePercent reads a percentage as a number from 0 to 1.
func parsePercent(text string) (float64, error) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || math.IsNaN(percent) || percent < 0 || percent > 100 {
		return 0, fmt.Errorf("%q is not a percentage: write it as 20%%", text)
	}
	return percent / 100, nil
}

// parseURL reads an address and checks that a token sent there is encrypted. Errors do not repeat
// the address, because it may contain a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("it is no address: write it as https://host/path")
	case u.User != nil:
		return nil, errors.New("it must not contain a user or a password")
	case u.Scheme == "https", u.Scheme == "http" && loopback.Is(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("it must begin with https://; http:// is for loopback addresses only")
}
