//go:build unix

package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// asProgram is set for processes that a test starts: the test's own file then is the program.
const asProgram = "TAP_GREENHOUSE_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		_ = os.Setenv(asProgram, "1")
		flag.Parse()
		_ = flag.Set("test.parallel", "8") // most of those that run in parallel wait
		// The program collects garbage often, unless GOGC says how often: half of the CPU.
		_ = os.Setenv("GOGC", "1000")
		debug.SetGCPercent(1000)
		debug.SetMemoryLimit(1 << 30)
		os.Exit(m.Run())
	}
	_ = os.Unsetenv("GOGC")
	debug.SetGCPercent(100)
	ctx, stop := cli.Signals()
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return exec.Command(path, args...)
}

// TestKilledProcess kills the program at random moments and starts it again with the last whole
// state, many times.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{Candidates: long.Or(120, 1500), Latency: 4 * time.Millisecond})
	config := file(t, "c.json", s.Config())
	random := rand.New(rand.NewPCG(5, 5))
	var l loader.Loader
	var state []byte
	rounds, ended, most := 0, 0, long.Or(5, 200)
	for began := time.Now(); rounds < most && time.Since(began) < 12*time.Second; rounds++ {
		args := []string{"--config", config}
		if state != nil {
			args = append(args, "--state", file(t, "s.json", state))
		}
		cmd := command(t, args...)
		var out bytes.Buffer
		cmd.Stdout = &out
		require.NoError(t, cmd.Start())
		kill := time.AfterFunc(time.Duration(random.IntN(250))*time.Millisecond,
			func() { _ = cmd.Process.Kill() })
		if cmd.Wait() == nil {
			ended++
		}
		kill.Stop()
		require.NoError(t, l.Load(&out, true))
		if last := l.LastState(); last != nil {
			state = last
		}
	}
	t.Logf("%d rounds, %d ended by themselves", rounds, ended)
	r := load(t, &l, s.Config(), state)
	require.Zero(t, r.code, r.err)
	complete(t, s, &l)
}

// nthRequest returns a channel that is closed at the server's nth request.
func nthRequest(s *sandbox.Server, n int64) <-chan struct{} {
	asked := make(chan struct{})
	var requests atomic.Int64
	s.SetFault(func(*http.Request) sandbox.Fault {
		if requests.Add(1) == n {
			close(asked)
		}
		return sandbox.NoFault
	})
	return asked
}

// stalledFrom is nthRequest, but from that request on, no list is answered: a run that waits for an
// answer does not end.
func stalledFrom(s *sandbox.Server, n int64) <-chan struct{} {
	asked := make(chan struct{})
	var requests atomic.Int64
	s.SetFault(func(*http.Request) sandbox.Fault {
		switch now := requests.Add(1); {
		case now < n:
			return sandbox.NoFault
		case now == n:
			close(asked)
		}
		return sandbox.Stall
	})
	return asked
}

// requests is the number of requests to lists so far.
func requests(s *sandbox.Server) (n int) {
	lists, _, _ := s.Requests()
	for _, of := range lists {
		n += of
	}
	return n
}

// A signal ends a run at once, whatever it waits for: answers that never come, or a loader that
// never reads. The last message is the state.
func TestSignals(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		for name, nth := range map[string]int64{"at the first request": 1, "at the fortieth": 40} {
			t.Run(sig.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, sandbox.Options{Candidates: long.Or(60, 600)})
				asked := stalledFrom(s, nth)
				cmd := command(t, "--config", file(t, "c.json", s.Config()))
				var out, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &stderr
				require.NoError(t, cmd.Start())
				<-asked
				require.NoError(t, cmd.Process.Signal(sig))
				_ = cmd.Wait() // the code is checked below
				s.SetFault(nil)
				assert.Equal(t, code, cmd.ProcessState.ExitCode(), stderr.String())
				assert.True(t, strings.HasPrefix(lastLine(out.String()), `{"type":"STATE"`),
					"the last message is not the state, but %.200s\n%s", lastLine(out.String()),
					&stderr)
				var l loader.Loader
				require.NoError(t, l.Load(&out, false))
				require.Zero(t, load(t, &l, s.Config(), l.LastState()).code)
				complete(t, s, &l)
			})
		}
	}
	t.Run("a loader that does not read", func(t *testing.T) {
		t.Parallel()
		s := serve(t, sandbox.Options{Candidates: 3000})
		cmd := command(t, "--config", file(t, "c.json", s.Config()))
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		cmd.Stdout = w
		asked := nthRequest(s, 3)
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		<-asked
		before := -1 // the pipe is full when no more is asked for
		require.Eventually(t, func() bool {
			now := requests(s)
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
			s := serve(t, sandbox.Options{Candidates: 3000, Limit: limit, Window: time.Hour})
			cmd := command(t, "--config", file(t, "c.json", s.Config()))
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
				require.Eventually(t, func() bool { return requests(s) == limit }, time.Minute,
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

// TestSlowLoader reads a byte now and then: the program waits, without using more memory.
func TestSlowLoader(t *testing.T) {
	t.Parallel()
	s := serve(t, sandbox.Options{Candidates: 20000})
	cmd := command(t, "--config", file(t, "c.json", only(s, "candidates", "notes", "applications")))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.CopyN(io.Discard, out, 1<<20)
	require.NoError(t, err)
	time.Sleep(1500 * time.Millisecond)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if os.IsNotExist(err) {
		t.Log("no /proc on this machine: the memory is not looked at")
	} else {
		require.NoError(t, err)
		_, peak, found := strings.Cut(string(status), "VmHWM:")
		require.True(t, found)
		kilobytes, err := strconv.Atoi(strings.Fields(peak)[0])
		require.NoError(t, err)
		assert.Less(t, kilobytes, 80<<10, "kilobytes resident at the most")
	}
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
}

// A standard output that was closed, or leads nowhere, is said to lose the messages; one that is
// read is not.
func TestStandardOutputThatLeadsNowhere(t *testing.T) {
	s := serve(t, sandbox.Options{Candidates: 5})
	config := file(t, "c.json", with(s, map[string]any{"streams": []string{"users"}}))
	for _, c := range []struct {
		redirection string
		lost        bool
	}{{">&-", true}, {">/dev/null", true}, {"| cat > /dev/null", false}} {
		cmd := exec.Command("sh", "-c", `"$0" --config "$1" `+c.redirection,
			command(t).Path, config)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Run(), stderr.String())
		assert.Equal(t, c.lost, strings.Contains(stderr.String(), "the messages are lost"),
			"%s: %s", c.redirection, stderr.String())
	}
}
