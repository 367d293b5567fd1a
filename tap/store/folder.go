package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
)

// folder keeps files below a folder. The metadata of a file is in another one next to it, whose
// name begins with a dot. It is removed before the content changes and written after that, so it
// never describes other content, wherever the process is killed; a file without it counts as none.
type folder struct {
	root  string
	swept sync.Once
}

func (s *folder) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

func side(p string) string {
	return filepath.Join(filepath.Dir(p), "."+filepath.Base(p)+".json")
}

func (s *folder) Temp() (*os.File, error) {
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return nil, err
	}
	s.swept.Do(func() { sweepParts(s.root) })
	return newPart(s.root)
}

func (s *folder) Put(_ context.Context, name string, f *os.File, m Meta) (err error) {
	defer func() {
		if err != nil {
			Discard(f)
		}
	}()
	p := s.path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Remove(side(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := publish(f, p); err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(filepath.Dir(p)); err != nil {
		return err
	}
	return s.describe(p, m)
}

// describe writes the metadata of a file.
func (s *folder) describe(p string, m Meta) error {
	about, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := newPart(s.root)
	if err != nil {
		return err
	}
	if _, err = f.Write(about); err == nil {
		err = publish(f, side(p))
	}
	if err != nil {
		Discard(f)
	}
	return err
}

func (s *folder) Stat(_ context.Context, name string) (Meta, error) {
	p := s.path(name)
	info, err := os.Stat(p)
	if err != nil {
		return Meta{}, err
	}
	var m Meta
	about, err := os.ReadFile(side(p))
	if err != nil {
		return Meta{}, err
	}
	if json.Unmarshal(about, &m) != nil || m.Bytes != info.Size() {
		return Meta{Bytes: info.Size()}, nil // not ours, or incomplete: it will be written again
	}
	return m, nil
}

func (s *folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(s.path(name))
}

func (s *folder) URL(name string) string {
	return fileURL(path.Join(filepath.ToSlash(s.root), name))
}
