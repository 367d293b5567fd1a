package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	s := Serve(t, sandbox.Options{Latency: time.Millisecond, Candidates: long.Or(20, 600)})
	before := goleak.IgnoreCurrent()
	var l loader.Loader
	require.Zero(t, Load(t, &l, s.Config(), nil).Code)
	s.SetFault(sandbox.Chaos(3, 0.2, sandbox.Status404, sandbox.Reset))
	r := Run(t, "--config", File(t, "c.json", s.Config()))
	assert.Equal(t, 1, r.Code)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(30*time.Millisecond, func() { cancel(errors.New("enough")) })
	RunContext(ctx, "--config", File(t, "c.json", s.Config()))
	require.NoError(t, s.Close())
	goleak.VerifyNone(t, before)
}
