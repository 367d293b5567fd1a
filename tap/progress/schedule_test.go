package progress_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
)

func TestQuietListIsLeftAloneTwiceAsLongEachTime(t *testing.T) {
	schedule := progress.Schedule{MaxStaleness: 16 * time.Hour}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	b := tap.Bookmark{Until: now}
	var alone []time.Duration
	for range 66 {
		due := schedule.Due(b)
		if due.IsZero() {
			due = b.Until
		}
		alone = append(alone, due.Sub(b.Until))
		assert.LessOrEqual(t, due.Sub(b.Until), schedule.MaxStaleness)
		after := tap.Bookmark{Until: due.Add(time.Minute)}
		after.Quiet = progress.Quiet(b, 0, true)
		b = after
	}
	assert.Equal(t, []time.Duration{0, 0, 450 * time.Second, 900 * time.Second, 30 * time.Minute, time.Hour, time.Hour}, alone[:7])
	assert.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 16 * time.Hour}, alone[53:59])

	assert.Zero(t, progress.Quiet(b, 1, true), "a list that brings rows is read in every run")
	assert.Equal(t, b.Quiet, progress.Quiet(b, 0, false), "a read that is not complete says nothing")
	assert.Zero(t, progress.Quiet(tap.Bookmark{}, 0, true), "nor does a first one")
}

func TestNoListIsStalerThanItSays(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	b := tap.Bookmark{Until: now.Add(-50 * time.Minute), Quiet: 1000}
	schedule := progress.Schedule{MaxStaleness: time.Hour}
	assert.True(t, schedule.Leaves(b, now, now.Add(-5*time.Minute)))
	assert.False(t, schedule.Leaves(b, now, now.Add(-15*time.Minute)), "the next run would be too late")
	assert.False(t, schedule.Leaves(b, now.Add(time.Hour), now))
	assert.False(t, schedule.Leaves(tap.Bookmark{Quiet: 9}, now, now), "it was never read")
	assert.False(t, progress.Schedule{}.Leaves(b, now, now))
	schedule.RefreshEvery = 2 * time.Hour
	assert.True(t, schedule.Leaves(b, now, now.Add(-time.Hour)), "refresh_every goes before")
	assert.Equal(t, b.Until.Add(2*time.Hour), schedule.Due(b))
}
