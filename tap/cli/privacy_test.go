package cli_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
)

const privacyKey = "a key of more than sixteen bytes"

func TestPrivacyTable(t *testing.T) {
	cfg := e2e.File(t, "c.json", map[string]any{
		"privacy": map[string]any{
			"contact":   "hash",
			"free_text": "drop",
		}, "privacy_key": privacyKey,
		"privacy_columns": map[string]any{"users.*": "keep"},
	})
	csv := e2e.Run(t, "privacy", "--config", cfg, "--format", "csv")
	require.Zero(t, csv.Code, csv.Err)
	lines := strings.Split(csv.Out, "\n")
	assert.Equal(t, "stream,column,class,treatment", lines[0])
	for _, want := range []string{
		"candidates,first_name,contact,hash", "candidates,phone_numbers.value,contact,hash",
		"candidates,phone_numbers.type,none,keep",
		"users,first_name,contact,keep", "candidates,*,unclassified,drop",
		"notes,body,free_text,drop", "applications,candidate_id,none,keep",
	} {
		assert.Contains(t, lines, want)
	}
	all, err := schemas.Load()
	require.NoError(t, err)
	for _, s := range all {
		shape, err := s.Shape()
		require.NoError(t, err)
		for _, c := range shape.Columns {
			assert.True(t, slices.ContainsFunc(lines,
				func(l string) bool { return strings.HasPrefix(l, s.Name+","+c.Name+",") }),
				"%s.%s", s.Name, c.Name)
		}
	}
	assert.Contains(t, e2e.Run(t, "privacy").Out, "0 hash, 0 mask")
}

// The table can be read on one screen. What it sums up is what its rows say.
func TestPrivacyTableSumsUp(t *testing.T) {
	cfg := e2e.File(t, "c.json", map[string]any{
		"client_id": "a", "client_secret": "b", "privacy_key": privacyKey,
		"privacy": map[string]any{"contact": "hash", "demographic": "drop"},
	})
	var rows []map[string]string
	require.NoError(t, json.Unmarshal([]byte(e2e.Run(t, "privacy", "--config", cfg,
		"--format", "json").Out), &rows))
	counts := map[string]int{}
	for _, r := range rows {
		counts[r["class"]+" "+r["treatment"]]++
		counts[r["stream"]+" "+r["treatment"]]++
		counts[r["treatment"]]++
	}
	line := func(key string) string {
		return fmt.Sprintf(`(?m)^%s +%d +%d +%d +%d\b`, key, counts[key+" keep"],
			counts[key+" hash"], counts[key+" mask"], counts[key+" drop"])
	}
	for by, want := range map[string][]string{
		"class":     {"^CLASS ", line("contact"), line("demographic"), line("none")},
		"stream":    {"^STREAM ", line("candidates"), line("eeoc")},
		"treatment": {fmt.Sprintf("(?m)^hash: %d columns", counts["hash"]), "  referrers: name"},
	} {
		r := e2e.Run(t, "privacy", "--config", cfg, "--by", by)
		require.Zero(t, r.Code, r.Err)
		for _, pattern := range want {
			assert.Regexp(t, pattern, r.Out)
		}
		for text := range strings.Lines(r.Out) {
			assert.LessOrEqual(t, utf8.RuneCountInString(text), 81, text)
		}
		assert.Contains(t, r.Out, fmt.Sprintf("all: %d columns: ", len(rows)))
	}
	assert.Contains(t, e2e.Run(t, "privacy", "--config", cfg).Out, "  preferred_name", "each column")
	assert.Equal(t, 2, e2e.Run(t, "privacy", "--by", "colour").Code)
}
