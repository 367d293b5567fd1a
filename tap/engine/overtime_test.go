package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
)

// sluggish is a loader that takes a second for each write.
type sluggish struct{ bytes.Buffer }

func (s *sluggish) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Buffer.Write(p)
}

// max_run_time never ends a run in the middle of a page, however slowly the loader reads.
func TestMaxRunTimeEndsAfterAWholePage(t *testing.T) {
	var rows []string
	for id := range 500 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"updated_at":"2026-01-01T00:00:00Z","text":%q}`,
			id+1, strings.Repeat("x", 1000)))
	}
	body := "[" + strings.Join(rows, ",") + "]"
	synctest.Test(t, func(t *testing.T) {
		out, pages := &sluggish{}, 0
		source := script(func(_ tap.Request, take func(tap.Page) error) error {
			pages++
			return take(tap.Page{Body: []byte(body), Next: fmt.Sprint(pages), Asked: simWorld})
		})
		sum, err := runEngine(t, t.Context(), source, out,
			func(e *engine.Engine) { e.MaxRunTime, e.Concurrency = 2*time.Second, 1 }, "x")
		require.NoError(t, err)
		assert.True(t, sum.Overtime)
		assert.Equal(t, 500*sum.Streams[0].Pages, sum.Records())
		assert.Equal(t, sum.Records(), strings.Count(out.String(), `"RECORD"`))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		assert.Contains(t, lines[len(lines)-1], `"STATE"`)
	})
}
