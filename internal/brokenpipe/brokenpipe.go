// Package brokenpipe knows the error of a write to a pipe that nobody reads any more.
package brokenpipe

import (
	"errors"
	"syscall"
)

// Is reports whether err says that the reader of a pipe has gone.
func Is(err error) bool {
	var code syscall.Errno
	return errors.As(err, &code) && isBroken(code)
}
