package pipe_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/pipe"
)

// loaderEnv makes the test's program a loader that behaves like one of these.
const loaderEnv = "TEST_LOADER"

var loaders = map[string]func(){
	"echoes":            func() { echo(os.Stdin) },
	"echoes no newline": func() { _, _ = io.Copy(io.Discard, os.Stdin); fmt.Print("state last") },
	"fails half-way": func() {
		in := bufio.NewReader(os.Stdin)
		for range 3 {
			line, _ := in.ReadString('\n')
			fmt.Print(line)
		}
		os.Exit(3)
	},
	"fails at the end": func() { echo(os.Stdin); os.Exit(4) },
	"closes its input": func() { os.Stdin.Close(); time.Sleep(time.Hour) },
	"ends at once":     func() {},
	"takes nothing":    func() { child(); time.Sleep(time.Hour) },
	"never ends":       func() { echo(os.Stdin); child(); time.Sleep(time.Hour) },
	"leaves a child":   func() { child(); echo(os.Stdin) },
	"echoes half a line": func() {
		echo(os.Stdin)
		fmt.Print("sta")
	},
	"logs to its output": func() {
		fmt.Println("INFO a log")
		echo(os.Stdin)
		fmt.Println(`{"level":"info"}`)
	},
	"echoes long lines": func() {
		longest := "state " + strings.Repeat("x", pipe.MaxLine-len("state \n"))
		fmt.Println(longest)
		fmt.Println(longest + "x")
		echo(os.Stdin)
	},
	"sums up": func() {
		in, _ := io.ReadAll(os.Stdin)
		fmt.Printf("\n\nstate %d bytes %x\n", len(in), sha256.Sum256(in))
	},
	"stores slowly": func() {
		fmt.Println("ready")
		in, _ := io.ReadAll(os.Stdin)
		for state := range strings.Lines(string(in)) {
			if strings.HasPrefix(state, "state") {
				time.Sleep(500 * time.Millisecond)
				fmt.Print(state)
			}
		}
	},
	"sleeps": func() { time.Sleep(time.Hour) },
}

// child leaves a process that holds the loader's output, and writes its number to a file.
func child() {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), loaderEnv+"=sleeps")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	_ = os.WriteFile(os.Getenv("TEST_CHILD"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

func echo(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "state") {
			fmt.Println(lines.Text())
		}
	}
}

func TestMain(m *testing.M) {
	if kind := os.Getenv(loaderEnv); kind != "" {
		loaders[kind]()
		return
	}
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait more than they work
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// run is a loader under test.
type run struct {
	*pipe.Loader
	child string // the file with the number of its child

	mu   sync.Mutex
	kept []string
}

func (r *run) states() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

// start starts a loader of a kind; change may be nil.
func start(t *testing.T, ctx context.Context, kind string, change func(*pipe.Options)) *run {
	t.Helper()
	r := &run{child: filepath.Join(t.TempDir(), "child")}
	opts := pipe.Options{
		Args: []string{os.Args[0]}, Stderr: io.Discard, Stall: time.Hour, Grace: time.Hour,
		Env: append(os.Environ(), loaderEnv+"="+kind, "TEST_CHILD="+r.child),
		State: func(line []byte) []byte {
			if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("state ")) {
				return line
			}
			return nil
		},
		Keep: func(state []byte) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.kept = append(r.kept, string(state))
			return nil
		},
	}
	if change != nil {
		change(&opts)
	}
	l, err := pipe.Start(ctx, opts)
	require.NoError(t, err)
	r.Loader = l
	return r
}

// write writes until all is written or an error comes.
func (r *run) write(states int) error {
	filler := strings.Repeat("record\n", 3000)
	for n := range states {
		if _, err := fmt.Fprintf(r, "%sstate %d\n", filler, n); err != nil {
			return err
		}
	}
	return nil
}

func TestEveryEchoedStateIsKeptInOrder(t *testing.T) {
	r := start(t, t.Context(), "echoes", nil)
	require.NoError(t, r.write(50))
	require.NoError(t, r.Finish())
	require.Len(t, r.states(), 50)
	for n, state := range r.states() {
		assert.Equal(t, fmt.Sprintf("state %d", n), state)
	}
}

// Messages arrive as they are, whatever their sizes.
func TestMessagesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "sums up", nil)
	var all []byte
	for n, size := range []int{1, 0, 4095, 4096, 4097, 100_000, 2} {
		message := bytes.Repeat([]byte{'a' + byte(n)}, size)
		all = append(all, message...)
		written, err := r.Write(message)
		require.NoError(t, err)
		assert.Equal(t, size, written)
	}
	require.NoError(t, r.Finish())
	assert.Equal(t, []string{fmt.Sprintf("state %d bytes %x", len(all), sha256.Sum256(all))}, r.states())
	_, others := r.Echoed()
	assert.Zero(t, others, "an empty line says nothing")
}

// A write that fails says how much of it the loader may have got.
func TestWritesThatFailHalfWay(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "sleeps", func(o *pipe.Options) { o.Stall = 500 * time.Millisecond })
	const size = 1 << 20 // more than the system holds for a reader
	written, err := r.Write(make([]byte, size))
	require.ErrorContains(t, err, "it took nothing for 500ms")
	assert.Positive(t, written)
	assert.Less(t, written, size)
	require.Error(t, r.Finish())
}

// What a loader writes besides its states, and where it ends, changes nothing.
func TestOnlyWholeStatesAreKept(t *testing.T) {
	for kind, want := range map[string]struct {
		states int
		last   string
		others int
	}{
		"echoes no newline":  {1, "state last", 0},
		"echoes half a line": {2, "state 1", 1},
		"logs to its output": {2, "state 1", 2},
		"echoes long lines":  {3, "state 1", 0},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := start(t, t.Context(), kind, nil)
			require.NoError(t, r.write(2))
			require.NoError(t, r.Finish())
			states, others := r.Echoed()
			require.Len(t, r.states(), want.states)
			assert.Equal(t, want.states, states)
			assert.Equal(t, want.last, r.states()[states-1])
			assert.Equal(t, want.others, others)
		})
	}
}

// A loader that fails says so once, as an error of its own: its exit code is not that of the tap.
func TestFailingLoaders(t *testing.T) {
	for kind, want := range map[string]struct {
		write, finish string
		kept          int
	}{
		"fails half-way":   {"exit status 3", "exit status 3", 0},
		"ends at once":     {"it ended before the messages did", "", 0},
		"closes its input": {"closed its input too early", "was killed", 0},
		"fails at the end": {"", "exit status 4", 20},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := start(t, t.Context(), kind, nil)
			err := r.write(20)
			if want.write == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, want.write)
				assert.Equal(t, tap.LoaderGone, tap.KindOf(err))
				<-r.Gone()
				assert.Equal(t, err, r.Cause())
			}
			if kind == "closes its input" {
				r.Kill()
			}
			if err = r.Finish(); want.finish == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, want.finish)
				var code interface{ ExitCode() int }
				assert.False(t, errors.As(err, &code))
			}
			assert.Len(t, r.states(), want.kept)
		})
	}
}

// A loader that vanishes is noticed while nothing is written.
func TestVanishedLoaderIsNoticedWithoutAWrite(t *testing.T) {
	r := start(t, t.Context(), "ends at once", nil)
	<-r.Gone()
	require.ErrorContains(t, r.Cause(), "it ended before the messages did")
	require.NoError(t, r.Finish())
}

// A hung loader is killed with its children, whether it takes nothing or does not end, and whether
// it is time that ends it or the context.
func TestHungLoadersAreKilledWithTheirChildren(t *testing.T) {
	for name, c := range map[string]struct {
		kind, want string
		change     func(*pipe.Options)
		stop       bool
	}{
		"takes nothing": {
			"takes nothing", "it took nothing for 1s",
			func(o *pipe.Options) { o.Stall = time.Second }, false,
		},
		"never ends": {
			"never ends", "it took nothing for 1s",
			func(o *pipe.Options) { o.Stall = time.Second }, false,
		},
		"takes nothing after a signal": {
			"takes nothing", "it did not end within 1s",
			func(o *pipe.Options) { o.Grace = time.Second }, true,
		},
		"never ends after a signal": {
			"never ends", "it did not end within 1s",
			func(o *pipe.Options) { o.Grace = time.Second }, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := start(t, ctx, c.kind, c.change)
			if c.stop {
				require.Eventually(t, func() bool { return exists(r.child) || c.kind == "never ends" },
					10*time.Second, time.Millisecond)
				cancel()
			}
			err := r.write(20)
			if c.kind == "takes nothing" {
				require.ErrorContains(t, err, c.want)
			}
			require.ErrorContains(t, r.Finish(), c.want)
			if c.kind == "never ends" {
				assert.Len(t, r.states(), 20, "what it echoed before it was killed is kept")
			}
			gone(t, r.child)
		})
	}
}

// A loader for which there is nothing is not hung, however long the tap waits for its budget.
func TestLoadersThatHaveNothingToTakeAreNotKilled(t *testing.T) {
	t.Parallel()
	const stall = time.Second
	r := start(t, t.Context(), "echoes", func(o *pipe.Options) { o.Stall = stall })
	for range 2 {
		select {
		case <-r.Gone():
		case <-time.After(stall + stall/5): // a process knows no fake clock
		}
		require.NoError(t, r.Cause())
		_, err := r.Write([]byte("record\n"))
		require.NoError(t, err)
	}
	r.Kill()
	require.ErrorContains(t, r.Finish(), "the loader was killed: stopped")
}

// A loader that does not end when there are no more messages is hung, also if it never echoed a
// state.
func TestSilentLoadersThatDoNotEndAreKilled(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "sleeps", func(o *pipe.Options) { o.Stall = 500 * time.Millisecond })
	require.ErrorContains(t, r.Finish(), "it took nothing for 500ms")
}

// A loader that has taken all messages may need long to store them, as long as it gets on.
func TestLoadersThatStoreSlowlyAreNotKilled(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "stores slowly", func(o *pipe.Options) { o.Stall = 2 * time.Second })
	require.Eventually(t, func() bool {
		_, others := r.Echoed()
		return others > 0
	}, time.Minute, time.Millisecond, "it is not ready")
	require.NoError(t, r.write(5))
	require.NoError(t, r.Finish())
	assert.Len(t, r.states(), 5)
}

// A child that outlives its loader and holds its output does not block for ever.
func TestChildThatHoldsTheOutputBlocksNothing(t *testing.T) {
	t.Parallel()
	r := start(t, t.Context(), "leaves a child", nil)
	require.NoError(t, r.write(3))
	require.NoError(t, r.Finish())
	assert.Len(t, r.states(), 3)
	gone(t, r.child)
}

func exists(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() > 0
}

// A state that cannot be kept ends the messages, and the error says so. One that is kept later, all
// the same, heals nothing: the messages between are missing.
func TestStateThatCannotBeKeptEndsTheRun(t *testing.T) {
	full := errors.New("no space left on device")
	r := start(t, t.Context(), "echoes", func(o *pipe.Options) {
		o.Keep = func([]byte) error { return full }
	})
	require.NoError(t, r.write(1))
	<-r.Gone()
	require.ErrorIs(t, r.Cause(), full)
	require.ErrorIs(t, r.Finish(), full)
	assert.Equal(t, tap.Storage, tap.KindOf(r.Cause()))
}

func TestLoaderThatCannotBeStarted(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	require.NoError(t, os.WriteFile(text, []byte("no program"), 0o700))
	for program, want := range map[string]string{
		"no-such-loader":                        "there is no such program",
		filepath.Join(folder, "no-such-loader"): "it cannot be started",
		folder:                                  "it cannot be started",
		text:                                    "",
	} {
		err := pipe.Find(program)
		if want != "" {
			require.ErrorContains(t, err, want)
			assert.Equal(t, tap.BadInput, tap.KindOf(err))
		}
		_, err = pipe.Start(t.Context(), pipe.Options{Args: []string{program}})
		require.Error(t, err)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), program)
	}
	assert.NoError(t, pipe.Find(os.Args[0]))
}

// On Windows, a program in the folder where one is goes before the PATH, and Go runs none of those.
func TestLoaderInThisFolderNeedsItsPath(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", ".")
	name := "loader" + filepath.Ext(os.Args[0]) // .exe on Windows
	require.NoError(t, os.WriteFile(name, nil, 0o700))
	err := pipe.Find(name)
	require.ErrorContains(t, err, "it is looked for in PATH, not in this folder")
	var e *tap.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "write "+filepath.FromSlash("./")+name, e.Hint)
}
