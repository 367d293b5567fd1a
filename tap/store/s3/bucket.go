// Package s3 keeps files in S3 and compatible servers. A program that imports it can use
// s3://bucket where a store or a state is named:
//
//	import _ "github.com/tap-greenhouse/tap-greenhouse/tap/store/s3"
package s3

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

func init() { store.Register(store.Buckets{Open: open, OpenSlot: openSlot}) }

// bucket keeps files in S3 or a compatible server: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL sets its
// address, AWS_REGION the region. Credentials come from the environment, a profile, or the identity
// of the instance or workload.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

// What is asked of a server that speaks S3: the least bytes a second, and how often a request is
// made that it does not answer.
const (
	slowest  = 16
	attempts = 3
)

func open(name, prefix string, getenv func(string) (string, bool), requestTimeout time.Duration) (
	store.Store, error,
) {
	b, err := newBucket(name, prefix, getenv, requestTimeout)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func newBucket(name, prefix string, getenv func(string) (string, bool), requestTimeout time.Duration) (
	*bucket, error,
) {
	opts := &minio.Options{
		Secure: true, MaxRetries: attempts,
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
	}
	first := func(names ...string) string {
		for _, n := range names {
			if v, ok := getenv(n); ok && v != "" {
				return v
			}
		}
		return ""
	}
	opts.Region = first("AWS_REGION", "AWS_DEFAULT_REGION")
	endpoint := "s3.amazonaws.com"
	if address := first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"); address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("AWS_ENDPOINT_URL is not an address")
		}
		if u.Scheme != "https" && !loopback.Is(u.Hostname()) {
			return nil, fmt.Errorf("AWS_ENDPOINT_URL has to begin with https://; http:// is for loopback addresses only")
		}
		endpoint, opts.Secure, opts.BucketLookup = u.Host, u.Scheme == "https",
			minio.BucketLookupPath
	}
	transport, err := minio.DefaultTransport(opts.Secure)
	if err != nil {
		return nil, err
	}
	opts.Transport = &web.Watch{Next: transport, RequestTimeout: requestTimeout, Slowest: slowest}
	client, err := minio.New(endpoint, opts)
	if err != nil {
		return nil, err
	}
	return &bucket{client: client, name: name, prefix: prefix}, nil
}

func (s *bucket) key(name string) string {
	return strings.TrimPrefix(path.Join(s.prefix, name), "/")
}

func (s *bucket) Temp() (*os.File, error) { return store.Anonymous() }

func (s *bucket) Put(ctx context.Context, name string, f *os.File, m store.Meta) error {
	defer store.Discard(f)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, s.name, s.key(name), f, m.Bytes, minio.PutObjectOptions{
		ContentType: m.ContentType, UserMetadata: map[string]string{
			"Sha256": m.SHA256,
			"Source": m.Source,
		}, NumThreads: 1, PartSize: 16 << 20,
	})
	return s.errorOf(err)
}

func (s *bucket) Stat(ctx context.Context, name string) (store.Meta, error) {
	info, err := s.client.StatObject(ctx, s.name, s.key(name), minio.StatObjectOptions{})
	if err != nil {
		return store.Meta{}, s.errorOf(err)
	}
	return store.Meta{
		Bytes: info.Size, SHA256: info.UserMetadata["Sha256"],
		ContentType: info.ContentType, Source: info.UserMetadata["Source"],
	}, nil
}

func (s *bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := s.client.GetObject(ctx, s.name, s.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, s.errorOf(err)
	}
	if _, err := object.Stat(); err != nil {
		_ = object.Close() // the first error is returned
		return nil, s.errorOf(err)
	}
	return object, nil
}

func (s *bucket) URL(name string) string { return "s3://" + s.name + "/" + s.key(name) }

// errorOf makes an error name the bucket; if an object does not exist, it is fs.ErrNotExist.
func (s *bucket) errorOf(err error) error {
	switch r := minio.ToErrorResponse(err); {
	case err == nil:
		return nil
	case r.Code == "NoSuchKey", r.Code == "NotFound":
		return fs.ErrNotExist
	case r.Code == "NoSuchBucket":
		return fmt.Errorf("bucket %q does not exist", s.name)
	}
	return fmt.Errorf("bucket %s: %w", s.name, err)
}
