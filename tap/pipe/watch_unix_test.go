//go:build unix

package pipe_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tap-greenhouse/tap-greenhouse/tap/pipe"
)

// A pipe that nobody reads is noticed without a write. One that is read, and what is no pipe, is
// not, and a watch ends with its pipe.
func TestUnreadPipesAreNoticed(t *testing.T) {
	watch := func(f *os.File) (gone chan error, stop func()) {
		gone = make(chan error, 1)
		return gone, pipe.Watch(f, func(err error) { gone <- err })
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	gone, stop := watch(w)
	stop()
	stop()
	assert.Empty(t, gone, "it is read")
	gone, stop = watch(w)
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-gone, unix.EPIPE)
	stop()
	_, _ = watch(w)
	require.NoError(t, w.Close())

	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	gone, stop = watch(f)
	stop()
	assert.Empty(t, gone)
	require.NoError(t, f.Close())
	gone, stop = watch(f)
	stop()
	assert.Empty(t, gone)
}

// A loader that stops taking messages is noticed while there is none for it.
func TestLoaderThatTakesNoMoreIsNoticedWithoutAWrite(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "closes its input", nil)
	<-r.Gone()
	require.ErrorContains(t, r.Cause(), "the loader closed its input too early: broken pipe (look at its log)")
	r.Kill()
	require.ErrorContains(t, r.Finish(), "the loader was killed: stopped")
}
