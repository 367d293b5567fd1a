//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// The scripts of testdata/script say how the program behaves at a command line. Beside the usual
// commands, they have:
//
//	exits CODE [ARGS...]   runs the program, whose exit code must be CODE. An error is one line, with
//	                       code 2 nothing was read, and no secret comes out
//	config FILE JSON       writes the sandbox's config with more keys; null removes one
//	asked N                the sandbox was sent N requests so far, for lists and tokens
//	forget                 the sandbox forgets its requests
//	glob N PATTERN         N files match a pattern
//
// sandbox.json is the config of a sandbox of the script's own, whose keys are variables, too.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			s, err := sandbox.New(sandbox.Options{Limit: -1, Candidates: 20})
			if err != nil {
				return err
			}
			if err := s.Start("127.0.0.1:0"); err != nil {
				return err
			}
			env.Defer(func() { _ = s.Close() })
			env.Values["sandbox"] = s
			env.Setenv(e2e.AsProgram, "1")
			env.Setenv("refresh_token", sandbox.RefreshToken)
			for key, value := range s.Config() {
				env.Setenv(key, fmt.Sprint(value))
			}
			config, err := json.Marshal(s.Config())
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "sandbox.json"), config, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "config": config, "asked": asked, "forget": forget, "glob": glob,
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: exits CODE [ARGS...]")
	}
	program, err := os.Executable()
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(program, args[1:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("the exit code is %d, not %s", code, args[0])
	}
	out, log := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	switch {
	case code == 2 && strings.Contains(out, `"RECORD"`):
		ts.Fatalf("a record came out")
	case code == 2 && strings.Count(log, "level=ERROR") > 1 || strings.Contains(log, "goroutine "):
		ts.Fatalf("an error is more than a line")
	case strings.Contains(out+log, sandbox.ClientSecret):
		ts.Fatalf("a secret came out")
	}
}

func config(ts *testscript.TestScript, _ bool, args []string) {
	s, ok := ts.Value("sandbox").(*sandbox.Server)
	if !ok || len(args) != 2 {
		ts.Fatalf("usage: config FILE JSON")
	}
	var more map[string]any
	ts.Check(json.Unmarshal([]byte(args[1]), &more))
	text, err := json.Marshal(e2e.With(s, more))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

func forget(ts *testscript.TestScript, _ bool, _ []string) {
	s, ok := ts.Value("sandbox").(*sandbox.Server)
	if !ok {
		ts.Fatalf("usage: forget")
	}
	s.ResetRequests()
}

func glob(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: glob N PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if strconv.Itoa(len(found)) != args[0] {
		ts.Fatalf("there are %v", found)
	}
}

func asked(ts *testscript.TestScript, _ bool, args []string) {
	s, ok := ts.Value("sandbox").(*sandbox.Server)
	if !ok || len(args) != 1 {
		ts.Fatalf("usage: asked N")
	}
	_, _, tokens := s.Requests()
	if n := e2e.Requests(s) + tokens; strconv.Itoa(n) != args[0] {
		ts.Fatalf("the sandbox was sent %d requests, not %s", n, args[0])
	}
}

// The help fits on one screen.
func TestHelpFitsOnAScreen(t *testing.T) {
	lines := 0
	r := e2e.Run(t, "--help")
	for line := range strings.Lines(r.Out) {
		lines++
		require.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 80, line)
	}
	require.LessOrEqual(t, lines, 30)
}
