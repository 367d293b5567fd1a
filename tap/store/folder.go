package store

import (
	"context"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/go-json-experiment/json"
)

// folder keeps files below a folder. The metadata of a file is in another one next to it, whose
// name begins with a dot. It is written first, so a file without it was put there by someone else.
type folder struct{ root string }

func (s *folder) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

func side(p string) string {
	return filepath.Join(filepath.Dir(p), "."+filepath.Base(p)+".json")
}

func (s *folder) Temp() (*os.File, error) {
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(s.root, ".part-*")
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
	about, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(side(p), about, 0o600); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), p)
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
