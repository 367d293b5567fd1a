package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/internal/errno"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// TemporaryError is a failure that a retry may fix.
type TemporaryError struct {
	Kind      tap.Kind // Network or Server
	Reason    string
	After     time.Duration // how long the answer asks to wait; 0 for nothing
	Limited   bool          // the request was one too many: a 429
	OpenEnded bool          // and the answer does not say until when
	Nowhere   bool          // the host is unknown, or refuses connections
}

func (t *TemporaryError) Error() string { return t.Reason }

// Failed returns why a request got no answer: the cause of its context, or a [TemporaryError]. A
// connection that is not private is an error of kind Network, since a retry does not help.
func Failed(ctx context.Context, to *url.URL, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text has the whole address, perhaps with a signature
	}
	if untrusted(err) {
		return &tap.Error{
			Kind: tap.Network, Op: "connecting to " + HostPort(to), Err: err,
			Hint: "the connection is not private; certificates are always checked",
		}
	}
	var unknownHost *net.DNSError
	nowhere := errors.As(err, &unknownHost) && unknownHost.IsNotFound ||
		errno.Refused(err)
	return &TemporaryError{
		Kind: tap.Network, Nowhere: nowhere,
		Reason: HostPort(to) + " does not answer: " + oneLine(err.Error()),
	}
}

// untrusted reports whether an error says that the other side is not the host, or not known to be.
func untrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	return errors.As(err, &unknown) || errors.As(err, &wrongHost) || errors.As(err, &invalid) ||
		errors.As(err, &notTLS)
}

// BreaksOff returns why an answer ended early: the cause of its context, or a [TemporaryError].
func BreaksOff(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return &TemporaryError{Kind: tap.Network, Reason: "the answer breaks off: " + oneLine(err.Error())}
}

// Again reports whether a request may be answered if it is repeated: after errors of the server, a
// 429, and what is no answer yet.
func Again(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 || status < 400
}

// HostPort returns the host and port that an address leads to.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// oneLine puts a text on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
