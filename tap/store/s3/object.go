package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// objectSlot is an object, and a lease in another one beside it. Both are written with conditions,
// so of two processes only one succeeds, whatever their clocks say: S3, MinIO, R2 and Ceph check
// them. An owner that was killed leaves its lease, which another one may take once it was not
// renewed for a while.
type objectSlot struct {
	bucket *bucket
	key    string
	etag   string // of the content; empty for none
	lease  *lease // nil if the server knows no conditions
}

// leaseTime says how long a lease lasts, and how often it is renewed.
type leaseTime struct{ lasts, renew time.Duration }

var leaseTimes = leaseTime{lasts: 45 * time.Second, renew: 10 * time.Second}

// openSlot takes an object for one owner at a time.
func openSlot(ctx context.Context, name, key string, getenv func(string) (string, bool),
	requestTimeout time.Duration, log *slog.Logger,
) (store.Slot, error) {
	// A renewal that hangs must not take as long as the lease lasts.
	b, err := newBucket(name, "", getenv, min(requestTimeout, leaseTimes.renew))
	if err != nil {
		return nil, err
	}
	s, err := openObject(ctx, b, key, leaseTimes, log)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func openObject(ctx context.Context, b *bucket, key string, times leaseTime, log *slog.Logger,
) (*objectSlot, error) {
	s := &objectSlot{bucket: b, key: key}
	host, _ := os.Hostname() // for people only
	l := &lease{
		bucket: b, key: key + ".lock", times: times, log: log,
		text: fmt.Appendf(nil, "%s process %d %s\n", host, os.Getpid(), rand.Text()),
	}
	switch err := l.take(ctx); {
	case errors.Is(err, errUnconditional):
		log.Warn("the store cannot tell whether another run uses the state: never start two at once",
			"state", b.URL(key))
	case err != nil:
		return nil, err
	default:
		s.lease = l
	}
	return s, nil
}

func (s *objectSlot) Load(ctx context.Context) ([]byte, error) {
	data, etag, err := s.bucket.read(ctx, s.key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s.etag = etag
	return data, err
}

func (s *objectSlot) Save(ctx context.Context, data []byte) error {
	if s.lease == nil {
		_, err := s.bucket.write(ctx, s.key, data, nil)
		return err
	}
	if err := s.lease.holds(); err != nil {
		return err
	}
	etag, err := s.bucket.write(ctx, s.key, data, &s.etag)
	if errors.Is(err, errChanged) {
		// The answer to an earlier write may have been lost.
		now, found, rerr := s.bucket.read(ctx, s.key)
		if rerr != nil || !bytes.Equal(now, data) {
			return err
		}
		etag, err = found, nil
	}
	if err == nil {
		s.etag = etag
	}
	return err
}

func (s *objectSlot) Close() error {
	if s.lease == nil {
		return nil
	}
	return s.lease.release()
}

var (
	errChanged       = errors.New("another process has changed it")
	errUnconditional = errors.New("the store knows no conditional writes")
)

// write writes a small object: with an etag, only if the object still has it, or does not exist if
// it is empty.
func (s *bucket) write(ctx context.Context, key string, data []byte, was *string) (string, error) {
	opts := minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true}
	if was != nil && *was == "" {
		opts.SetMatchETagExcept("*")
	} else if was != nil {
		opts.SetMatchETag(*was)
	}
	info, err := s.client.PutObject(ctx, s.name, key, bytes.NewReader(data), int64(len(data)), opts)
	switch minio.ToErrorResponse(err).StatusCode {
	case http.StatusPreconditionFailed, http.StatusConflict:
		return "", errChanged
	case http.StatusNotImplemented:
		return "", errUnconditional
	case http.StatusNotFound:
		if was != nil && *was != "" && minio.ToErrorResponse(err).Code == "NoSuchKey" {
			return "", errChanged
		}
	}
	return info.ETag, s.errorOf(err)
}

// read returns the content of a small object, and its etag.
func (s *bucket) read(ctx context.Context, key string) (data []byte, etag string, err error) {
	object, err := s.client.GetObject(ctx, s.name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, "", s.errorOf(err)
	}
	defer func() { _ = object.Close() }() // it was read to its end, or failed before
	if data, err = io.ReadAll(object); err != nil {
		return nil, "", s.errorOf(err)
	}
	info, err := object.Stat()
	return data, info.ETag, s.errorOf(err)
}

// lease is an object that says who owns another one. Its owner writes it again and again.
type lease struct {
	bucket *bucket
	key    string
	text   []byte // tells its owner from any other
	times  leaseTime
	log    *slog.Logger
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	etag    string
	renewed time.Time // by this machine's clock
	lost    bool
}

// take takes the lease, or fails with store.ErrTaken. It waits until a lease that is there has been
// renewed, or should have been.
func (l *lease) take(ctx context.Context) error {
	asked := time.Now()
	etag, err := l.bucket.write(ctx, l.key, l.text, new(string))
	for err != nil {
		if !errors.Is(err, errChanged) {
			return err
		}
		var seen []byte
		seen, etag, err = l.bucket.read(ctx, l.key)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was given up just now
			etag = ""
		case err != nil:
			return err
		case bytes.Equal(seen, l.text):
			continue // the answer to the write was lost
		default:
			if err := l.outlast(ctx, etag); err != nil {
				return err
			}
		}
		asked = time.Now()
		if etag, err = l.bucket.write(ctx, l.key, l.text, &etag); errors.Is(err, errChanged) {
			return store.ErrTaken
		}
	}
	l.etag, l.renewed = etag, asked
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.done.Go(func() { l.keep(ctx) })
	return nil
}

// outlast waits until a lease has expired. It fails with store.ErrTaken as soon as its owner renews
// it.
func (l *lease) outlast(ctx context.Context, etag string) error {
	l.log.Info("waiting: the state has an owner, which may have been killed",
		"lease", l.bucket.URL(l.key), "at most", l.times.lasts)
	for end := time.Now().Add(l.times.lasts); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(l.times.renew / 2):
		}
		_, now, err := l.bucket.read(ctx, l.key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if now != etag {
			return store.ErrTaken
		}
	}
	return nil
}

// keep renews the lease until the context ends.
func (l *lease) keep(ctx context.Context) {
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.times.renew):
		}
		asked := time.Now()
		// The content differs each time, and so does the etag, which others watch.
		text := fmt.Appendf(nil, "%srenewed %d\n", l.text, n)
		etag, err := l.bucket.write(ctx, l.key, text, &l.etag)
		if errors.Is(err, errChanged) {
			// the answer to the write may have been lost
			if now, found, rerr := l.bucket.read(ctx, l.key); rerr == nil &&
				bytes.HasPrefix(now, l.text) {
				etag, err = found, nil
			}
		}
		l.mu.Lock()
		switch {
		case err == nil:
			l.etag, l.renewed = etag, asked
		case errors.Is(err, errChanged):
			l.lost = true
		}
		l.mu.Unlock()
	}
}

// holds returns an error unless the lease is this process's own.
func (l *lease) holds() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost || time.Since(l.renewed) > l.times.lasts {
		return fmt.Errorf("%s could not be renewed: another run may use the state",
			l.bucket.URL(l.key))
	}
	return nil
}

// release stops renewing, and removes the lease if it is still this process's own.
func (l *lease) release() error {
	l.stop()
	l.done.Wait()
	if l.holds() != nil {
		return nil
	}
	return l.bucket.errorOf(l.bucket.client.RemoveObject(context.Background(), l.bucket.name, l.key,
		minio.RemoveObjectOptions{}))
}
