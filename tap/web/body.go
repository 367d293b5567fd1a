package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Body is the body of an answer, unpacked. Read returns [io.ErrUnexpectedEOF] where it ends early.
type Body struct {
	// Wired counts the bytes received.
	Wired int64
	// Hint is the size that the answer announces; 0 if that is unknown.
	Hint int64
	// Proven reports whether an early end would be noticed: the answer has a length, a mark at its
	// end, or a checksum of its own. Otherwise it ends where the connection does.
	Proven bool

	wire   io.Reader
	unpack *gzip.Reader // nil if it is not packed
	failed error        // why it cannot be unpacked
}

var unpackers sync.Pool

// NewBody returns the body of an answer. Close it after use; the answer's own is left open.
func NewBody(answer *http.Response) *Body {
	b := &Body{wire: answer.Body}
	b.Proven = answer.ContentLength >= 0 || answer.ProtoMajor >= 2 || len(answer.TransferEncoding) > 0
	switch encoding := strings.ToLower(answer.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		b.Hint = max(0, answer.ContentLength)
	case "gzip", "x-gzip":
		z, ok := unpackers.Get().(*gzip.Reader)
		if !ok {
			z = &gzip.Reader{}
		}
		b.unpack, b.Proven = z, true
		if err := z.Reset(wire{b}); err != nil {
			b.failed = unexpected(err)
		}
	default:
		b.failed = &EncodingError{encoding}
	}
	return b
}

// EncodingError is an answer packed in a way that nobody asked for.
type EncodingError struct{ Encoding string }

func (e *EncodingError) Error() string {
	return fmt.Sprintf("unknown Content-Encoding %q", e.Encoding)
}

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) {
	switch {
	case b.failed != nil:
		return 0, b.failed
	case b.unpack == nil:
		return wire{b}.Read(p)
	}
	return b.unpack.Read(p)
}

// Close keeps what is needed to unpack for later answers.
func (b *Body) Close() {
	if b.unpack != nil {
		unpackers.Put(b.unpack)
		b.unpack = nil
	}
}

// wire counts what is received for a body.
type wire struct{ b *Body }

func (w wire) Read(p []byte) (int, error) {
	n, err := w.b.wire.Read(p)
	w.b.Wired += int64(n)
	return n, err
}

// unexpected turns the end of a body that has hardly begun into an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
