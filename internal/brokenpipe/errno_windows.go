package brokenpipe

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// isBroken: which of the three it is depends on how far the other end has been closed.
func isBroken(code syscall.Errno) bool {
	return code == windows.ERROR_BROKEN_PIPE || code == windows.ERROR_NO_DATA ||
		code == windows.ERROR_PIPE_NOT_CONNECTED
}
