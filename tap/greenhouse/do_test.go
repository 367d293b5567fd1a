package greenhouse_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
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

type panicking struct{}

func (panicking) Write([]byte) (int, error)                       { panic("no table") }
func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("no table") }

// A panic in whatever a program gives to a run is an error of the run, not the end of the program.
func TestPanicOfACallbackIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		opts greenhouse.Options
		out  io.Writer
		more map[string]any
	}{
		"messages": {out: greenhouse.Messages(func(greenhouse.Message) error { panic("no table") })},
		"writer":   {out: panicking{}},
		"transport": {
			opts: greenhouse.Options{Transport: panicking{}}, out: io.Discard,
			more: map[string]any{"max_retry_time": "0s"},
		},
		"token": {
			opts: greenhouse.Options{KeepToken: func(string) error { panic("no table") }},
			out:  io.Discard, more: map[string]any{"refresh_token": sandbox.RefreshToken},
		},
		"before a token": {
			opts: greenhouse.Options{
				KeepToken:    func(string) error { return nil },
				CanKeepToken: func() error { panic("no table") },
			},
			out: io.Discard, more: map[string]any{"refresh_token": sandbox.RefreshToken},
		},
	} {
		t.Run(name, func(t *testing.T) {
			more := map[string]any{"streams": []string{"jobs"}}
			maps.Copy(more, c.more)
			cfg, done := settings(more)
			defer done()
			account := greenhouse.Open(cfg, c.opts)
			defer account.Close()
			run, err := account.Prepare(t.Context(), greenhouse.Read{})
			require.NoError(t, err)
			report, err := run.Do(t.Context(), c.out)
			require.ErrorContains(t, err, "the callback panicked: no table")
			assert.NotZero(t, report.ExitCode)
			var panicked *greenhouse.PanicError
			if errors.As(err, &panicked) {
				assert.Contains(t, string(panicked.Stack), "do_test.go")
			}
		})
	}
}

// A panic while Reach asks is its error.
func TestPanicOfProbedIsAnError(t *testing.T) {
	server, err := sandbox.New(sandbox.Options{Candidates: 5, Limit: -1, NoIntrospection: true})
	require.NoError(t, err)
	require.NoError(t, server.Start("127.0.0.1:0"))
	defer server.Close()
	cfg, err := config.From(server.Config())
	require.NoError(t, err)
	account := greenhouse.Open(cfg, greenhouse.Options{Probed: func() { panic("no bar") }})
	defer account.Close()
	streams, err := schemas.Load("jobs")
	require.NoError(t, err)
	_, err = account.Reach(t.Context(), streams)
	require.ErrorContains(t, err, "no bar")
}
