package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// --log-level goes before the environment, and is checked.
func TestLogLevel(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	cfg := e2e.File(t, "c.json", e2e.With(s, map[string]any{"streams": []string{"users"}, "unknown": 1}))
	for _, c := range []struct {
		environment, level string
		info, warning      bool
	}{
		{"", "debug", true, true},
		{"", "info", true, true},
		{"ERROR", "WARNING", false, true},
		{"DEBUG", "error", false, false},
		{"WARNING", "", false, true},
		{"", "", true, true},
	} {
		t.Setenv("LOGLEVEL", c.environment)
		args := []string{"--config", cfg}
		if c.level != "" {
			args = append(args, "--log-level", c.level)
		}
		r := e2e.Run(t, args...)
		require.Zero(t, r.Code, r.Err)
		assert.Equal(t, c.info, strings.Contains(r.Err, "summary: "), c)
		assert.Equal(t, c.warning, strings.Contains(r.Err, "unknown key"), c)
	}
	r := e2e.Run(t, "--config", cfg, "--log-level=loud")
	assert.Equal(t, 2, r.Code)
	assert.Contains(t, r.Err, "--log-level must be debug, info, warning or error")
	assert.Contains(t, e2e.Run(t, "--version", "--log-level").Err, "--log-level")
}

// A pattern that refreshes nothing is a mistake, and nothing is read.
func TestRefreshOfNothingIsAnError(t *testing.T) {
	s := e2e.Serve(t, sandbox.Options{})
	cfg := e2e.File(t, "c.json", e2e.With(s, map[string]any{"streams": []string{"users"}}))
	for pattern, want := range map[string]string{
		"jobs": "matches no selected stream", "usres": `did you mean \"users\"?`,
		"[": "no valid pattern",
	} {
		r := e2e.Run(t, "--config", cfg, "--refresh", pattern)
		assert.Equal(t, 2, r.Code)
		assert.Contains(t, r.Err, want)
		assert.Empty(t, r.Out)
	}
}
