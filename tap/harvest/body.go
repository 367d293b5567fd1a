package harvest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// errTooLarge ends a body that goes on beyond all reason.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBodyBytes>>20)

// buffers keeps bodies for use by later requests. One that a single huge page made large is let go.
type buffers struct{ pool sync.Pool }

var bodyPool buffers

func (p *buffers) get() *bytes.Buffer {
	if b, ok := p.pool.Get().(*bytes.Buffer); ok {
		b.Reset()
		return b
	}
	return &bytes.Buffer{}
}

func (p *buffers) put(b *bytes.Buffer) {
	if b.Cap() <= 8<<20 {
		p.pool.Put(b)
	}
}

var gzipPool sync.Pool

// readBody reads the whole body of an answer into b, unpacked, and returns how many bytes came over the network. It calls alive whenever
// some came. An error means that the body is not whole.
func readBody(b *bytes.Buffer, answer *http.Response, limit int64, alive func()) (int64, error) {
	wire := &countingReader{r: answer.Body, alive: alive}
	var r io.Reader = wire
	switch encoding := strings.ToLower(answer.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		if n := answer.ContentLength; n > 0 && n <= limit {
			b.Grow(int(n) + bytes.MinRead)
		}
	case "gzip", "x-gzip":
		z, ok := gzipPool.Get().(*gzip.Reader)
		if !ok {
			z = &gzip.Reader{}
		}
		defer gzipPool.Put(z)
		if err := z.Reset(wire); err != nil {
			return wire.n, unexpected(err)
		}
		r = z
	default:
		return 0, fmt.Errorf("unknown Content-Encoding %q", encoding)
	}
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return wire.n, unexpected(err)
	}
	if n > limit {
		return wire.n, errTooLarge
	}
	return wire.n, nil
}

// unexpected makes an end that comes too early an error that says so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type countingReader struct {
	r     io.Reader
	n     int64
	alive func()
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if n > 0 {
		c.n += int64(n)
		c.alive()
	}
	return n, err
}
