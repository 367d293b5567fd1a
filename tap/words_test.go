package tap

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Words that stand in configs, states, reports and tables stay as they are: others rely on them.
func TestWordsThatOthersRelyOn(t *testing.T) {
	assert.Equal(t, []string{"complete", "failed", "skipped", "left_alone", "unfinished"},
		[]string{Complete, Failed, Skipped, LeftAlone, Unfinished})
	assert.Equal(t, []NewColumns{"keep", "warn", "drop"}, []NewColumns{Keep, Warn, Drop})
	assert.Equal(t, []TypeChanges{"widen", "null"}, []TypeChanges{Widen, Null})
	assert.Equal(t, []string{"sync_log", "ended_at"}, []string{SyncLog, LoggedAt})
}

// A time is read in each way in which taps write one; without an offset it is UTC.
func TestTimesAreReadAsTapsWriteThem(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-01-31T08:15:30Z":                time.Date(2026, 1, 31, 8, 15, 30, 0, time.UTC),
		"2026-01-31T08:15:30.5+02:00":         time.Date(2026, 1, 31, 6, 15, 30, 5e8, time.UTC),
		"2026-01-31T08:15:30.000000Z":         time.Date(2026, 1, 31, 8, 15, 30, 0, time.UTC),
		"2026-01-31T08:15:30.123456+0000":     time.Date(2026, 1, 31, 8, 15, 30, 123_456_000, time.UTC),
		"2026-01-31 08:15:30.123456789-01:00": time.Date(2026, 1, 31, 9, 15, 30, 123_456_789, time.UTC),
		"2026-01-31T08:15:30":                 time.Date(2026, 1, 31, 8, 15, 30, 0, time.UTC),
		"2026-01-31 08:15:30.25":              time.Date(2026, 1, 31, 8, 15, 30, 25e7, time.UTC),
		"2026-01-31":                          time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		got, err := ParseTime(text)
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "yesterday", "31.01.2026", "2026-13-01", "2026-01-31T25:00:00Z"} {
		_, err := ParseTime(text)
		assert.ErrorContains(t, err, "is not a time: write it as", text)
	}
	assert.Equal(t, "2026-01-31T06:15:30.999Z", FormatTime(
		time.Date(2026, 1, 31, 8, 15, 30, 999_999_999, time.FixedZone("", 7200))))
}

// What earlier runs learnt of columns is used where this run reads them, and kept where it does
// not: a column that is left out for a while is not forgotten.
func TestWhatWasLearntIsUsedOrKept(t *testing.T) {
	s, shape := people(t)
	text, list := jsontext.Value(`{"type":["string","null"]}`), jsontext.Value(`{"type":["array","null"]}`)
	learnt := map[string]jsontext.Value{"name": list, "new": text}
	query := func(unknown record.Treatment) *Query {
		return (&Choice{Stream: s}).Select(shape.WithUnknown(unknown, false), nil)
	}
	dropped := query(record.Keep)
	dropped.Shape.Column("name").Treatment = record.Drop
	for name, c := range map[string]struct {
		query  *Query
		used   []string
		unread map[string]jsontext.Value
	}{
		"all are read":            {query(record.Keep), []string{"name", "new"}, map[string]jsontext.Value{}},
		"unknown ones are not":    {query(record.Drop), []string{"name"}, map[string]jsontext.Value{"new": text}},
		"a known one is not":      {dropped, []string{"new"}, map[string]jsontext.Value{"name": list}},
		"the stream has no shape": {&Query{Stream: s}, nil, learnt},
	} {
		t.Run(name, func(t *testing.T) {
			got, unread, err := c.query.Learnt(learnt)
			require.NoError(t, err)
			assert.Equal(t, c.unread, unread)
			if c.used == nil {
				assert.Nil(t, got)
				return
			}
			assert.Equal(t, len(c.used) == 2 || c.used[0] == "name",
				got.Column("name").Shape.Kinds&record.Array != 0)
			assert.Equal(t, c.used[len(c.used)-1] == "new", got.Column("new") != nil)
		})
	}
	_, _, err := query(record.Keep).Learnt(map[string]jsontext.Value{"name": jsontext.Value(`{"type":"no such"}`)})
	assert.Error(t, err)
}

// A column is left out if the catalog deselects it, and only then.
func TestWhichColumnsAreLeftOut(t *testing.T) {
	s, shape := people(t)
	q := (&Choice{Stream: s, Wanted: without("made")}).Select(shape, nil)
	assert.True(t, q.LeavesOut("made"))
	assert.False(t, q.LeavesOut("name"))
	assert.False(t, q.LeavesOut("no such column"))
	assert.False(t, (&Query{Stream: s}).LeavesOut("made"), "nothing of it is read")
}
