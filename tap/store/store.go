// Package store keeps files under names: in a folder, or on a server that another package
// registers. It serves the contents of attachments and the ids of rows, without knowing what they
// mean.
package store

import (
	"context"
	"io"
	"os"
	"time"
)

// Meta describes a file.
type Meta struct {
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256,omitzero"` // of the content, in hex
	ContentType string `json:"content_type,omitzero"`
	Source      string `json:"source,omitzero"` // the version of what the content was made from
}

// Store keeps files. It is safe for concurrent use. Names are relative paths with slashes.
type Store interface {
	// Temp returns a file for content that Put will store.
	Temp() (*os.File, error)
	// Put stores the content of a file of Temp under a name, in one step, and removes the file in
	// any case.
	Put(ctx context.Context, name string, f *os.File, m Meta) error
	// Stat describes a stored file; the error is fs.ErrNotExist if there is none.
	Stat(ctx context.Context, name string) (Meta, error)
	// Get opens a stored file; the error is fs.ErrNotExist if there is none.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// URL returns the address of a stored file, in the scheme of the store. Names are not escaped:
	// S3 tools accept them like this.
	URL(name string) string
	Logs
}

// Open opens the store at an address: file:///folder, or s3://bucket/prefix; on Windows also
// C:\folder. It does not access the store before its first use. A server may be silent for as long
// as given.
func Open(address string, getenv func(string) (string, bool), requestTimeout time.Duration) (
	Store, error,
) {
	at, err := parse(address)
	if err != nil {
		return nil, err
	}
	if at.bucket != "" {
		if buckets == nil {
			return nil, errNoBuckets
		}
		return buckets.Open(at.bucket, at.prefix, getenv, requestTimeout)
	}
	root, err := at.root()
	if err != nil {
		return nil, err
	}
	return &folder{root: root}, nil
}

// WriteFile stores data under a name.
func WriteFile(ctx context.Context, s Store, name string, data []byte) error {
	f, err := s.Temp()
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		Discard(f)
		return err
	}
	return s.Put(ctx, name, f, Meta{Bytes: int64(len(data))})
}

// ReadFile reads data stored under a name.
func ReadFile(ctx context.Context, s Store, name string) ([]byte, error) {
	r, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Discard removes a file of Temp that will not be stored.
func Discard(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // it may have no name
}
