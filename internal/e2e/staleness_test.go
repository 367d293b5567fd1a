package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// With max_staleness, lists that stay quiet are left alone, full tables and busy lists are not, and
// what was left alone comes in the end.
func TestMaxStalenessLeavesQuietListsAlone(t *testing.T) {
	t.Parallel()
	for _, deletes := range []any{nil, map[string]any{"store": "file://" + filepath.ToSlash(t.TempDir())}} {
		s := Serve(t, sandbox.Options{})
		config := With(s, map[string]any{
			"max_staleness": "24h", "lookback": "0s", "deletes": deletes,
			"streams": []string{"users", "jobs", "candidates", "demographic_questions"},
		})
		var l loader.Loader
		random := rand.New(rand.NewPCG(1, 1))
		var state []byte
		for range 4 {
			s.ResetRequests()
			s.Change("candidates", random, 1, 0, 0)
			require.Zero(t, Load(t, &l, config, state).Code)
			state = l.LastState()
		}
		lists, _, _ := s.Requests()
		assert.Equal(t, map[string]int{"candidates": 1, "demographic_questions": 1}, lists)
		assert.Contains(t, string(state), `"quiet":2`)

		s.Change("users", random, 1, 0, 0)
		delete(config, "max_staleness")
		require.Zero(t, Load(t, &l, config, state).Code)
		Complete(t, s, &l, "users", "jobs", "candidates", "demographic_questions")
		assert.NotContains(t, string(l.LastState()), `"quiet":2`)
	}
}
