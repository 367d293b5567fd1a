package greenhouse_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

const module = "github.com/tap-greenhouse/tap-greenhouse"

// reader is a program with the example of the package's comment in it.
const reader = `package main

import (
	"context"
	"fmt"
	"os"

	"` + module + `/tap/config"
	"` + module + `/tap/greenhouse"
)

func read(ctx context.Context, id, secret string, state []byte) error {
%s
	return nil
}

func main() {
	if err := read(context.Background(), os.Args[1], os.Args[2], nil); err != nil {
		os.Exit(greenhouse.ExitCode(err, true))
	}
}
`

// program makes a module of the example in the package's comment, and returns its folder.
func program(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var example strings.Builder
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			example.WriteString(code)
		}
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	_, required, _ := strings.Cut(string(mod), "\n") // after the module's name
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": fmt.Sprintf("module reader\n%s\nrequire %s v0.0.0\nreplace %[2]s => %s\n",
			required, module, filepath.ToSlash(root)),
		"go.sum":  string(sum),
		"main.go": fmt.Sprintf(reader, example.String()),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return folder
}

// golang runs the go command in a folder, without a network.
func golang(t *testing.T, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// The example in the package's comment compiles in a module of its own, and such a program contains
// no client for S3.
func TestReadersExampleCompiles(t *testing.T) {
	t.Parallel()
	folder := program(t)
	packages := golang(t, folder, "list", "-deps", "-export", ".") // which compiles it
	assert.Contains(t, packages, module+"/tap/store\n")
	for _, heavy := range []string{"minio", "/tap/store/s3", "/tap/sandbox", "/tap/cli", "kong"} {
		assert.NotContains(t, packages, heavy)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A program's own transport makes all requests.
func TestTransportMakesAllRequests(t *testing.T) {
	t.Parallel()
	cfg, done := settings(map[string]any{"streams": []string{"jobs"}})
	defer done()
	var requests atomic.Int32
	account := greenhouse.Open(cfg, greenhouse.Options{
		Transport: tripper(func(req *http.Request) (*http.Response, error) {
			requests.Add(1)
			return http.DefaultTransport.RoundTrip(req)
		}),
	})
	defer account.Close()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	require.NoError(t, err)
	report, err := run.Do(t.Context(), io.Discard)
	require.NoError(t, err)
	assert.Positive(t, report.Requests.Lists)
	assert.GreaterOrEqual(t, int64(requests.Load()), report.Requests.Lists+report.Requests.Tokens)
}

// Reach answers for the streams of schemas.Load, in the words that the package's comment names.
func TestReachAnswersInItsWords(t *testing.T) {
	t.Parallel()
	cfg, done := settings(nil)
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	streams, err := schemas.Load("jobs", "users")
	require.NoError(t, err)
	reach, err := account.Reach(t.Context(), streams)
	require.NoError(t, err)
	assert.Equal(t, map[string]rights.Reach{"jobs": rights.Yes, "users": rights.Yes}, reach)
}

// Errors have a kind that a program can act on.
func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	for _, members := range []map[string]any{
		{"client_id": 1}, {"client_id": make(chan int)}, {"streams": []string{"job"}},
	} {
		_, err := config.From(members)
		assert.Equal(t, tap.BadInput, tap.KindOf(err), "%v", err)
	}
	cfg, done := settings(map[string]any{"client_secret": "another"})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	assert.Equal(t, tap.Credentials, tap.KindOf(account.Check(t.Context())))
	cfg, err := config.From(nil)
	require.NoError(t, err)
	empty := greenhouse.Open(cfg, greenhouse.Options{})
	defer empty.Close()
	_, err = empty.Prepare(t.Context(), greenhouse.Read{})
	assert.Equal(t, tap.BadInput, tap.KindOf(err), "%v", err)
}
