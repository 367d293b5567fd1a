package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// Log is a file that grew by appending. In a bucket, where files cannot grow, it is one object for
// each part.
type Log struct {
	Name    string // below the prefix that was asked for
	Data    []byte
	Changed time.Time
	Parts   int
	Last    string // names the last part, in a bucket
}

// Logs keeps logs. A [Store] does.
type Logs interface {
	// Append adds data to the end of a log, which it creates if necessary. Each number is higher
	// than the ones before.
	Append(ctx context.Context, name string, number uint64, data []byte) error
	// Logs returns the logs in a folder.
	Logs(ctx context.Context, folder string) ([]Log, error)
	// RemoveLog removes a log of a folder, as it was read: what was appended since stays. It is no
	// error if there is none.
	RemoveLog(ctx context.Context, folder string, log Log) error
	// Slow reports whether each call is a request to a server.
	Slow() bool
}

func (s *folder) Append(_ context.Context, name string, _ uint64, data []byte) error {
	p := s.path(name)
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return err
		}
		f, err = os.OpenFile(p, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (s *folder) Logs(_ context.Context, folder string) ([]Log, error) {
	found, err := os.ReadDir(s.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var logs []Log
	for _, entry := range found {
		data, err := os.ReadFile(s.path(path.Join(folder, entry.Name())))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has removed it
		}
		if err != nil {
			return nil, err
		}
		log := Log{Name: entry.Name(), Data: data, Parts: 1}
		if info, err := entry.Info(); err == nil {
			log.Changed = info.ModTime()
		}
		logs = append(logs, log)
	}
	return logs, nil
}

func (s *folder) RemoveLog(_ context.Context, folder string, log Log) error {
	p := s.path(path.Join(folder, log.Name))
	info, err := os.Stat(p)
	if err == nil && info.Size() > int64(len(log.Data)) {
		return nil // its run goes on
	}
	if err == nil {
		err = os.Remove(p)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (s *folder) Slow() bool { return false }
