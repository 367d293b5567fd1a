package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/plan"
)

func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), screenWidth, line)
	}
}

// The tables fit a screen with the longest names, a large account, and all that can be said of a
// stream.
func TestTablesFitTheScreen(t *testing.T) {
	streams, err := schemas.Lists()
	require.NoError(t, err)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	rows := 12_345_678
	status, planned := &greenhouse.Status{}, &greenhouse.Plan{}
	for _, s := range streams {
		status.Streams = append(status.Streams, greenhouse.StreamStatus{
			Stream: s.Name, CompleteUntil: now.Add(-time.Hour), VerifiedUntil: now.AddDate(-1, 0, 0),
			Rows: &rows, NextSweep: now.Add(47 * time.Hour), NextRead: now.Add(100 * time.Minute),
			Refused: now.Add(-time.Minute), Unfinished: 12, Scope: s.Scope,
			Learnt: strings.Fields(strings.Repeat("custom_fields.department ", 9)),
		})
		planned.Streams = append(planned.Streams, greenhouse.StreamPlan{
			Stream: s.Name, Reason: strings.Repeat("no answer ", 20), Due: now,
			Guess: plan.Guess{Basis: plan.AtLeast, Rows: rows}, First: 24_692, Quiet: 1, Sweep: 24_692,
			Next: 24_692,
		})
		planned.Missing = append(planned.Missing, s.Scope)
	}
	var out bytes.Buffer
	require.NoError(t, statusText(&out, status, now))
	head := out.String()[:1000]
	assert.Contains(t, head, "\n 60m ago  365d ago  12,345,678  in 100m  in 47h  applications\n")
	require.NoError(t, planText(&out, planned))
	fits(t, out.String())
}

func TestStatusShowsWhatIsDue(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, "now", due(time.Time{}, now))
	assert.Equal(t, "now", due(now.Add(-time.Hour), now), "it is overdue")
	assert.Equal(t, "in 3d", due(now.Add(73*time.Hour), now))
	assert.Equal(t, "in 7d", due(now.AddDate(0, 0, 7).Add(-time.Second), now))
	assert.Empty(t, age(time.Time{}, now))
	assert.Equal(t, "0m ago", age(now, now))
	var out bytes.Buffer
	require.NoError(t, statusText(&out, &greenhouse.Status{Streams: []greenhouse.StreamStatus{
		{Stream: "users", CompleteUntil: now.Add(-3 * time.Hour)}, {Stream: "jobs"},
	}}, now))
	assert.Equal(t, `complete  stream
  3h ago  users
   never  jobs

As of 2026-11-26 12:00 UTC; --format json has the times.
`, out.String())
}

// What a person sees at the end of a run fits the screen, however many streams failed or were
// skipped.
func TestEndOfARunFitsTheScreen(t *testing.T) {
	streams, err := schemas.Lists()
	require.NoError(t, err)
	end := func(status string, n int) (all string, last string) {
		r := &tap.Report{
			Outcome: "10 of 71 streams failed: " + strings.Repeat("scorecard_questions, ", 10),
			Next:    []string{strings.Repeat("See the notes. ", 20)},
		}
		for i, s := range streams {
			one := tap.StreamReport{Stream: s.Name, Status: tap.Complete, Records: 123_456}
			if i < n {
				one.Status, one.Reason, one.Scope = status, strings.Repeat("no answer ", 20), s.Scope
			}
			r.Streams = append(r.Streams, one)
		}
		var out bytes.Buffer
		p := &program{Streams: Streams{Err: &out}}
		p.conclude(r)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return out.String(), lines[len(lines)-1]
	}
	for _, status := range []string{tap.Failed, tap.Unfinished, tap.LeftAlone, tap.Skipped} {
		for _, n := range []int{0, 1, 9, len(streams) - 1} {
			all, _ := end(status, n)
			fits(t, all)
		}
	}
	_, last := end(tap.Skipped, 9)
	assert.Regexp(t, `^summary: \d+ of \d+ streams, \d,\d{3},\d{3} records, 0 requests, 0s; skipped: 9$`, last)
}
