package greenhouse_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// blocked is a writer that blocks at its first write until it is released, and counts the others.
type blocked struct {
	began, release, left chan struct{}
	writes               int
}

func (w *blocked) Write(p []byte) (int, error) {
	if w.writes++; w.writes == 1 {
		close(w.began)
		<-w.release
		close(w.left)
	}
	return len(p), nil
}

// A run ends when its context does, though a write blocks for as long as it likes; nothing is
// written after that.
func TestRunEndsThoughAWriteBlocks(t *testing.T) {
	cfg, done := settings(map[string]any{"streams": []string{"jobs", "users", "offers"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	w := &blocked{
		began: make(chan struct{}), release: make(chan struct{}), left: make(chan struct{}),
	}
	go func() {
		<-w.began
		cancel()
	}()
	result, err := run.Do(ctx, w)
	require.ErrorIs(t, err, context.Canceled)
	require.NotNil(t, result)
	assert.Len(t, result.Streams, 3)
	assert.Equal(t, greenhouse.ExitIncomplete, result.ExitCode)
	close(w.release)
	<-w.left
	_, err = run.Do(t.Context(), io.Discard)
	require.ErrorContains(t, err, "started before")
	assert.Equal(t, 1, w.writes)
}

// A panic in a program's callback is an error of the run, not the end of the program.
func TestPanicOfACallbackIsAnError(t *testing.T) {
	cfg, done := settings(map[string]any{"streams": []string{"jobs"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	require.NoError(t, err)
	result, err := run.Do(t.Context(),
		greenhouse.Messages(func(greenhouse.Message) error { panic("no table") }))
	require.ErrorContains(t, err, "no table")
	assert.Equal(t, tap.LoaderGone, tap.KindOf(err))
	assert.Equal(t, greenhouse.ExitIncomplete, result.ExitCode)
}
