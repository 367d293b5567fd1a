package pipe

import (
	"bufio"
	"errors"
	"io"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// maxLine is the longest line of a loader that may be a state. A state of all streams with pieces
// under way has a few hundred kilobytes. Tests make it shorter.
var maxLine = 64 << 20

// echoes reads the loader's output, and keeps each state in it.
func (l *Loader) echoes() {
	lines := bufio.NewReaderSize(l.out, 64<<10)
	for {
		line, err := readLine(lines)
		if state := l.opts.State(line); state != nil {
			l.keep(state)
		} else if len(line) > 1 {
			l.mu.Lock()
			l.others++ // what it says may be a row: it does not belong in a log
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// readLine returns the next line, with its end; nothing of it if it is too long. The last line may
// have no end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err != nil && !errors.Is(err, io.EOF) {
				line = nil // it was cut off
			}
			return line, err
		}
	}
}

// keep stores a state. If that fails, the loader gets no more messages: what it stores after this
// would be read again.
func (l *Loader) keep(state []byte) {
	err := l.opts.Keep(state)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = nil
	if err != nil {
		l.kept = tap.Errorf(tap.Storage, "keeping the state", "%w", err).
			WithHint("what the loader has stored since the last state is read again by the next run")
		if l.gone == nil {
			l.gone = l.kept
			close(l.unread)
		}
		return
	}
	l.states++
	if l.finishing {
		l.stall.Reset(l.opts.Stall) // it is busy storing what it took
	}
}
