//go:build !unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// errLocked means that a process has a file open.
var errLocked = errors.New("the file is locked")

func lock(*os.File) error { return errors.ErrUnsupported }

// remove closes and removes a file: open ones cannot be removed here.
func remove(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // the next sweep tries again
}

func publish(f *os.File, name string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

var sweepTemp sync.Once

// Anonymous returns a temporary file, which has a name here. Those that kills left behind are
// removed.
func Anonymous() (*os.File, error) {
	dir := filepath.Join(os.TempDir(), "tap-greenhouse")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sweepTemp.Do(func() { sweepParts(dir) })
	return newPart(dir)
}
