package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// mutant is a change of one place.
type mutant struct {
	file  string
	line  int
	what  string
	apply func() (undo func())
}

// swaps are operators and their replacements.
var swaps = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND, token.ADD: token.SUB, token.SUB: token.ADD,
}

// finder collects the mutants of a file.
type finder struct {
	fset  *token.FileSet
	path  string
	found []mutant
	// silent are values of which no other one would be noticed.
	silent map[ast.Node]bool
	// spans are the numbers of durations.
	spans map[ast.Node]bool
}

func mutantsOf(fset *token.FileSet, path string, f *ast.File) []mutant {
	found := &finder{
		fset: fset, path: path, silent: map[ast.Node]bool{}, spans: map[ast.Node]bool{},
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.StructType: // paths and tags are no constants of the program
			return false
		case *ast.CallExpr:
			found.capacity(n)
			found.unseen(n)
		case *ast.CompositeLit:
			found.timeouts(n)
		case *ast.BinaryExpr:
			found.operator(n)
			found.span(n)
		case *ast.UnaryExpr:
			found.negation(n)
			found.none(n)
		case *ast.IfStmt:
			found.condition(n)
		case *ast.BlockStmt:
			found.calls(n)
		case *ast.BasicLit:
			found.number(n)
		case *ast.Ident:
			found.truth(n)
		case *ast.ValueSpec:
			found.texts(n.Values)
		case *ast.CaseClause:
			found.texts(n.List)
		case *ast.FuncDecl:
			found.returns(n.Type, n.Body)
		case *ast.FuncLit:
			found.returns(n.Type, n.Body)
		}
		return true
	})
	return found.found
}

func (f *finder) add(n ast.Node, what string, apply func() func()) {
	f.found = append(f.found, mutant{f.path, f.fset.Position(n.Pos()).Line, what, apply})
}

// become adds a mutant that replaces a value.
func become[T any](f *finder, n ast.Node, what string, place *T, to T) {
	from := *place
	f.add(n, what, func() func() {
		*place = to
		return func() { *place = from }
	})
}

func (f *finder) operator(n *ast.BinaryExpr) {
	to, ok := swaps[n.Op]
	if y, literal := n.Y.(*ast.BasicLit); !ok || f.silent[n] ||
		n.Op == token.ADD && literal && y.Kind == token.STRING {
		return
	}
	become(f, n, fmt.Sprintf("%s became %s", n.Op, to), &n.Op, to)
}

func (f *finder) negation(n *ast.UnaryExpr) {
	if n.Op == token.NOT {
		become[ast.Expr](f, n, "! was left out", &n.X, not(n.X))
	}
}

// none notes that -1 stands for no index, like any other negative number.
func (f *finder) none(n *ast.UnaryExpr) {
	if one, ok := n.X.(*ast.BasicLit); ok && n.Op == token.SUB && one.Value == "1" {
		f.silent[one] = true
	}
}

func (f *finder) condition(n *ast.IfStmt) {
	if n.Init == nil {
		become[ast.Expr](f, n, "the condition was negated", &n.Cond, not(n.Cond))
	}
}

func not(x ast.Expr) ast.Expr { return &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: x}} }

// calls leaves out each statement that is only a call.
func (f *finder) calls(n *ast.BlockStmt) {
	for i, s := range n.List {
		if e, ok := s.(*ast.ExprStmt); ok {
			if _, call := e.X.(*ast.CallExpr); call {
				become[ast.Stmt](f, s, "a call was left out", &n.List[i], &ast.EmptyStmt{})
			}
		}
	}
}

// capacity notes that a slice's capacity, and the size of a map, are only hints.
func (f *finder) capacity(n *ast.CallExpr) {
	if fun, ok := n.Fun.(*ast.Ident); !ok || fun.Name != "make" || len(n.Args) < 2 {
		return
	}
	if _, isMap := n.Args[0].(*ast.MapType); isMap || len(n.Args) == 3 {
		ast.Inspect(n.Args[len(n.Args)-1], func(n ast.Node) bool {
			f.silent[n] = true
			return true
		})
	}
}

// unseen are arguments of which no other value would be noticed: the mode of a file that is opened,
// mostly 0 because none is made, and the bits of a float, which are 64 unless they are 32.
var unseen = map[string]int{"OpenFile": 2, "ParseFloat": 1}

func (f *finder) unseen(n *ast.CallExpr) {
	if fun, ok := n.Fun.(*ast.SelectorExpr); ok {
		if i, ok := unseen[fun.Sel.Name]; ok && i < len(n.Args) {
			f.silent[n.Args[i]] = true
		}
	}
}

// timeouts notes that those of sockets pass on a real clock, for which no test waits.
func (f *finder) timeouts(n *ast.CompositeLit) {
	of, ok := n.Type.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if pkg, ok := of.X.(*ast.Ident); !ok || pkg.Name != "net" && pkg.Name != "http" {
		return
	}
	for _, e := range n.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if name, ok := field.Key.(*ast.Ident); ok && strings.HasSuffix(name.Name, "Timeout") {
			ast.Inspect(field.Value, func(n ast.Node) bool {
				f.silent[n] = true
				return true
			})
		}
	}
}

// span notes the number of a duration, such as 500 * time.Millisecond.
func (f *finder) span(n *ast.BinaryExpr) {
	unit, ok := n.Y.(*ast.SelectorExpr)
	if !ok || n.Op != token.MUL {
		return
	}
	if pkg, ok := unit.X.(*ast.Ident); ok && pkg.Name == "time" {
		f.spans[n.X] = true
	}
}

// number adds one to a number, but to no file mode; more to a float and to a duration, of which one
// may be little.
func (f *finder) number(n *ast.BasicLit) {
	if f.silent[n] || n.Kind != token.INT && n.Kind != token.FLOAT || strings.HasPrefix(n.Value, "0o") {
		return
	}
	to := "(2*" + n.Value + " + 1)"
	if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil && !f.spans[n] {
		to = strconv.FormatInt(v+1, 10)
	}
	become(f, n, fmt.Sprintf("%s became %s", n.Value, to), &n.Value, to)
}

func (f *finder) truth(n *ast.Ident) {
	if f.silent[n] {
		return
	}
	switch n.Name {
	case "true":
		become(f, n, "true became false", &n.Name, "false")
	case "false":
		become(f, n, "false became true", &n.Name, "true")
	}
}

// texts changes the texts that have a name or that a switch compares; few others decide anything.
func (f *finder) texts(values []ast.Expr) {
	for _, v := range values {
		if n, ok := v.(*ast.BasicLit); ok && n.Kind == token.STRING {
			become(f, n, n.Value+" became another text", &n.Value, strconv.Quote("?"))
		}
	}
}

// returns replaces the values that a function returns by the zero value of their type.
func (f *finder) returns(t *ast.FuncType, body *ast.BlockStmt) {
	if body == nil {
		return
	}
	zeros := zerosOf(t.Results)
	ast.Inspect(body, func(n ast.Node) bool {
		r, ok := n.(*ast.ReturnStmt)
		if _, inner := n.(*ast.FuncLit); inner || !ok {
			return !inner
		}
		fails := failing(t.Results, r)
		for i := range r.Results {
			if fails && constant(r.Results[i]) {
				f.silent[r.Results[i]] = i < len(r.Results)-1 // nobody looks at it
				continue
			}
			if len(r.Results) != len(zeros) || zeros[i] == "" {
				continue // one call returns all values, or the zero is not known
			}
			switch n := r.Results[i].(type) {
			case *ast.Ident:
				if n.Name == zeros[i] || n.Name == "true" {
					continue // no change, or one that another mutant makes
				}
			case *ast.BasicLit:
				if n.Value == zeros[i] || n.Kind == token.INT {
					continue
				}
			}
			become[ast.Expr](f, r, fmt.Sprintf("result %d became %s", i+1, zeros[i]),
				&r.Results[i], ast.NewIdent(zeros[i]))
		}
		return true
	})
}

// failing reports whether a return hands on an error, or says that it is not ok.
func failing(results *ast.FieldList, r *ast.ReturnStmt) bool {
	if results == nil || len(r.Results) < 2 || len(r.Results) != results.NumFields() {
		return false
	}
	field := results.List[len(results.List)-1]
	kind, ok := field.Type.(*ast.Ident)
	named := len(field.Names) == 1 && field.Names[0].Name == "ok"
	if !ok || kind.Name != "error" && !named {
		return false
	}
	switch last := r.Results[len(r.Results)-1].(type) {
	case *ast.Ident:
		return named && last.Name == "false" || !named && last.Name != "nil"
	case *ast.CallExpr:
		made, ok := last.Fun.(*ast.SelectorExpr)
		return ok && (made.Sel.Name == "Errorf" || made.Sel.Name == "New")
	}
	return false
}

// constant reports whether a result is a literal, true or false.
func constant(x ast.Expr) bool {
	if name, ok := x.(*ast.Ident); ok {
		return name.Name == "true" || name.Name == "false"
	}
	_, ok := x.(*ast.BasicLit)
	return ok
}

// zerosOf returns the zero value of each result as text, or "" where the type does not show it.
func zerosOf(results *ast.FieldList) []string {
	if results == nil {
		return nil
	}
	var zeros []string
	for _, field := range results.List {
		for range max(1, len(field.Names)) {
			zeros = append(zeros, zero(field.Type))
		}
	}
	return zeros
}

func zero(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr, *ast.MapType, *ast.FuncType, *ast.InterfaceType, *ast.ChanType:
		return "nil"
	case *ast.ArrayType:
		if t.Len == nil {
			return "nil"
		}
	case *ast.Ident:
		switch t.Name {
		case "error", "any":
			return "nil"
		case "string":
			return `""`
		case "int", "int64", "uint64", "uint8", "byte", "float64":
			return "0"
		case "bool":
			return "false"
		}
	}
	return ""
}
