package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

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

func (s *bucket) Logs(ctx context.Context, folder string) ([]store.Log, error) {
	objects, err := s.objects(ctx, folder)
	if err != nil {
		return nil, err
	}
	var logs []store.Log
	for _, o := range objects {
		name, _, ok := strings.Cut(strings.TrimPrefix(o.Key, s.key(folder)+"/"), "/")
		if !ok {
			continue // not ours
		}
		data, _, err := s.read(ctx, o.Key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has removed it
		}
		if err != nil {
			return nil, err
		}
		if n := len(logs); n == 0 || logs[n-1].Name != name {
			logs = append(logs, store.Log{Name: name})
		}
		log := &logs[len(logs)-1]
		log.Data, log.Parts, log.Last = append(log.Data, data...), log.Parts+1, o.Key
		if o.LastModified.After(log.Changed) {
			log.Changed = o.LastModified
		}
	}
	return logs, nil
}

func (s *bucket) RemoveLog(ctx context.Context, folder string, log store.Log) error {
	objects, err := s.objects(ctx, path.Join(folder, log.Name))
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.Key > log.Last {
			break // its run goes on
		}
		if err := s.client.RemoveObject(ctx, s.name, o.Key,
			minio.RemoveObjectOptions{}); err != nil {
			return s.errorOf(err)
		}
	}
	return nil
}

func (s *bucket) Slow() bool { return true }
