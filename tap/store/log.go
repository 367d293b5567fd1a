package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Log is a file that grew by appending. In a bucket, where files cannot grow, it is one object for
// each part.
type Log struct {
	Name    string // below the prefix that was asked for
	Data    []byte
	Changed time.Time
	Parts   int
}

// Logs keeps logs. A [Store] does.
type Logs interface {
	// Append adds data to the end of a log, which it creates if necessary. Each number is higher
	// than the ones before.
	Append(ctx context.Context, name string, number uint64, data []byte) error
	// Logs returns the logs in a folder.
	Logs(ctx context.Context, folder string) ([]Log, error)
	// RemoveLog removes a log. It is no error if there is none.
	RemoveLog(ctx context.Context, name string) error
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

func (s *folder) RemoveLog(_ context.Context, name string) error {
	if err := os.Remove(s.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *folder) Slow() bool { return false }

func (s *bucket) Append(ctx context.Context, name string, number uint64, data []byte) error {
	_, err := s.client.PutObject(ctx, s.name, s.key(fmt.Sprintf("%s/%08d", name, number)),
		bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
	return s.errorOf(err)
}

// objects lists the objects below a folder, in the order of their names.
func (s *bucket) objects(ctx context.Context, folder string) ([]minio.ObjectInfo, error) {
	var all []minio.ObjectInfo
	for o := range s.client.ListObjects(ctx, s.name,
		minio.ListObjectsOptions{Prefix: s.key(folder) + "/", Recursive: true}) {
		if o.Err != nil {
			return nil, s.errorOf(o.Err)
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b minio.ObjectInfo) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

func (s *bucket) Logs(ctx context.Context, folder string) ([]Log, error) {
	objects, err := s.objects(ctx, folder)
	if err != nil {
		return nil, err
	}
	var logs []Log
	for _, o := range objects {
		name, _, ok := strings.Cut(strings.TrimPrefix(o.Key, s.key(folder)+"/"), "/")
		if !ok {
			continue // not ours
		}
		data, err := s.part(ctx, o.Key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has removed it
		}
		if err != nil {
			return nil, err
		}
		if n := len(logs); n == 0 || logs[n-1].Name != name {
			logs = append(logs, Log{Name: name})
		}
		log := &logs[len(logs)-1]
		log.Data, log.Parts = append(log.Data, data...), log.Parts+1
		if o.LastModified.After(log.Changed) {
			log.Changed = o.LastModified
		}
	}
	return logs, nil
}

func (s *bucket) part(ctx context.Context, key string) ([]byte, error) {
	object, err := s.client.GetObject(ctx, s.name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, s.errorOf(err)
	}
	defer func() { _ = object.Close() }() // it was read to its end, or failed before
	data, err := io.ReadAll(object)
	return data, s.errorOf(err)
}

func (s *bucket) RemoveLog(ctx context.Context, name string) error {
	objects, err := s.objects(ctx, name)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := s.client.RemoveObject(ctx, s.name, o.Key,
			minio.RemoveObjectOptions{}); err != nil {
			return s.errorOf(err)
		}
	}
	return nil
}

func (s *bucket) Slow() bool { return true }
