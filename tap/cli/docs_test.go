package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The config accepts the lists of streams on the admin's page.
func TestStreamsOnTheAdminPageExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "admin.md"))
	require.NoError(t, err)
	found := regexp.MustCompile("`(\\[\".*?\\])`").FindAllSubmatch(page, -1)
	require.NotEmpty(t, found)
	for _, list := range found {
		var streams []string
		require.NoError(t, json.Unmarshal(list[1], &streams))
		config := file(t, "c.json", map[string]any{"streams": streams})
		r := run(t, "scopes", "--config", config)
		assert.Zero(t, r.code, r.err)
		assert.Contains(t, r.out, "harvest:users:list")
	}
}
