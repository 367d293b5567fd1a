package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	strange = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
)

// pages returns all pages of the repository, by path.
func pages(t *testing.T) map[string]string {
	found := map[string]string{}
	t.Chdir("../..")
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".md"):
			text, err := os.ReadFile(path)
			found[filepath.ToSlash(path)] = fence.ReplaceAllString(string(text), "")
			return err
		}
		return nil
	}))
	return found
}

// anchors returns the names that a page's headings have on GitHub.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(strange.ReplaceAllString(m[1], ""))
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

// Each link of a page leads to a file and a heading that exist.
func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for path, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], ":") {
				continue // of another host
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := path
			if file != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), file))
				assert.FileExists(t, to, "%s links to %s", path, m[1])
			}
			if page, ok := all[to]; ok && anchor != "" {
				assert.True(t, anchors(page)[anchor], "%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

// The tests that docs/reliability.md names exist.
func TestNamedTestsExist(t *testing.T) {
	page := pages(t)["docs/reliability.md"]
	var code strings.Builder
	for _, folder := range []string{"tap", "schemas", "internal"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		}))
	}
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(page, -1) {
		assert.Contains(t, code.String(), "func "+m[1]+"(", "docs/reliability.md")
	}
}
