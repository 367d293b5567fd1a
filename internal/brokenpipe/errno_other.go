//go:build !windows

package brokenpipe

import "syscall"

func isBroken(code syscall.Errno) bool { return code == syscall.EPIPE }
