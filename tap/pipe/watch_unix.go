//go:build unix

package cli

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// watchReader calls gone as soon as nobody reads the pipe out: during a wait for the budget nothing
// is written, so no write would fail. The returned function ends the watch.
func watchReader(ctx context.Context, out io.Writer, gone func(error)) (stop func()) {
	f, ok := out.(*os.File)
	if !ok {
		return func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			fds := []unix.PollFd{{Fd: int32(f.Fd())}}
			if n, err := unix.Poll(fds, 0); err == nil && n > 0 &&
				fds[0].Revents&unix.POLLERR != 0 {
				gone(tap.WriteError(unix.EPIPE))
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
