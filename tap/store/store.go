// Package store keeps files under names: in a folder, or in S3 and whatever speaks its protocol. It
// serves the contents of attachments and the ids of rows, and knows what neither means.
package store

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Meta is what is known of a file beside its content.
type Meta struct {
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256,omitzero"` // of the content, in hex
	ContentType string `json:"content_type,omitzero"`
	Source      string `json:"source,omitzero"` // the version of the source that the content was made of
}

// Store keeps files. It is safe for use by many goroutines. Names are relative paths with slashes.
type Store interface {
	// Temp returns a file to which a content is written before Put.
	Temp() (*os.File, error)
	// Put stores the content of a file of Temp under a name, in one step, and removes the file in
	// any case.
	Put(ctx context.Context, name string, f *os.File, m Meta) error
	// Stat tells of a stored file; an error that is fs.ErrNotExist where there is none.
	Stat(ctx context.Context, name string) (Meta, error)
	// Get opens a stored file; an error that is fs.ErrNotExist where there is none.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// URL is the address of a stored file, under the scheme of the store. Names are not escaped:
	// tools of S3 take them as they are.
	URL(name string) string
}

// Open opens the store at an address: file:///folder, or s3://bucket/prefix. Nothing is asked of it
// before its first use.
func Open(address string, getenv func(string) (string, bool)) (Store, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is no address: write it as file:///folder or s3://bucket/prefix", address)
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(filepath.FromSlash(u.Path)):
		return &folder{root: filepath.FromSlash(u.Path)}, nil
	case u.Scheme == "s3" && u.Host != "":
		return newBucket(u.Host, strings.Trim(u.Path, "/"), getenv)
	}
	return nil, fmt.Errorf("%q is no store: write it as file:///folder or s3://bucket/prefix", address)
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

// ReadFile reads what is stored under a name.
func ReadFile(ctx context.Context, s Store, name string) ([]byte, error) {
	r, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Discard removes a file of Temp that is not put.
func Discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
