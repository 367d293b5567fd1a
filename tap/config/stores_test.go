package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// A server may be silent for request_timeout, whatever keeps the files, and whether that is set or
// its default.
func TestBucketsGetTheRequestTimeout(t *testing.T) {
	var got []time.Duration
	store.Register(store.Buckets{
		Open: func(_, _ string, _ func(string) (string, bool), d time.Duration) (store.Store, error) {
			got = append(got, d)
			return struct{ store.Store }{}, nil
		},
	})
	stores := map[string]any{
		"attachments": map[string]any{"store": "s3://bucket"}, "deletes": map[string]any{"store": "s3://bucket"},
	}
	_, err := From(stores)
	require.NoError(t, err)
	stores["request_timeout"] = "7s"
	_, err = From(stores)
	require.NoError(t, err)
	assert.Equal(t, []time.Duration{time.Minute, time.Minute, 7 * time.Second, 7 * time.Second}, got)
}
