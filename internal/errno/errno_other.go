//go:build !windows

package errno

import "syscall"

var (
	brokenPipe = []syscall.Errno{syscall.EPIPE}
	refused    = []syscall.Errno{syscall.ECONNREFUSED}
)
