// Package atomicfile replaces files in one step: a reader, or a crash, meets the old content or the
// new one, and nothing between.
package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// Probe returns an error if a file cannot be replaced or made, because of its folder. It leaves
// nothing behind.
func Probe(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished(path)+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	return f.Close()
}

// Sweep removes what killed processes left of a [Write] of a file. The caller is the only writer.
func Sweep(path string) {
	folder, begin := filepath.Dir(path), unfinished(path)
	entries, _ := os.ReadDir(folder) // what cannot be listed stays
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), begin) && e.Type().IsRegular() {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// unfinished begins the name of a content that is still being written.
func unfinished(path string) string { return "." + filepath.Base(path) + ".tmp-" }

func write(path string, data []byte, perm os.FileMode, place func(from, to string) error) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, unfinished(path)+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename, there is nothing to remove
	if err := fill(f, data, perm); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// Replace is [Write] for a file that exists, whose permissions and, if allowed, whose owner it
// keeps. The new content is first written to via, a file that is always made anew: another user may
// have put one there, to read what is written to it. After a crash, via may be left with all of it.
func Replace(path, via string, data []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := os.Remove(via); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(via, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // otherwise it may be another process's
			os.Remove(via)
		}
	}()
	keepOwner(f, info)
	if err := fill(f, data, info.Mode().Perm()); err != nil {
		return err
	}
	if err := os.Rename(via, path); err != nil {
		have, readErr := os.ReadFile(path)
		if readErr != nil || !bytes.Equal(have, data) {
			return err
		} // another process has put the same content there
	}
	return SyncFolder(filepath.Dir(path))
}

// fill writes the content of a new file, makes it durable, and closes it.
func fill(f *os.File, data []byte, perm os.FileMode) error {
	defer f.Close() // a second Close does nothing
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}
