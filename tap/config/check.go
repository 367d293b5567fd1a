package config

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
)

// check checks what the form of a setting does not say, and makes what several settings say
// together.
func (c *Config) check(members map[string]jsontext.Value) (err error) {
	bad := c.origin.bad
	if c.RequestTimeout == 0 {
		text, _ := jsontext.AppendUnquote(nil, members["request_timeout"]) // it is a string
		return bad("request_timeout", noDuration(string(text)))
	}
	if c.Attachments != nil {
		c.Attachments.MaxBytes = cmp.Or(c.Attachments.MaxBytes, maxFileBytes)
	}
	if c.Streams, err = schemas.Match(c.Streams); err != nil {
		return bad("streams", err)
	}
	c.MaxRetryTime = max(c.MaxRetryTime, time.Nanosecond)
	if strings.ContainsFunc(c.UserAgent, unicode.IsControl) {
		return bad("user_agent", errors.New("it must have no line breaks or control characters"))
	}
	if err := c.makePolicy(); err != nil {
		return bad("privacy", err)
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if err := checkProxy(c.getenv, name); err != nil {
			return badConfig("environment variable "+name, "%w", err)
		}
	}
	return nil
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

// Local reports whether the API is on this machine.
func (c *Config) Local() bool { return loopback.Is(c.APIURL.Hostname()) }
