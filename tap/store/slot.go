package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
)

// Slot keeps one small file that has one owner at a time: the state of an account.
type Slot interface {
	// Load returns the content; nil if there is none yet.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the content in one step. It is durable when the call returns.
	Save(ctx context.Context, data []byte) error
	// Close gives the slot up.
	Close() error
}

// ErrTaken means that another process owns a slot.
var ErrTaken = errors.New("another process uses it")

// OpenSlot takes the slot at an address, which is the name of a file or s3://bucket/key. It fails
// with [ErrTaken] if another process has it, and if the content could not be saved later. log gets
// a warning if the server cannot tell two owners apart. A server may be silent for as long as
// given.
func OpenSlot(ctx context.Context, address string, getenv func(string) (string, bool),
	requestTimeout time.Duration, log *slog.Logger,
) (Slot, error) {
	if strings.HasPrefix(address, "s3:") {
		at, err := parse(address)
		if err != nil || at.prefix == "" || strings.HasSuffix(address, "/") {
			return nil, errors.New("write it as s3://bucket/key")
		}
		if buckets == nil {
			return nil, errNoBuckets
		}
		return buckets.OpenSlot(ctx, at.bucket, at.prefix, getenv, requestTimeout, log)
	}
	if strings.Contains(address, "://") {
		return nil, errors.New("give the name of a file, or s3://bucket/key")
	}
	return openFile(address)
}

// fileSlot is a file with a lock beside it. The system gives the lock free when its process ends,
// in whatever way.
type fileSlot struct {
	path string
	perm fs.FileMode
	lock *flock.Flock
}

func openFile(name string) (*fileSlot, error) {
	s := &fileSlot{path: resolve(name), perm: 0o600}
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		return nil, fmt.Errorf("its folder: %w", err)
	}
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Mode().Perm()&0o200 == 0:
		return nil, errors.New("it is read-only")
	default:
		s.perm = info.Mode().Perm()
	}
	s.lock = flock.New(s.path + ".lock")
	locked, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking it: %w", err)
	}
	if !locked {
		return nil, ErrTaken
	}
	atomicfile.Sweep(s.path)
	if err := s.probe(); err != nil {
		_ = s.lock.Close() // the first error is returned
		return nil, fmt.Errorf("its folder cannot be written: %w", err)
	}
	return s, nil
}

// resolve returns the file that a name leads to, which need not exist: two names of one file share
// its lock, and a link stays one.
func resolve(name string) string {
	for range 40 { // links may form a ring
		if real, err := filepath.EvalSymlinks(name); err == nil {
			return real
		}
		if folder, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
			name = filepath.Join(folder, filepath.Base(name))
		}
		to, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(name), to)
		}
		name = to
	}
	return name
}

// probe checks that a new content can be saved, before anything depends on it.
func (s *fileSlot) probe() error {
	probe := s.path + ".probe"
	atomicfile.Sweep(probe)
	defer os.Remove(probe)
	return atomicfile.Write(probe, make([]byte, 4096), s.perm)
}

func (s *fileSlot) Load(context.Context) ([]byte, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (s *fileSlot) Save(_ context.Context, data []byte) error {
	return atomicfile.Write(s.path, data, s.perm)
}

func (s *fileSlot) Close() error { return s.lock.Close() }
