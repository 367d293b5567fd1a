package harvest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// originError means that an answer leads to another origin. The token was not sent there.
type originError struct{ from, to *url.URL }

func (e *originError) Error() string {
	return fmt.Sprintf("the answer leads from %s to %s", origin(e.from), origin(e.to))
}

func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

// hostPort returns the host and port that a URL leads to.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func stayHome(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; origin(req.URL) != origin(first) {
		return &originError{from: first, to: req.URL}
	}
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	return nil
}
