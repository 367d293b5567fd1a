package harvest

import (
	"io"
	"sync"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// buffers keeps byte slices for later pages. Unlike a [sync.Pool] it is not emptied by the garbage
// collector: pages keep coming during a run, and emptied buffers would have to be allocated again.
// The zero value is ready for use by several goroutines.
type buffers struct {
	mu   sync.Mutex
	free [][]byte
}

// Bounds on what is kept: the number of buffers, and the size of each.
const (
	keptBuffers = 32
	keptBytes   = 4 << 20
)

// get returns an empty slice; the one put back last, if there is one.
func (p *buffers) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	b := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return b
}

// put takes back a slice that is no longer used.
func (p *buffers) put(b []byte) {
	if cap(b) == 0 || cap(b) > keptBytes {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < keptBuffers {
		p.free = append(p.free, b[:0])
	}
}

// blockBytes is the unit in which buffers grow.
const blockBytes = 64 << 10

// grow returns b with room for n more bytes. It grows in blocks instead of doubling, because many
// buffers are alive at the same time.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	size := (len(b) + n + blockBytes - 1) / blockBytes * blockBytes
	grown := make([]byte, len(b), size)
	copy(grown, b)
	return grown
}

// readAll appends the content of r to b, up to limit bytes and one more, which shows the caller
// that there is more. hint is the expected number of bytes; 0 if unknown.
func readAll(b []byte, r io.Reader, hint int, limit int64) ([]byte, error) {
	b = grow(b, max(0, hint)+record.Padding)
	for int64(len(b)) <= limit {
		if len(b) == cap(b) {
			b = grow(b, max(blockBytes, len(b)/4))
		}
		n, err := r.Read(b[len(b):min(cap(b), int(limit)+1)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
