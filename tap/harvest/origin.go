package harvest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// originError means that an answer leads to another origin. The token was not sent there.
type originError struct{ from, to *url.URL }

func (e *originError) Error() string {
	return fmt.Sprintf("the answer leads from %s to %s", origin(e.from), origin(e.to))
}

func origin(u *url.URL) string { return u.Scheme + "://" + web.HostPort(u) }

func stayHome(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; origin(req.URL) != origin(first) {
		return &originError{from: first, to: req.URL}
	}
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	return nil
}
