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
	minutes := func(n time.Duration) time.Duration { return n * time.Minute }
	assert.Equal(t, []time.Duration{0, 0, minutes(10), minutes(20), minutes(40), minutes(80), minutes(80)}, alone[:7])
	assert.Equal(t, []time.Duration{minutes(80), minutes(160), minutes(320), minutes(640), 16 * time.Hour, 16 * time.Hour}, alone[53:59])

	night := time.Duration(0)
	for _, d := range alone[:54] {
		night += d
	}
	assert.Greater(t, night, 62*time.Hour, "from Friday evening to Monday morning")
	b.Quiet = progress.Quiet(b, 0, true)
	for range 1000 {
		b.Quiet = progress.Quiet(b, 0, true)
	}
	assert.Equal(t, b.Until.Add(365*24*time.Hour), progress.Schedule{MaxStaleness: 365 * 24 * time.Hour}.Due(b))

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

// A list that is read in every run has no time at which it is due.
func TestListsThatAreAlwaysDue(t *testing.T) {
	last := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	day := progress.Schedule{MaxStaleness: 24 * time.Hour}
	assert.Zero(t, day.Due(tap.Bookmark{Until: last, Quiet: 1}), "it was quiet once")
	assert.Equal(t, last.Add(10*time.Minute), day.Due(tap.Bookmark{Until: last, Quiet: 2}))
	assert.Zero(t, progress.Schedule{}.Due(tap.Bookmark{Until: last, Quiet: 9}), "nothing is set")
	assert.Zero(t, day.Due(tap.Bookmark{Quiet: 9}), "it was never read")
}
