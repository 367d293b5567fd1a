//go:build unix

package pipe

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Watch calls gone as soon as nobody reads the pipe f: during a wait for the budget nothing is
// written, so no write would fail. It does nothing if f is no pipe. The returned function ends the
// watch.
func Watch(f *os.File, gone func(error)) (stop func()) {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return func() {}
	}
	conn, err := f.SyscallConn() // unlike Fd, it leaves writes interruptible
	if err != nil {
		return func() {}
	}
	over := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			unread, open := unread(conn)
			if unread {
				gone(unix.EPIPE)
			}
			if unread || !open {
				return
			}
			select {
			case <-over:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(over)
		done.Wait()
	})
}

// unread reports whether nobody reads a pipe any more, and whether it is still open at this end.
func unread(conn syscall.RawConn) (unread, open bool) {
	err := conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		unread = err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0
	})
	return unread, err == nil
}
