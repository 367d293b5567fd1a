//go:build unix

package store

import (
	"errors"
	"os"
	"syscall"
)

// errLocked means that a process has a file open.
var errLocked = errors.New("the file is locked")

// lock locks a file until it is closed, or until its process ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// remove removes an open file.
func remove(f *os.File) { _ = os.Remove(f.Name()) } // the next sweep tries again

// publish gives a part its final name, and closes it.
func publish(f *os.File, name string) error {
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return f.Close()
}

// Anonymous returns a file without a name: a kill leaves nothing behind.
func Anonymous() (*os.File, error) {
	f, err := os.CreateTemp("", "tap-greenhouse-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}
