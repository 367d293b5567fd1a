package terminal

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

var began = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func example() *tap.Report {
	return &tap.Report{
		Began: began,
		Streams: []tap.StreamReport{
			{Stream: "users", Status: "complete", Records: 1200, Pages: 3},
			{Stream: "eeoc", Status: "skipped"},
			{Stream: "offers", Status: "failed", Pages: 1},
			{
				Stream: "notes", Status: "unfinished", Reading: true, Records: 500, Pages: 1,
				Expected: 30,
			},
			{
				Stream: "candidates", Status: "unfinished", Reading: true, Records: 34500, Pages: 69,
				Expected: 200,
			},
		},
		Requests: tap.RequestReport{Lists: 80, Retries: 2},
		Windows: []tap.Window{
			{Limit: 50, Sent: 50},
			{Limit: 50, Sent: 30, Left: 20, Ends: began.Add(57 * time.Second)},
		},
	}
}

func TestLinesShowProgress(t *testing.T) {
	got := lines(example(), began.Add(40*time.Second), 7)
	assert.Equal(t, []string{
		"36,200 records  80 requests  2 repeated  1 skipped  1 failed",
		"budget: 20 of 50 left, full again in 17s  about 1m27s to go  40s so far",
		"  candidates                             34,500  69 of about 200 pages",
		"  notes                                     500  1 of about 30 pages",
		"", "", "",
	}, got)
	assert.Equal(t, "3 of 5 streams [=======>----]", barOf(example(), 30))
	assert.Equal(t, "3 of 5 streams ", barOf(example(), 20), "no room for a bar")
}

// The remaining time is not shown before it can be estimated.
func TestTimeLeftIsUnknownAtFirst(t *testing.T) {
	r := example()
	assert.Zero(t, timeLeft(r, began.Add(time.Second)), "the run has only just begun")
	r.Streams = append(r.Streams, tap.StreamReport{Stream: "jobs", Status: "unfinished"})
	assert.Zero(t, timeLeft(r, began.Add(time.Minute)), "a list has not shown how long it is")
	r.Streams = r.Streams[5:]
	r.Streams[0].Reading = true
	assert.Zero(t, timeLeft(r, began.Add(time.Minute)), "no page has come")
}

func TestManyStreamsFitTheScreen(t *testing.T) {
	r := &tap.Report{Began: began}
	for _, name := range strings.Split("a b c d e f g", " ") {
		r.Streams = append(r.Streams,
			tap.StreamReport{Stream: name, Status: "unfinished", Reading: true, Pages: 1})
	}
	got := lines(r, began, 7)
	assert.Equal(t, "  and 3 more", got[len(got)-1])
	got = lines(r, began, 9)
	assert.Contains(t, got[len(got)-1], "  g ", "the last one has the last line")
	r.Streams[0].Pages = 0
	assert.Contains(t, lines(r, began, 9)[2], "waiting for its first page")
	assert.Len(t, lines(r, began, 30), 30, "the number of lines does not change")
	assert.Len(t, lines(r, began, 0), 2)
	r.Windows = []tap.Window{{Limit: 50, Left: 3, Ends: began.Add(-time.Second)}}
	assert.Equal(t, "0s so far", got[1], "a window that has ended tells nothing")
}

// A run of equal windows is said to take what it takes, at every moment from its middle on.
func TestTimeLeftIsTrueFromTheMiddleOn(t *testing.T) {
	const window, limit, pages = 30 * time.Second, 50, 500
	r := &tap.Report{Began: began, Streams: []tap.StreamReport{{
		Stream: "notes", Status: "unfinished", Reading: true, Expected: pages,
	}}, Requests: tap.RequestReport{Waited: 1000}}
	const took = (pages/limit - 1) * window
	for at := took / 2; at < took; at += time.Second {
		n := int(at / window)
		r.Streams[0].Pages = (n + 1) * limit // a window's pages come at once
		w := began.Add(time.Duration(n) * window)
		r.Windows = append(make([]tap.Window, n),
			tap.Window{Began: w, Limit: limit, Sent: limit, Ends: w.Add(window)})
		assert.Equal(t, took-at, timeLeft(r, began.Add(at)), "after %s", at)
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s",
		61 * time.Second: "1m01s", 130 * time.Minute: "2h10m", -time.Second: "0s",
	} {
		assert.Equal(t, want, Duration(d))
	}
}

// The last rows are the ones that stay in sight if the screen becomes lower.
func TestLowerScreenKeepsWhatMatters(t *testing.T) {
	height := 8
	v := &view{
		snapshot: example, height: func() int { return height }, rows: make([]string, 8),
	}
	v.look(30)
	assert.Equal(t, "3 of 5 streams [=======>----]", v.rows[0])
	assert.Contains(t, v.rows[3], "candidates")
	height = 3
	v.look(30)
	assert.Equal(t, []string{"", "", "", "", ""}, v.rows[:5])
	assert.Equal(t, "3 of 5 streams [=======>----]", v.rows[5])
	assert.Contains(t, v.rows[6], "36,200 records")
	height = -1
	v.look(30)
	assert.Equal(t, "3 of 5 streams [=======>----]", v.rows[7])
	v.snapshot = func() *tap.Report { return nil }
	v.look(30)
	assert.NotEmpty(t, v.rows[7], "what was there stays")
}
