package harvest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// errTooLarge ends a body that is too large to be a page.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBodyBytes>>20)

// bodies keeps the buffers of bodies for later requests.
var bodies buffers

var gzipPool sync.Pool

// readBody appends the whole body of an answer to b, unpacked, and returns it with the number of
// bytes received. It calls alive with the number of bytes whenever some arrive. An error means that
// the body is not whole.
func readBody(
	b []byte, answer *http.Response, limit int64, alive func(n int),
) (body []byte, wired int64, err error) {
	wire := &countingReader{r: answer.Body, alive: alive}
	var r io.Reader = wire
	hint := 0
	switch encoding := strings.ToLower(answer.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		if n := answer.ContentLength; n > 0 && n <= limit {
			hint = int(n)
		}
	case "gzip", "x-gzip":
		z, ok := gzipPool.Get().(*gzip.Reader)
		if !ok {
			z = &gzip.Reader{}
		}
		defer gzipPool.Put(z)
		if err := z.Reset(wire); err != nil {
			return b, wire.n, unexpected(err)
		}
		r = z
	default:
		return b, 0, fmt.Errorf("unknown Content-Encoding %q", encoding)
	}
	b, err = readAll(b, r, hint, limit)
	if err != nil {
		return b, wire.n, unexpected(err)
	}
	if int64(len(b)) > limit {
		return b, wire.n, errTooLarge
	}
	return b, wire.n, nil
}

// unexpected turns an early end into an error that says so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type countingReader struct {
	r     io.Reader
	n     int64
	alive func(n int)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if n > 0 {
		c.n += int64(n)
		c.alive(n)
	}
	return n, err
}
