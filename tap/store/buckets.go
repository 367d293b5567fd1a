package store

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Buckets open what is kept at an address such as s3://bucket/prefix. The environment says which
// server and which credential; a server may be silent for as long as given.
type Buckets struct {
	// Open opens the store of a bucket, without accessing it.
	Open func(bucket, prefix string, getenv func(string) (string, bool), requestTimeout time.Duration) (
		Store, error)
	// OpenSlot takes an object for one owner at a time, as [OpenSlot] describes.
	OpenSlot func(ctx context.Context, bucket, key string, getenv func(string) (string, bool),
		requestTimeout time.Duration, log *slog.Logger) (Slot, error)
}

var buckets *Buckets

// Register makes addresses of buckets usable. The package tap/store/s3 does when it is imported, so
// programs without it do not contain its client.
func Register(b Buckets) { buckets = &b }

var errNoBuckets = errors.New("this program has no client for s3: import github.com/tap-greenhouse/tap-greenhouse/tap/store/s3")
