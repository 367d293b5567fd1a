package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A run that takes too long ends by itself, and the next one continues.
func TestMaxRunTime(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Limit: 5, Window: 2 * time.Second})
	cfg := With(s, map[string]any{"max_run_time": "1s", "streams": []string{"*"}})
	r := Run(t, "--config", File(t, "c.json", cfg))
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "max_run_time was reached")
	assert.Contains(t, r.Err, "not finished: ")
	assert.NotEmpty(t, LastState(t, r.Out))
	assert.Contains(t, r.Out, `"reason":"stopped: the run was stopped (max_run_time was reached)"`,
		"sync_log tells a run that is to go on from one that somebody stopped")
}

// A run whose last page arrives just as its time is over is complete.
func TestRunThatEndsJustInTimeIsComplete(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Latency: 1200 * time.Millisecond})
	r := Run(t, "--config", File(t, "c.json",
		With(s, map[string]any{"max_run_time": "1s", "streams": []string{"users", "jobs"}})))
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "summary: 2 of 2 streams complete")
	assert.NotContains(t, r.Err, "max_run_time was reached")
}

// The summary of a stopped run says what is complete and what is not, and --test writes no state.
func TestSummaryOfAStoppedRun(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Limit: 5, Window: 2 * time.Second})
	streams := []string{"job*", "candidate*", "scorecard*"}
	cfg := File(t, "c.json", With(s,
		map[string]any{"max_run_time": "1s", "concurrency": 2, "streams": streams}))
	r := Run(t, "--config", cfg)
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "not finished: ")
	assert.NotContains(t, r.Err, "failed: ")
	r = Run(t, "--config", cfg, "--test")
	assert.NotContains(t, r.Out, `"STATE"`)
}
