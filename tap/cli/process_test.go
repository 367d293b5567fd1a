//go:build unix

package cli_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// A signal ends a run at once, whatever it waits for: answers that never come, or a loader that
// never reads. The last message is the state.
func TestSignals(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		for name, nth := range map[string]int64{"at the first request": 1, "at the fortieth": 40} {
			t.Run(sig.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				s := e2e.Serve(t, sandbox.Options{Candidates: long.Or(20, 600)})
				asked := e2e.StalledFrom(s, nth)
				cmd := e2e.Command(t, "--config", e2e.File(t, "c.json", s.Config()))
				var out, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &stderr
				require.NoError(t, cmd.Start())
				<-asked
				require.NoError(t, cmd.Process.Signal(sig))
				_ = cmd.Wait() // the code is checked below
				s.SetFault(nil)
				assert.Equal(t, code, cmd.ProcessState.ExitCode(), stderr.String())
				assert.True(t, strings.HasPrefix(e2e.LastLine(out.String()), `{"type":"STATE"`),
					"the last message is not the state, but %.200s\n%s", e2e.LastLine(out.String()),
					&stderr)
				var l loader.Loader
				require.NoError(t, l.Load(&out, false))
				require.Zero(t, e2e.Load(t, &l, s.Config(), l.LastState()).Code)
				e2e.Complete(t, s, &l)
			})
		}
	}
	t.Run("a loader that does not read", func(t *testing.T) {
		t.Parallel()
		s := e2e.Serve(t, sandbox.Options{Candidates: 200})
		cmd := e2e.Command(t, "--config", e2e.File(t, "c.json", s.Config()))
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		cmd.Stdout = w
		asked := e2e.NthRequest(s, 3)
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		<-asked
		before := -1 // the pipe is full when no more is asked for
		require.Eventually(t, func() bool {
			now := e2e.Requests(s)
			defer func() { before = now }()
			return now == before
		}, time.Minute, 100*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait()
		assert.Equal(t, 143, cmd.ProcessState.ExitCode())
	})
}

func TestLoaderThatGoesAwayEndsTheRun(t *testing.T) {
	for name, limit := range map[string]int{
		"while records come":             -1,
		"while the budget is waited for": 10,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := e2e.Serve(t, sandbox.Options{Candidates: 200, Limit: limit, Window: time.Hour})
			cmd := e2e.Command(t, "--config", e2e.File(t, "c.json", s.Config()))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			_, err = io.CopyN(io.Discard, out, 20000)
			require.NoError(t, err)
			if limit > 0 {
				drained := make(chan struct{})
				go func() { _, _ = io.CopyN(io.Discard, out, 1<<40); close(drained) }()
				require.Eventually(t, func() bool { return e2e.Requests(s) == limit }, time.Minute,
					10*time.Millisecond)
			}
			require.NoError(t, out.Close())
			_ = cmd.Wait()
			assert.Equal(t, 1, cmd.ProcessState.ExitCode())
			assert.Contains(t, stderr.String(), "the loader went away")
			assert.NotContains(t, stderr.String(), "goroutine ")
		})
	}
}

// A standard output that was closed, or leads nowhere, is said to lose the messages; one that is
// read is not.
func TestStandardOutputThatLeadsNowhere(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{Candidates: 5})
	config := e2e.File(t, "c.json", e2e.With(s, map[string]any{"streams": []string{"users"}}))
	for _, c := range []struct {
		redirection string
		lost        bool
	}{{">&-", true}, {">/dev/null", true}, {"| cat > /dev/null", false}} {
		cmd := exec.Command("sh", "-c", `"$0" --config "$1" `+c.redirection,
			e2e.Command(t).Path, config)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Run(), stderr.String())
		assert.Equal(t, c.lost, strings.Contains(stderr.String(), "the messages are lost"),
			"%s: %s", c.redirection, stderr.String())
	}
}
