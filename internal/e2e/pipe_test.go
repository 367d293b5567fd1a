//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// However often a pipe is killed, what its loader has is complete in the end, and the state is
// whole at every moment.
func TestKilledPipeLosesNothing(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: long.Or(120, 1500), Latency: 4 * time.Millisecond})
	config, folder := File(t, "c.json", s.Config()), t.TempDir()
	state := filepath.Join(folder, "state.json")
	var l loader.Loader
	loaded := func(out string) {
		messages, err := os.Open(out)
		if err != nil {
			return // it was killed before
		}
		defer messages.Close()
		require.NoError(t, l.Load(messages, true))
	}
	for n := range long.Or(3, 6) {
		out := filepath.Join(folder, strconv.Itoa(n))
		cmd := Command(t, Into(config, state, ShellLoader, out)...)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(n*60) * time.Millisecond) // the moment of the kill
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		loaded(out)
		if data, err := os.ReadFile(state); err == nil {
			require.NotNil(t, greenhouse.EchoedState(data), "%q", data)
		}
	}
	args := Into(config, state, ShellLoader, filepath.Join(folder, "last"))
	r := Run(t, args...)
	require.Zero(t, r.Code, r.Err)
	loaded(args[len(args)-1])
	Complete(t, s, &l)

	s.ResetRequests()
	require.Zero(t, Run(t, args...).Code)
	requests := 0
	lists, _, _ := s.Requests()
	for _, n := range lists {
		requests += n
	}
	assert.Less(t, requests, 80, "the next run asks only for what is new")
}
