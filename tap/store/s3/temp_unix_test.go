//go:build unix

package s3

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is downloaded for a bucket has no name: a kill leaves no content behind.
func TestDownloadsForBucketsHaveNoName(t *testing.T) {
	serve(t, &server{objects: map[string]object{}})
	f, err := openStore(t, "s3://bucket", time.Minute).Temp()
	require.NoError(t, err)
	defer f.Close()
	assert.NoFileExists(t, f.Name())
	_, err = f.WriteString("content")
	require.NoError(t, err)
	_, err = f.Seek(0, io.SeekStart)
	require.NoError(t, err)
	have, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, "content", string(have))
}
