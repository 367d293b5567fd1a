package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
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
		config := e2e.File(t, "c.json", map[string]any{"streams": streams})
		r := e2e.Run(t, "scopes", "--config", config)
		assert.Zero(t, r.Code, r.Err)
		assert.Contains(t, r.Out, "harvest:users:list")
	}
}

// The page of commands has each command that --help lists.
func TestThePageOfCommandsHasThemAll(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "settings.md"))
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "\n## Commands\n")
	require.True(t, ok)
	_, commands, ok := strings.Cut(e2e.Run(t, "--help").Out, "\nCommands:\n")
	require.True(t, ok)
	commands, _, _ = strings.Cut(commands, "\n\n")
	lines := regexp.MustCompile(`(?m)^  (\w+(?:, \w+)*)  `).FindAllStringSubmatch(commands, -1)
	require.Greater(t, len(lines), 5)
	for _, line := range lines {
		for command := range strings.SplitSeq(line[1], ", ") {
			assert.Regexp(t, "`(tap-greenhouse )?"+command+"\\b", table)
		}
	}
}
