//go:build unix

package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A signal reaches the tap and not its loader, which stores what it has got.
func TestSignalsEndAPipe(t *testing.T) {
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := e2e.Serve(t, sandbox.Options{Candidates: 60, Latency: 30 * time.Millisecond})
			config, folder := e2e.File(t, "c.json", s.Config()), t.TempDir()
			state, out := filepath.Join(folder, "state.json"), filepath.Join(folder, "out.jsonl")
			asked := e2e.NthRequest(s, 40)
			cmd := e2e.Command(t, e2e.Into(config, state, e2e.ShellLoader, out)...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			require.NoError(t, cmd.Start())
			<-asked
			require.NoError(t, syscall.Kill(-cmd.Process.Pid, sig)) // as a terminal does
			_ = cmd.Wait()                                          // the code is checked below
			assert.Equal(t, code, cmd.ProcessState.ExitCode(), stderr.String())
			assert.Equal(t, 1, strings.Count(stderr.String(), "stopped: "), stderr.String())
			messages, err := os.ReadFile(out)
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(e2e.LastLine(string(messages)), `{"type":"STATE"`))
			data, err := os.ReadFile(state)
			require.NoError(t, err)
			assert.JSONEq(t, string(e2e.LastState(t, string(messages))), string(data))
		})
	}
}

// Ctrl-C in a plain pipe ends both sides, in any order: the tap is stopped, and has not failed.
func TestInterruptedShellPipeIsStopped(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{Candidates: 200, Latency: 5 * time.Millisecond})
	config, codes := e2e.File(t, "c.json", s.Config()), filepath.Join(t.TempDir(), "code")
	asked := e2e.NthRequest(s, 20)
	cmd := exec.Command("sh", "-c", `{ trap : INT; "$0" --config "$1"; echo $? > "$2"; } | cat > /dev/null`,
		e2e.Command(t).Path, config, codes)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	<-asked
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
	_ = cmd.Wait()
	code := ""
	require.Eventually(t, func() bool {
		data, err := os.ReadFile(codes)
		code = strings.TrimSpace(string(data))
		return err == nil && code != ""
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, "130", code, stderr.String())
	assert.Equal(t, 1, strings.Count(stderr.String(), "stopped: interrupt"), stderr.String())
	assert.NotContains(t, stderr.String(), "broken pipe")
}

// Of two at once on one state, the second reads nothing.
func TestSecondPipeOnOneStateReadsNothing(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{Latency: 30 * time.Millisecond})
	config, state := e2e.File(t, "c.json", s.Config()), filepath.Join(t.TempDir(), "state.json")
	asked := e2e.NthRequest(s, 10)
	cmd := e2e.Command(t, e2e.Into(config, state, e2e.ShellLoader, os.DevNull)...)
	require.NoError(t, cmd.Start())
	<-asked
	r := e2e.Run(t, e2e.Into(config, state, e2e.ShellLoader, os.DevNull)...)
	assert.Equal(t, 2, r.Code)
	assert.Contains(t, r.Err, "another process uses it")
	require.NoError(t, cmd.Wait())
}

// A loader's failure is the pipe's, whatever its code, and is said once; the report tells it, too.
func TestPipeFailsWithItsLoader(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	config := e2e.File(t, "c.json", s.Config())
	for name, c := range map[string]struct{ script, want string }{
		"half-way":             {`head -c 3000 > /dev/null; exit 3`, "the loader failed: exit status 3"},
		"at the end":           {`cat > /dev/null; exit 143`, "the loader failed: exit status 143"},
		"its input closed":     {`exec <&-; exec sleep 30`, "the loader closed its input too early"},
		"before the first row": {`exit 0`, "it ended before the messages did"},
		"killed":               {`kill -9 $$`, "the loader failed: signal: killed"},
		"hung":                 {`exec sleep 1000`, "it took nothing for 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := filepath.Join(t.TempDir(), "state.json")
			report := filepath.Join(t.TempDir(), "run.json")
			r := e2e.Run(t, "pipe", "--config", config, "--state", state, "--stall", "1s", "--report", report,
				"--", "sh", "-c", c.script)
			assert.Equal(t, 1, r.Code, r.Err)
			assert.Equal(t, 1, strings.Count(r.Err, c.want), r.Err)
			assert.Contains(t, e2e.LastLine(r.Err), "summary: ")
			assert.NoFileExists(t, state)
			data, err := os.ReadFile(report)
			require.NoError(t, err)
			var result tap.Report
			require.NoError(t, json.Unmarshal(data, &result))
			assert.Contains(t, result.Outcome, c.want)
			assert.Equal(t, 1, result.ExitCode)
		})
	}
}

// The loader's output is no state: the old one stays, byte by byte.
func TestWhatIsNoStateReplacesNone(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	config := e2e.File(t, "c.json", e2e.With(s, map[string]any{"streams": []string{"users"}}))
	old := `{"bookmarks": {"users": {"replication_key_value": "2026-01-31T08:15:30Z"}}}`
	for _, said := range []string{
		``, `\n`, `{}\n`, `null\n`, `{"bookmarks":{}}\n`, `{"bookmarks":{"users"`, `INFO done\n`,
		`{"level":"info","msg":"done"}\n`, `{"bookmarks":{"users":{"replication_key_value":"soon"}}}\n`,
	} {
		state := e2e.File(t, "state.json", old)
		r := e2e.Run(t, e2e.Into(config, state, `cat > /dev/null; printf '%b' "$0"; echo a log >&2`, said)...)
		assert.Zero(t, r.Code, r.Err)
		assert.Contains(t, r.Err, "a log\n", "the loader's standard error passes through")
		data, err := os.ReadFile(state)
		require.NoError(t, err)
		assert.Equal(t, old, string(data), said)
	}
}

// A command whose reader has seen enough ends in silence, like any tool; a sync is a failure.
func TestHeadOfACommandIsSilent(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	config := e2e.File(t, "c.json", s.Config())
	for _, args := range [][]string{
		{"--discover"},
		{"spec"},
		{"--about", "--format", "json"},
		{"scopes"},
		{"privacy"},
		{"completion", "bash"},
		{"help"},
		{"--version"},
		{"discover", "--config", config},
		{"demo", "--log-level", "error"},
	} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd := e2e.Command(t, args...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &stderr
		require.NoError(t, r.Close())
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		_ = cmd.Wait()
		assert.Equal(t, 141, cmd.ProcessState.ExitCode(), args)
		assert.Empty(t, stderr.String(), args)
	}
}
