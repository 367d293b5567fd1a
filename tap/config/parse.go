package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// parse reads strings that have a format.
func (c *Config) parse() error {
	bad := c.origin.bad
	err := c.parseStart()
	if err != nil {
		return bad("start_date", err)
	}
	for _, d := range []struct {
		key  string
		text string
		to   *time.Duration
		zero bool
	}{
		{"lookback", c.texts.Lookback, &c.Lookback, true},
		{"request_timeout", c.texts.RequestTimeout, &c.RequestTimeout, false},
		{"max_retry_time", c.texts.MaxRetryTime, &c.MaxRetryTime, true},
	} {
		*d.to, err = parseDuration(d.text)
		if err == nil && *d.to == 0 && !d.zero {
			err = noDuration(d.text)
		}
		if err != nil {
			return bad(d.key, err)
		}
	}
	if c.texts.MaxRunTime != "" {
		if c.MaxRunTime, err = parseDuration(c.texts.MaxRunTime); err != nil {
			return bad("max_run_time", err)
		}
	}
	if c.texts.MaxStaleness != "" {
		if c.MaxStaleness, err = parseDuration(c.texts.MaxStaleness); err != nil {
			return bad("max_staleness", err)
		}
	}
	if err := c.parseRefresh(); err != nil {
		return bad("refresh_every", err)
	}
	if key, err := c.parseStores(); err != nil {
		return bad(key, err)
	}
	if err := c.parsePrivacy(); err != nil {
		return badConfig(c.origin.file, "%w", err)
	}
	c.MaxRetryTime = max(c.MaxRetryTime, time.Nanosecond)
	if strings.ContainsFunc(c.UserAgent, unicode.IsControl) {
		return bad("user_agent", errors.New("it must have no line breaks or control characters"))
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(c.texts.Budget, "%"))
	if err != nil {
		return bad("budget", err)
	}
	c.Budget = float64(percent) / 100
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if err := checkProxy(c.getenv, name); err != nil {
			return badConfig("environment variable "+name, "%w", err)
		}
	}
	if c.APIURL, err = parseURL(c.texts.APIURL); err != nil {
		return bad("api_url", err)
	}
	if c.AuthURL, err = parseURL(c.texts.AuthURL); err != nil {
		return bad("auth_url", err)
	}
	if c.Streams, err = schemas.Match(c.texts.Streams); err != nil {
		return bad("streams", err)
	}
	return nil
}

// ahead is how far the date of a place may be ahead of UTC.
const ahead = 14 * time.Hour

// parseStart reads the start date. One in the future would read nothing, without a word.
func (c *Config) parseStart() error {
	if c.texts.StartDate == "" {
		return nil
	}
	var err error
	if c.StartDate, err = tap.ParseTime(c.texts.StartDate); err != nil {
		return err
	}
	latest := c.now()
	if len(c.texts.StartDate) == len(time.DateOnly) {
		latest = latest.Add(ahead)
	}
	if c.StartDate.After(latest) {
		return fmt.Errorf("%s is in the future: nothing would be read", c.texts.StartDate)
	}
	return nil
}

// parseDuration reads a duration such as 90s, 5m, 1h30m or 7d.
func parseDuration(text string) (time.Duration, error) {
	rest := text
	var d time.Duration
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, noDuration(text)
		}
		d, rest = time.Duration(n)*24*time.Hour, after
	}
	if rest != "" || d == 0 && rest == text {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 {
			return 0, noDuration(text)
		}
		d += more
	}
	return d, nil
}

func noDuration(text string) error {
	return fmt.Errorf("%q is not a duration: write it as 90s, 5m, 1h30m or 7d", text)
}

// refreshRule says how recent the last complete read of some streams must be for them to be left
// alone.
type refreshRule struct {
	pattern string
	every   time.Duration
}

func (c *Config) parseRefresh() error {
	for _, pattern := range slices.Sorted(maps.Keys(c.texts.RefreshEvery)) {
		if _, err := schemas.Match([]string{pattern}); err != nil {
			return err
		}
		every, err := parseDuration(c.texts.RefreshEvery[pattern])
		if err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		c.refreshEvery = append(c.refreshEvery, refreshRule{pattern, every})
	}
	slices.SortStableFunc(c.refreshEvery, func(a, b refreshRule) int {
		return cmp.Compare(b.specificity(), a.specificity())
	})
	return nil
}

// specificity orders rules: names before globs, and longer globs before shorter ones.
func (r refreshRule) specificity() int {
	if !strings.ContainsAny(r.pattern, "*?[") {
		return math.MaxInt
	}
	return len(r.pattern)
}

// RefreshEvery returns how recent the last complete read of a stream must be for it to be left
// alone; 0 for never.
func (c *Config) RefreshEvery(stream string) time.Duration {
	for _, r := range c.refreshEvery {
		if ok, err := path.Match(r.pattern, stream); err == nil && ok {
			return r.every
		}
	}
	return 0
}

// checkProxy refuses an invalid proxy address: net/http would ignore it and connect directly.
func checkProxy(getenv func(string) (string, bool), name string) error {
	text, ok := getenv(name)
	if !ok || text == "" {
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" ||
		!slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return errors.New("it is no address of a proxy: write it as http://host:port")
	}
	return nil
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

// Local reports whether the API is on this machine.
func (c *Config) Local() bool { return loopback.Is(c.APIURL.Hostname()) }
