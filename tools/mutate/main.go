// Command mutate changes one place of the code at a time and reports whether the package's own
// tests notice. It prints a score for each package, and the mutants that survived. A seed
// determines the choice of mutants.
//
//	go run ./tools/mutate [-n 20] [-seed 1] [-for 1m] [-least 80] PACKAGE...
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	n := flag.Int("n", 20, "mutants of each package")
	seed := flag.Uint64("seed", 1, "seed of the choice")
	least := flag.Int("least", 0, "fail where fewer percent of all mutants are noticed")
	bound := flag.Duration("for", 0,
		"time for each package; fewer mutants are tried where it is up; 0 for no bound")
	limit := flag.Duration("limit", 90*time.Second,
		"time for the tests of a mutant; one that takes longer counts as noticed")
	flag.Parse()
	noticed, all := 0, 0
	for _, pkg := range flag.Args() {
		k, total, err := try(pkg, *n, *seed, *limit, *bound)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		noticed, all = noticed+k, all+total
		fmt.Printf("%s: %d of %d mutants were noticed\n", pkg, k, total)
	}
	score := 100 * noticed / max(1, all)
	fmt.Printf("mutants: %d of %d were noticed (%d%%)\n", noticed, all, score)
	if score < *least {
		os.Exit(1)
	}
}

// mutant is a change of one place.
type mutant struct {
	file  string
	line  int
	what  string
	apply func() (undo func())
}

func try(
	pkg string, n int, seed uint64, limit, bound time.Duration,
) (noticed, total int, err error) {
	began := time.Now()
	fset := token.NewFileSet()
	files := map[string]*ast.File{}
	original := map[string][]byte{}
	err = filepath.WalkDir(pkg, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != pkg:
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		if original[path], err = os.ReadFile(path); err != nil {
			return err
		}
		files[path], err = parser.ParseFile(fset, path, original[path], parser.ParseComments)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	var mutants []mutant
	for path, f := range files {
		mutants = append(mutants, mutantsOf(fset, path, f)...)
	}
	slices.SortFunc(mutants, func(a, b mutant) int {
		return strings.Compare(fmt.Sprintf("%s %06d %s", a.file, a.line, a.what),
			fmt.Sprintf("%s %06d %s", b.file, b.line, b.what))
	})
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	overlay, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(overlay)
	for _, m := range mutants {
		if total == n || bound > 0 && time.Since(began) > bound {
			break
		}
		undo := m.apply()
		var text bytes.Buffer
		err := printer.Fprint(&text, fset, files[m.file])
		undo()
		if err != nil {
			return 0, 0, err
		}
		result, err := test(pkg, m.file, overlay, text.Bytes(), limit)
		if err != nil {
			return 0, 0, err
		}
		if result == broken {
			continue // it does not compile, so it does not count
		}
		total++
		if result == killed {
			noticed++
			continue
		}
		fmt.Printf("  survived: %s:%d: %s\n", m.file, m.line, m.what)
	}
	return noticed, total, nil
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
	if exec.Command("go", "build", "-overlay", overlay, "./"+pkg).Run() != nil {
		return broken, nil
	}
	if exec.Command("go", "test", "-short", "-failfast", "-vet=off", "-timeout", limit.String(),
		"-overlay", overlay, "./"+pkg).Run() != nil {
		return killed, nil
	}
	return survived, nil
}

// swaps are operators and their replacements.
var swaps = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND, token.ADD: token.SUB, token.SUB: token.ADD,
}

func mutantsOf(fset *token.FileSet, path string, f *ast.File) []mutant {
	var found []mutant
	add := func(n ast.Node, what string, apply func() func()) {
		found = append(found, mutant{path, fset.Position(n.Pos()).Line, what, apply})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			to, ok := swaps[n.Op]
			if _, text := n.Y.(*ast.BasicLit); !ok || n.Op == token.ADD && text &&
				n.Y.(*ast.BasicLit).Kind == token.STRING {
				return true
			}
			from := n.Op
			add(n, fmt.Sprintf("%s became %s", from, to), func() func() {
				n.Op = to
				return func() { n.Op = from }
			})
		case *ast.UnaryExpr:
			if n.Op != token.NOT {
				return true
			}
			x := n.X
			add(n, "! was left out", func() func() {
				n.X = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: x}}
				return func() { n.X = x }
			})
		case *ast.IfStmt:
			if n.Init != nil {
				return true
			}
			cond := n.Cond
			add(n, "the condition was negated", func() func() {
				n.Cond = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: cond}}
				return func() { n.Cond = cond }
			})
		case *ast.BlockStmt:
			for i, s := range n.List {
				e, ok := s.(*ast.ExprStmt)
				if !ok {
					continue
				}
				if _, call := e.X.(*ast.CallExpr); !call {
					continue
				}
				add(s, "a call was left out", func() func() {
					n.List[i] = &ast.EmptyStmt{}
					return func() { n.List[i] = s }
				})
			}
		}
		return true
	})
	return found
}
