package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A message that the page for people on call quotes is one that the program has. Whoever changes a
// message changes the page, too.
func TestMessagesOnTheOnCallPageExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "on-call.md"))
	require.NoError(t, err)
	texts := strings.Join(literals(t, filepath.Join("..", "..", "tap")), "\n")
	quoted := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || !strings.HasPrefix(line, "|") {
			continue
		}
		for _, quote := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			quoted++
			for part := range strings.SplitSeq(quote[1], "…") {
				assert.Contains(t, texts, part, "quoted as %q", quote[1])
			}
		}
	}
	assert.Greater(t, quoted, 30)
}

// literals returns the strings in the Go files of a folder, joined where they are added.
func literals(t *testing.T, folder string) (texts []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text := joined(e)
			texts = append(texts, text)
			return text == ""
		})
		return nil
	}))
	return texts
}

// joined returns the text of a string literal, or of several that are added to each other.
func joined(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if e.Kind == token.STRING && err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return joined(e.X) + joined(e.Y)
		}
	}
	return ""
}
