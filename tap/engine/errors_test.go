package engine_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
)

// An error is one line of what was being done, the cause and the advice, whichever of them it has.
func TestErrorsAreOneLine(t *testing.T) {
	full := tap.Errorf(tap.Scope, "reading list users", "403 %s", "Forbidden").
		WithHint("grant %q", "x")
	for _, c := range []struct {
		err                   error
		text, sentence, cause string
		kind                  tap.Kind
	}{
		{
			full, `reading list users: 403 Forbidden (grant "x")`,
			`reading list users failed: grant "x".`, "403 Forbidden", tap.Scope,
		},
		{
			fmt.Errorf("at last: %w", full), `at last: reading list users: 403 Forbidden (grant "x")`,
			`reading list users failed: grant "x".`, "403 Forbidden", tap.Scope,
		},
		{
			tap.Errorf(tap.Server, "reading", "500"), "reading: 500", "reading: 500", "500",
			tap.Server,
		},
		{
			&tap.Error{Kind: tap.Gone, Err: io.EOF, Hint: "wait"}, "EOF (wait)", "EOF (wait)", "EOF",
			tap.Gone,
		},
		{&tap.Error{Kind: tap.Gone, Op: "reading"}, "reading", "reading", "reading", tap.Gone},
		{io.EOF, "EOF", "EOF", "EOF", tap.Fault},
	} {
		assert.Equal(t, c.text, c.err.Error())
		assert.Equal(t, c.sentence, tap.Sentence(c.err))
		assert.Equal(t, c.cause, tap.Cause(c.err))
		assert.Equal(t, c.kind, tap.KindOf(c.err))
	}
	assert.ErrorIs(t, engine.WriteError(io.ErrClosedPipe), io.ErrClosedPipe)
}

// The log says how each stream ended: a scope by its advice, a failure in full, and rows that are
// no rows once.
func TestEndsAreLogged(t *testing.T) {
	run := func(source tap.Source) string {
		return runOne(t, source, nil, nil, nil).
			log
	}
	fails := func(err error) script {
		return func(tap.Request, func(tap.Page) error) error { return err }
	}
	assert.Contains(t, run(pageOf(`[{"id":1},{"message":"no"},{"message":"no"}]`)),
		`level=WARN msg="skipped rows that contain only a message" stream=timed rows=2`)
	quiet := run(pageOf(`[{"id":1}]`))
	assert.NotContains(t, quiet, "only a message")
	assert.Contains(t, quiet, `level=INFO msg="stream is complete" stream=timed records=1`)
	assert.Contains(t, run(fails(tap.Errorf(tap.Scope, "reading", "403").WithHint("grant it"))),
		`level=WARN msg="stream is skipped: grant it" stream=timed`)
	assert.Contains(t, run(fails(tap.Errorf(tap.Scope, "reading", "403"))),
		`level=WARN msg="stream is skipped: reading: 403" stream=timed`)
	assert.Contains(t, run(fails(errors.New("it broke"))),
		`level=ERROR msg="it broke" stream=timed records=0`)
}

// Whether the user may see anything is asked for a first read, and again a day after the last
// proof; a proof that fails is none, but stops nothing.
func TestWhenAProofIsNeeded(t *testing.T) {
	proof := stream("proof")
	asked := 0
	var answer error
	source := script(func(req tap.Request, take func(tap.Page) error) error {
		if req.Stream == proof {
			asked++
			if answer != nil {
				return answer
			}
			return take(tap.Page{Body: []byte(`[{"id":1}]`), Asked: simWorld})
		}
		return take(tap.Page{Body: []byte(`[]`), Asked: simWorld})
	})
	run := func(state []byte, later time.Duration) *ran {
		asked = 0
		return runOne(t, source, state, nil, func(e *engine.Engine) {
			e.Proof = proof
			e.Now = func() time.Time { return simWorld.Add(later) }
		})
	}
	first := run(nil, 0)
	require.NoError(t, first.err)
	assert.Equal(t, 1, asked)
	state := first.state(t)
	run(state, 24*time.Hour)
	assert.Zero(t, asked, "it was proven within a day")
	run(state, 24*time.Hour+1)
	assert.Equal(t, 1, asked)
	answer = tap.Errorf(tap.Scope, "reading", "403")
	failed := run(nil, 0)
	require.NoError(t, failed.err)
	assert.Contains(t, failed.log, "cannot tell whether the user may see any: reading: 403")
	assert.Contains(t, string(failed.state(t)), "replication_key_value")
	sample := runOne(t, source, nil, nil,
		func(e *engine.Engine) { e.Proof, e.Sample = proof, true })
	require.NoError(t, sample.err)
	none := runOne(t, source, nil, nil, nil)
	assert.NotContains(t, string(none.state(t)), "replication_key_value",
		"without a proof nothing moves")
}

// An empty list that always has rows is no success, except within a bound.
func TestListsThatAreNeverEmpty(t *testing.T) {
	always := *timed
	always.Name, always.NeverEmpty = "always", true
	always.Prepare()
	_, err := runStreams(t, t.Context(), pageOf(`[]`), io.Discard, nil, &always)
	assert.Equal(t, tap.Rights, tap.KindOf(err))
	_, err = runStreams(t, t.Context(), pageOf(`[]`), io.Discard,
		func(e *engine.Engine) { e.StartDate = simWorld }, &always)
	assert.NoError(t, err)
}
