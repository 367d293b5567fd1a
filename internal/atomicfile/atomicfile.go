// Package atomicfile replaces files in one step: a reader, or a crash, meets the old content or the
// new one, and nothing between.
package atomicfile

import (
	"os"
	"path/filepath"
)

// Write replaces the content of a file, or makes it with these permissions. The content is durable
// when the call returns. If it fails, the old content stays.
func Write(path string, data []byte, perm os.FileMode) error {
	return write(path, data, perm, os.Rename)
}

// Create is [Write] for a file that must not exist yet.
func Create(path string, data []byte, perm os.FileMode) error {
	return write(path, data, perm, os.Link)
}

func write(path string, data []byte, perm os.FileMode, place func(from, to string) error) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename, there is nothing to remove
	defer f.Close()           // a second Close does nothing
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}
