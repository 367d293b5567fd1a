//go:build unix

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// TestKilledProcess kills the program at random moments and starts it again with the last whole
// state, many times.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: long.Or(120, 1500), Latency: 4 * time.Millisecond})
	config := File(t, "c.json", s.Config())
	random := rand.New(rand.NewPCG(5, 5))
	var l loader.Loader
	var state []byte
	rounds, ended, most := 0, 0, long.Or(5, 200)
	for began := time.Now(); rounds < most && time.Since(began) < 12*time.Second; rounds++ {
		args := []string{"--config", config}
		if state != nil {
			args = append(args, "--state", File(t, "s.json", state))
		}
		cmd := Command(t, args...)
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
	r := Load(t, &l, s.Config(), state)
	require.Zero(t, r.Code, r.Err)
	Complete(t, s, &l)
}

// TestSlowLoader reads a byte now and then: the program waits, without using more memory.
func TestSlowLoader(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: long.Or(10_000, 20_000)})
	cmd := Command(t, "--config", File(t, "c.json", Only(s, "candidates", "notes", "applications")))
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
