package e2e

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

// AsProgram is set for processes that a test starts: the test's own file then is the program.
const AsProgram = "TAP_GREENHOUSE_AS_PROGRAM"

// Main runs the tests of a package, or the program.
func Main(m *testing.M) {
	if os.Getenv(AsProgram) == "" {
		_ = os.Setenv(AsProgram, "1")
		flag.Parse()
		_ = flag.Set("test.parallel", "8") // most of those that run in parallel wait
		// The program collects garbage often, unless GOGC says how often: half of the CPU.
		_ = os.Setenv("GOGC", "400")
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(3 << 29)
		os.Exit(m.Run())
	}
	_ = os.Unsetenv("GOGC")
	debug.SetGCPercent(100)
	ctx, stop := cli.Signals()
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// Result is how a call of the program ended.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs the program in this process.
func Run(t testing.TB, args ...string) Result {
	t.Helper()
	return RunContext(t.Context(), args...)
}

// RunContext is Run, until a context ends.
func RunContext(ctx context.Context, args ...string) Result {
	var out, err bytes.Buffer
	code := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return Result{code, out.String(), err.String()}
}

// Command is the program in a process of its own, which the test starts.
func Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return exec.Command(path, args...)
}

// LastLine is the last line of a text.
func LastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
