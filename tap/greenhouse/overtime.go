package greenhouse

import (
	"io"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// A run that reaches max_run_time has writeGrace for its last pages. After that, a loader that
// takes no byte for as long does not read any more.
const writeGrace = 10 * time.Second

// errStuck ends a run whose loader does not read.
var errStuck = tap.Errorf(tap.LoaderGone, "writing to stdout",
	"max_run_time was reached, and the loader has not read for %s", writeGrace).
	WithHint("the last state that it has read still holds; look at its log")

// overtimeWriter writes, but not for ever once a run should be over.
type overtimeWriter struct {
	w    io.Writer
	end  time.Time
	buf  []byte
	done chan writeResult
}

type writeResult struct {
	n   int
	err error
}

func newOvertimeWriter(w io.Writer, runTime time.Duration) *overtimeWriter {
	return &overtimeWriter{
		w: w, end: time.Now().Add(runTime + writeGrace), done: make(chan writeResult, 1),
	}
}

// Write implements [io.Writer]. After it gave up, the write goes on in the background until the
// process ends, and nothing more may be written.
func (o *overtimeWriter) Write(p []byte) (int, error) {
	o.buf = append(o.buf[:0], p...) // the caller's buffer is used again
	go func() {
		n, err := o.w.Write(o.buf)
		o.done <- writeResult{n, err}
	}()
	timer := time.NewTimer(max(time.Until(o.end), writeGrace))
	defer timer.Stop()
	select {
	case r := <-o.done:
		return r.n, r.err
	case <-timer.C:
		return 0, errStuck
	}
}
