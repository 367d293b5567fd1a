package brokenpipe_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/brokenpipe"
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
	assert.True(t, brokenpipe.Is(err), err)
}

func TestOtherFailuresAreNone(t *testing.T) {
	assert.False(t, brokenpipe.Is(nil))
	assert.False(t, brokenpipe.Is(errors.New("broken pipe")))
	assert.False(t, brokenpipe.Is(os.ErrClosed))
	_, err := os.Open("missing")
	assert.False(t, brokenpipe.Is(err))
}
