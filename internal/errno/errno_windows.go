package errno

import (
	"syscall"

	"golang.org/x/sys/windows"
)

var (
	// Which of the three it is depends on how far the other end has been closed.
	brokenPipe = []syscall.Errno{
		windows.ERROR_BROKEN_PIPE, windows.ERROR_NO_DATA, windows.ERROR_PIPE_NOT_CONNECTED,
	}
	refused = []syscall.Errno{windows.WSAECONNREFUSED}
)
