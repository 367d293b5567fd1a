package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile replaces a file in one step, and preserves its permissions and, if allowed, its
// owner. The new content is first written to via, a file that is always made anew: another user may
// have put one there, to read what is written to it.
func replaceFile(path, via string, data []byte) (err error) {
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
		if err != nil {
			f.Close()
			os.Remove(via)
		}
	}()
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	keepOwner(f, info)
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(via, path); err != nil {
		have, readErr := os.ReadFile(path)
		if readErr != nil || !bytes.Equal(have, data) {
			return err
		} // another process has adopted the new content already
	}
	return syncDir(filepath.Dir(path))
}
