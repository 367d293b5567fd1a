package tap

import (
	"fmt"
	"time"
)

// timeLayouts are the ways in which taps write the time of a bookmark. Without an offset, it is
// UTC.
var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	time.DateOnly,
}

// ParseTime reads a time or a date, as in config files and in the states of other taps.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write it as 2026-01-31T08:15:30Z or 2026-01-31", s)
}

// FormatTime writes a time as the API does, in milliseconds of UTC, rounded down.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
