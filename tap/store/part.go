package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// partPattern names files whose content is still being written.
const partPattern = ".part-*"

// partLife is how old a part is at least that nobody writes to, where locks do not tell.
const partLife = 24 * time.Hour

// newPart makes a file for content in a folder. It is locked as long as it is open, so that
// sweepParts can tell it from what a killed process left behind.
func newPart(dir string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(dir, partPattern)
		if err != nil {
			return nil, err
		}
		_ = lock(f) // without locks, its age tells
		if linked(f) {
			return f, nil
		}
		f.Close() // it was swept before it was locked
	}
}

// linked reports whether a file still has its name.
func linked(f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(mine, named)
}

// sweepParts removes the parts that killed processes left in a folder.
func sweepParts(dir string) {
	parts, _ := filepath.Glob(filepath.Join(dir, partPattern)) // the pattern is right
	for _, name := range parts {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			sweepPart(name, info)
		}
	}
}

func sweepPart(name string, info fs.FileInfo) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	switch err := lock(f); {
	case errors.Is(err, errLocked):
	case err == nil, time.Since(info.ModTime()) > partLife:
		remove(f)
	}
}
