// Package errno knows errors of the system that have other numbers on Windows.
package errno

import (
	"errors"
	"slices"
	"syscall"
)

// BrokenPipe reports whether err says that the reader of a pipe has gone.
func BrokenPipe(err error) bool { return isOneOf(err, brokenPipe) }

// Refused reports whether err says that a connection was refused: nobody listens there.
func Refused(err error) bool { return isOneOf(err, refused) }

func isOneOf(err error, codes []syscall.Errno) bool {
	var code syscall.Errno
	return errors.As(err, &code) && slices.Contains(codes, code)
}
