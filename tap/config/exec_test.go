//go:build unix

package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command that fails at first, or is killed, is called again: the token must not be lost.
func TestTokenIsSavedAfterItsCommandFails(t *testing.T) {
	dir := t.TempDir()
	kept, calls := filepath.Join(dir, "token"), filepath.Join(dir, "calls")
	script := `echo x >> ` + calls + `; case $(wc -l < ` + calls +
		`) in 1) exit 3;; 2) kill -9 $$;; esac; cat > ` + kept
	require.NoError(t, KeepToken([]string{"/bin/sh", "-c", script}, "the token"))
	got, err := os.ReadFile(kept)
	require.NoError(t, err)
	assert.Equal(t, "the token", string(got))
}

func TestFailingTokenCommandIsNamed(t *testing.T) {
	err := KeepToken([]string{"/bin/sh", "-c", "cat >&2; exit 1"}, "the token")
	assert.ErrorContains(t, err, "refresh_token_exec /bin/sh: exit status 1")
	assert.NotContains(t, err.Error(), "the token", "what it prints is not repeated")
	assert.Error(t, KeepToken([]string{filepath.Join(t.TempDir(), "missing")}, "the token"))
}
