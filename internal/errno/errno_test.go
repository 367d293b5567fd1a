package errno_test

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/errno"
)

func TestWritesToAPipeThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	_, err = w.WriteString("read")
	require.NoError(t, err)
	require.NoError(t, r.Close())
	_, err = w.WriteString("not read")
	require.Error(t, err)
	assert.True(t, errno.BrokenPipe(err), err)
}

func TestConnectionsThatAreRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = net.Dial("tcp", l.Addr().String())
	require.Error(t, err)
	assert.True(t, errno.Refused(err), err)
	assert.False(t, errno.BrokenPipe(err))
}

func TestOtherFailuresAreNone(t *testing.T) {
	assert.False(t, errno.BrokenPipe(nil))
	assert.False(t, errno.BrokenPipe(errors.New("broken pipe")))
	assert.False(t, errno.BrokenPipe(os.ErrClosed))
	_, err := os.Open("missing")
	assert.False(t, errno.BrokenPipe(err))
}
