package main

import (
	"go/parser"
	"go/token"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A package whose tests fail by themselves must not seem to notice every mutant.
func TestRedPackageIsRefused(t *testing.T) {
	_, err := try("testdata/red", options{n: 20, seed: 1})
	require.ErrorContains(t, err, "testdata/red: its tests fail without any change")
	require.ErrorContains(t, err, "it is not 11")
}

func TestPackageWithoutTestsIsRefused(t *testing.T) {
	_, err := try("testdata", options{n: 20, seed: 1})
	require.ErrorContains(t, err, "there are no tests")
}

func TestSurvivorsAreNamed(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = w
	s, err := try("testdata/green", options{n: 20, seed: 1})
	os.Stdout = stdout
	require.NoError(t, err)
	require.NoError(t, w.Close())
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, `  survived: testdata/green/limit.go:7: result 2 became ""`+"\n", string(out))
	require.Equal(t, score{noticed: 5, tried: 6}, s)
}

// What only hints, changes nothing, or stands beside an error, is no mutant: no test could notice
// it.
func TestSilentValuesAreNoMutants(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "silent.go", `package silent
func f(n int) (int, bool, error) {
	list := make([]int, 0, 4)
	list = append(list, strconv.ParseFloat("1", 64))
	if err := check(); err != nil {
		return 7, true, err
	}
	os.OpenFile("name", os.O_WRONLY, 0)
	strconv.ParseFloat("1", 64)
	list = append(list, net.Dialer{Timeout: 30 * time.Second}, own{Timeout: 30})
	return 0, true, nil
}
func g() (n int, ok bool) {
	if late {
		return 5, true
	}
	return 6, false
}
func h() int { return -1 }`, 0)
	require.NoError(t, err)
	var all []string
	for _, m := range mutantsOf(fset, "silent.go", f) {
		all = append(all, m.what)
	}
	require.ElementsMatch(t, []string{
		"0 became 1", "0 became 1", "!= became ==", "true became false", "result 3 became nil",
		"a call was left out", "a call was left out", "30 became 31",
		"the condition was negated", "5 became 6", "true became false", "false became true",
		"result 1 became 0",
	}, all)
}

// A number becomes another one that makes a difference.
func TestNumbersBecomeOthers(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "numbers.go", `package numbers
var a, b, c, d = 7, 1e9, 0o600, 500*time.Millisecond`, 0)
	require.NoError(t, err)
	var all []string
	for _, m := range mutantsOf(fset, "numbers.go", f) {
		all = append(all, m.what)
	}
	require.ElementsMatch(t, []string{
		"7 became 8", "1e9 became (2*1e9 + 1)", "500 became (2*500 + 1)",
	}, all)
}
