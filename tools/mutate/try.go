package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// try tries mutants of a package, until it has o.n that compile.
func try(pkg string, o options) (score, error) {
	var s score
	began := time.Now()
	limit, err := baseline(pkg)
	if err != nil {
		return s, err
	}
	fset := token.NewFileSet()
	files, err := parse(fset, pkg)
	if err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	for _, m := range choose(fset, files, o.seed) {
		if s.tried == o.n || o.bound > 0 && time.Since(began) > o.bound {
			break
		}
		undo := m.apply()
		var text bytes.Buffer
		err := printer.Fprint(&text, fset, files[m.file])
		undo()
		if err != nil {
			return s, err
		}
		result, err := test(pkg, m.file, dir, text.Bytes(), limit)
		if err != nil {
			return s, err
		}
		switch result {
		case broken: // it does not compile, so it does not count
		case killed:
			s.tried, s.noticed = s.tried+1, s.noticed+1
		case survived:
			s.tried++
			fmt.Printf("  survived: %s:%d: %s\n", m.file, m.line, m.what)
		}
	}
	return s, nil
}

// parse returns the files of a package that are built on this platform, without its tests.
func parse(fset *token.FileSet, pkg string) (map[string]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		built, err := build.Default.MatchFile(filepath.Split(path))
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(path, "_test.go") || !built {
			continue
		}
		if files[path], err = parser.ParseFile(fset, path, nil, parser.ParseComments); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// choose returns all mutants, in an order that the seed determines.
func choose(fset *token.FileSet, files map[string]*ast.File, seed uint64) []mutant {
	var mutants []mutant
	for path, f := range files {
		mutants = append(mutants, mutantsOf(fset, path, f)...)
	}
	slices.SortStableFunc(mutants, func(a, b mutant) int {
		return strings.Compare(fmt.Sprintf("%s %06d %s", a.file, a.line, a.what),
			fmt.Sprintf("%s %06d %s", b.file, b.line, b.what))
	})
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	return mutants
}

// baseline runs the tests of the unchanged package, which must pass: otherwise every mutant would
// seem noticed. It returns the time limit for the tests of a mutant; one that needs longer counts
// as noticed.
func baseline(pkg string) (limit time.Duration, err error) {
	if tests, err := filepath.Glob(filepath.Join(pkg, "*_test.go")); err != nil || tests == nil {
		return 0, errors.Join(err, fmt.Errorf("%s: there are no tests", pkg))
	}
	out, err := goTest(pkg, 10*time.Minute, "-run", "^$").CombinedOutput()
	if err == nil {
		began := time.Now()
		out, err = goTest(pkg, 10*time.Minute, "-count=1").CombinedOutput()
		limit = 20*time.Second + 5*time.Since(began)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: its tests fail without any change; mend them first\n%s", pkg, out)
	}
	return limit, nil
}

// goTest is a run of a package's quick tests.
func goTest(pkg string, limit time.Duration, more ...string) *exec.Cmd {
	args := append([]string{
		"test", "-short", "-failfast", "-vet=off", "-timeout",
		limit.String(),
	}, more...)
	return exec.Command("go", append(args, "./"+pkg)...)
}

type result uint8

const (
	survived result = iota
	killed
	broken
)

// test runs the tests of a package with another version of one of its files.
func test(pkg, file, dir string, content []byte, limit time.Duration) (result, error) {
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, content, 0o600); err != nil {
		return survived, err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return survived, err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, abs, changed),
		0o600); err != nil {
		return survived, err
	}
	out, err := goTest(pkg, limit, "-overlay", overlay).CombinedOutput()
	switch {
	case err == nil:
		return survived, nil
	case bytes.Contains(out, []byte("[build failed]")):
		return broken, nil
	}
	return killed, nil
}
