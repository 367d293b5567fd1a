package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// answers is a source that answers each stream with a page or an error.
type answers map[string]any

func (a answers) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	switch answer := a[req.Stream.Name].(type) {
	case error:
		return answer
	case func() error:
		return answer()
	default:
		return take(tap.Page{Body: []byte(fmt.Sprint(answer)), Asked: simWorld})
	}
}

func stream(name string) *tap.Stream {
	s := &tap.Stream{
		Name: name, Key: []string{"id"},
		Schema: []byte(`{"type":"object","properties":{"id":{"type":"integer"}}}`),
	}
	s.Prepare()
	return s
}

// runEngine runs the engine over streams without a bookmark.
func runEngine(t *testing.T, ctx context.Context, source tap.Source, out io.Writer,
	change func(*engine.Engine), names ...string,
) (*tap.Report, error) {
	t.Helper()
	var streams []*tap.Stream
	for _, name := range names {
		streams = append(streams, stream(name))
	}
	return runStreams(t, ctx, source, out, change, streams...)
}

func runStreams(t *testing.T, ctx context.Context, source tap.Source, out io.Writer,
	change func(*engine.Engine), streams ...*tap.Stream,
) (*tap.Report, error) {
	t.Helper()
	var queries []*tap.Query
	for _, s := range streams {
		shape, err := s.Shape()
		require.NoError(t, err)
		queries = append(queries, (&tap.Choice{Stream: s}).Select(shape, nil))
	}
	e := &engine.Engine{
		Source: source, Voice: &singer.Voice{}, Out: out,
		Log: slog.New(slog.DiscardHandler), Concurrency: 2,
	}
	if change != nil {
		change(e)
	}
	return e.Sync(ctx, queries, tap.NewState())
}

const page = `[{"id":1}]`

// A failing stream does not affect the others, a missing scope is not a failure by default, and a
// failure of the run ends the run.
func TestFailuresOfStreamsAndOfRuns(t *testing.T) {
	bad := func(kind tap.Kind) error { return tap.Errorf(kind, "reading", "it went wrong") }
	for _, kind := range []tap.Kind{
		tap.Refused, tap.Network, tap.Server, tap.Origin, tap.Storage,
		tap.Fault,
	} {
		sum, err := runEngine(t, t.Context(), answers{"good": page, "bad": bad(kind)}, io.Discard,
			nil, "bad", "good")
		require.NoError(t, err)
		assert.Equal(t, "failed", sum.Streams[0].Status, "%d", kind)
		assert.Equal(t, "complete", sum.Streams[1].Status)
		assert.Equal(t, 1, sum.Records())
	}
	sum, err := runEngine(t, t.Context(), answers{"good": page, "bad": bad(tap.Scope)}, io.Discard,
		nil, "bad", "good")
	require.NoError(t, err)
	assert.Equal(t, "skipped", sum.Streams[0].Status)
	sum, err = runEngine(t, t.Context(), answers{"good": page, "bad": bad(tap.Scope)}, io.Discard,
		func(e *engine.Engine) { e.FailForbidden = true }, "bad", "good")
	require.NoError(t, err)
	assert.Equal(t, "failed", sum.Streams[0].Status)
	for _, kind := range []tap.Kind{
		tap.Credentials, tap.SignIn, tap.BadInput, tap.Rights,
		tap.Unreachable,
	} {
		sum, err := runEngine(t, t.Context(), answers{"bad": bad(kind)}, io.Discard, nil, "bad")
		assert.Equal(t, kind, tap.KindOf(err))
		assert.NotEqual(t, "complete", sum.Streams[0].Status)
	}
}

// broken is a standard output without a reader.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestBrokenOutput(t *testing.T) {
	sum, err := runEngine(t, t.Context(), answers{"one": page, "two": page}, broken{}, nil, "one",
		"two")
	assert.Equal(t, tap.LoaderGone, tap.KindOf(err))
	assert.ErrorContains(t, err, "no space left")
	assert.NotContains(t, err.Error(), "went away", "a full disk is no loader that went away")
	for _, o := range sum.Streams {
		assert.NotEqual(t, "complete", o.Status)
	}
}

// A stopped run ends with a state, and reports what is complete and what is not.
func TestStoppedRunEndsWithAState(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var out bytes.Buffer
	var once sync.Once
	stopping := func() error {
		once.Do(func() { cancel(tap.Errorf(tap.Interrupted, "stopped", "by a signal")) })
		<-ctx.Done()
		return context.Cause(ctx)
	}
	sum, err := runEngine(t, ctx, answers{"one": page, "slow": stopping}, &out, nil, "one", "slow")
	assert.Equal(t, tap.Interrupted, tap.KindOf(err))
	assert.Equal(t, "unfinished", sum.Streams[1].Status)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Contains(t, lines[len(lines)-1], `"type":"STATE"`)
}

// A sample is one record of each stream, and no state.
func TestSample(t *testing.T) {
	var out bytes.Buffer
	_, err := runEngine(t, t.Context(), answers{"one": page}, &out,
		func(e *engine.Engine) { e.Sample = true }, "one")
	require.NoError(t, err)
	assert.NotContains(t, out.String(), "STATE")
	assert.Contains(t, out.String(), `{"id":1}`)
}

// An invalid bookmark is an error that says so.
func TestInvalidBookmarks(t *testing.T) {
	for _, entry := range []string{
		`{"pages":-1}`, `{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[]}}`,
		`{"progress":{"pieces":[{}]}}`,
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[null]}}`,
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":1}]}}`,
		`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{"pass":-1}]}}`, `{"progress":7}`,
	} {
		_, err := tap.ParseBookmark([]byte(entry), stream("one"))
		assert.Error(t, err, entry)
	}
	_, err := tap.ParseBookmark([]byte(`{"progress":{"began":"2026-01-01T00:00:00Z","pieces":[{}]}}`), stream("one"))
	assert.NoError(t, err)
}
