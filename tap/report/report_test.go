package report

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

var began = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func example() *tap.Report {
	return &tap.Report{
		Began: began, Ended: began.Add(time.Minute), ExitCode: 1,
		Outcome: "1 of 5 streams failed: job_posts; the others are loaded.",
		Policy:  []string{"contact: hash"},
		Streams: []tap.StreamReport{
			{Stream: "close_reasons", Status: "complete"},
			{Stream: "candidates", Status: "complete", Records: 12345},
			{Stream: "jobs", Status: "complete", Differences: []string{"size: a new column, integer"}},
			{Stream: "eeoc", Status: "skipped", Reason: "403 <b>Forbidden</b>"},
			{Stream: "offers", Status: "complete", Gone: 2},
			{Stream: "job_posts", Status: "failed", Reason: "404"},
			{Stream: "notes", Status: "unfinished", Records: 5},
		},
		Windows: []tap.Window{
			{Began: began, Limit: 50, Sent: 50, Ends: began.Add(20 * time.Second)},
			{Began: began.Add(20 * time.Second), Limit: 50, Sent: 10, Left: 40, Ends: began.Add(50 * time.Second)},
		},
	}
}

// plain returns a page's text, without its tags.
func plain(t *testing.T, r *tap.Report) string {
	t.Helper()
	page, err := html(r)
	require.NoError(t, err)
	return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(page), "")
}

func TestStreamsThatNeedSomebodyComeFirst(t *testing.T) {
	r := example()
	page := plain(t, r)
	_, page, _ = strings.Cut(page, "; the line is")
	assert.Contains(t, page, "Streams: 1 failed, 1 unfinished, 4 complete, 1 skipped")
	last := -1
	for _, name := range []string{
		"job_posts", "notes", "eeoc", "jobs", "candidates", "offers", "close_reasons",
	} {
		at := strings.Index(page, name)
		assert.Greater(t, at, last, name)
		last = at
	}
	assert.Contains(t, page, "1 of them had nothing to do")
	assert.Equal(t, "close_reasons", r.Streams[0].Stream, "the report is left as it is")
}

func TestBarsHaveNumbersWhereTheyFit(t *testing.T) {
	r := example()
	page, err := html(r)
	require.NoError(t, err)
	assert.Contains(t, string(page), `<i style="height:20.0%"></i><u style="bottom:100.0%"></u>`+
		`<b style="bottom:20.0%">10</b>`)
	assert.Contains(t, string(page), "window of 30s")
	for range numberedBars {
		r.Windows = append(r.Windows, r.Windows[1])
	}
	page, err = html(r)
	require.NoError(t, err)
	assert.NotContains(t, string(page), "<b style")
	assert.Contains(t, string(page), `title="12:00:20: 10 requests of this run, limit 50, 40 left"`)
	assert.True(t, bars(r.Windows[:numberedBars])[0].Numbered)
	assert.False(t, bars(r.Windows[:numberedBars+1])[0].Numbered)
	assert.Equal(t, "12:00:00: 7 requests of this run", bars([]tap.Window{{Began: began, Sent: 7}})[0].Title,
		"its limit is not known")
	r.Windows = []tap.Window{{Sent: 3}}
	assert.Contains(t, plain(t, r), "One bar for each window.", "neither its length nor the limit is known")
}

func TestNamesBreakBetweenWordsOnly(t *testing.T) {
	page, err := html(example())
	require.NoError(t, err)
	assert.Contains(t, string(page), "failed: job_<wbr>posts; the others")
	assert.Contains(t, string(page), "403 &lt;b&gt;Forbidden&lt;/b&gt;")
	assert.Contains(t, plain(t, example()), "Personal data: contact: hash")
}

func TestFormatsByName(t *testing.T) {
	for _, name := range []string{"run.html", "run.HTM", "run.json", "run.JSON"} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, Check(file))
		left, err := os.ReadDir(filepath.Dir(file))
		require.NoError(t, err)
		assert.Empty(t, left, "a check leaves nothing")
		require.NoError(t, Write(file, example()))
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, strings.HasSuffix(strings.ToLower(name), "json"), data[0] == '{', name)
	}
	assert.ErrorContains(t, Check("run.txt"), ".html or .json")
	assert.Error(t, Check(filepath.Join(t.TempDir(), "no", "run.html")))
	folder := filepath.Join(t.TempDir(), "run.html")
	require.NoError(t, os.Mkdir(folder, 0o700))
	assert.ErrorContains(t, Check(folder), "it is a folder")
	assert.Error(t, Write(folder, example()))
}

// Other people read the report, in JSON as in HTML: docs/report.schema.json describes it.
func TestReportInJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.json")
	r := example()
	r.Streams[0].Reason = "a text of the server that is no UTF-8: \xff"
	require.NoError(t, Write(file, r))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(data), "\n}\n"), "it ends with a line's end")
	assert.Contains(t, string(data), "\n  \"outcome\": \"1 of 5 streams failed: job_posts;")
	info, err := os.Stat(file)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
	}
}

// A stream has something to show for the run if it wrote, reported, retried or changed anything.
func TestRankOfStreams(t *testing.T) {
	for name, c := range map[string]struct {
		stream tap.StreamReport
		rank   int
	}{
		"failed":           {tap.StreamReport{Status: tap.Failed, Records: 1}, 0},
		"unfinished":       {tap.StreamReport{Status: tap.Unfinished, Records: 1}, 1},
		"skipped":          {tap.StreamReport{Status: tap.Skipped}, 2},
		"a record":         {tap.StreamReport{Status: tap.Complete, Records: 1}, 4},
		"a deletion":       {tap.StreamReport{Status: tap.Complete, Gone: 1}, 4},
		"a retry":          {tap.StreamReport{Status: tap.Complete, Retries: 1}, 4},
		"a change":         {tap.StreamReport{Status: tap.Complete, Changes: []string{"x"}}, 4},
		"another contract": {tap.StreamReport{Status: tap.Complete, Differences: []string{"x"}}, 3},
		"nothing":          {tap.StreamReport{Status: tap.Complete}, 5},
		"left alone":       {tap.StreamReport{Status: tap.LeftAlone}, 5},
	} {
		assert.Equal(t, c.rank, rank(c.stream), name)
	}
}

func TestLengthOfAWindow(t *testing.T) {
	windows := func(ends ...int) (of []tap.Window) {
		for _, s := range ends {
			w := tap.Window{Began: began}
			if s > 0 {
				w.Ends = began.Add(time.Duration(s) * time.Second)
			}
			of = append(of, w)
		}
		return of
	}
	for want, of := range map[string][]tap.Window{
		"":     windows(1),
		"30s":  windows(11, 40, 100, 130),
		"1s":   windows(5, 5, 6),
		"10s":  windows(1, 91, 101),
		"20s":  windows(0, 1, 0, 10, 30),
		"1m0s": windows(1, 61),
	} {
		assert.Equal(t, want, windowOf(of))
	}
	assert.Empty(t, windowOf(windows(1, 66)))
	assert.Equal(t, "10s", windowOf(windows(1, 13)))
	assert.Empty(t, windowOf(windows(0, 20, 0)))
}

func TestTimesOfAPage(t *testing.T) {
	r := example()
	r.Ended = began.Add(1504 * time.Millisecond)
	page := plain(t, r)
	assert.Contains(t, page, "2026-11-26 12:00:00 UTC")
	assert.Contains(t, page, "1.5s")
}

// Every number has its thousands apart, in the manner of the display.
func TestNumbersOfAPage(t *testing.T) {
	r := example()
	rows := 23456
	r.Requests = tap.RequestReport{Lists: 34567, Retries: 4567}
	r.Streams = []tap.StreamReport{{
		Stream: "candidates", Status: tap.Complete, Records: 12345, Pages: 5678, Retries: 6789,
		Gone: 7890, VerifiedUntil: began, VerifiedRows: &rows, Repaired: 8901,
	}}
	r.Windows[0].Sent = 9012
	page, err := html(r)
	require.NoError(t, err)
	for _, number := range []string{
		">12,345<", ">34,567<", ">4,567<", ">5,678<", ">6,789<", " 7,890 rows are gone",
		": 23,456 rows, 8,901 of them read again", ">9,012<", ": 9,012 requests",
	} {
		assert.Contains(t, string(page), number)
	}
}

func TestSizesAreReadable(t *testing.T) {
	assert.Equal(t, []string{"5 B", "999 B", "1.0 kB", "1.5 kB", "1.0 MB", "2.0 MB", "1.0 GB", "3.0 GB"},
		[]string{
			size(5), size(999), size(1e3), size(1500), size(1e6), size(2e6), size(1e9), size(3e9),
		})
	assert.Equal(t, "1.5s", seconds(1.5))
}

// What nobody was is not counted, several treatments are told apart, and a window says when it was.
func TestPageSaysWhatHappened(t *testing.T) {
	r := example()
	r.Policy = []string{"contact: hash", "pay: drop"}
	r.Windows = []tap.Window{{Began: began, Limit: 1, Sent: 1}}
	page, err := html(r)
	require.NoError(t, err)
	assert.Contains(t, string(page), "contact: hash, pay: drop")
	assert.Contains(t, string(page), "12:00:00: 1 requests of this run, limit 1, 0 left")
	assert.NotContains(t, plain(t, r), "0 left alone")
	assert.InDelta(t, 100, bars(r.Windows)[0].Share, 0, "the highest bar is as high as can be")
	assert.InDelta(t, 0, bars([]tap.Window{{}})[0].Share, 0, "a window without requests has no bar")
	r.Streams = append(r.Streams, tap.StreamReport{Stream: "users", Status: tap.LeftAlone})
	page, err = html(r)
	require.NoError(t, err)
	assert.Contains(t, plain(t, r), "1 left alone")
	assert.Contains(t, string(page), ">left alone</td>")
}

func TestUnwritableReportIsAnError(t *testing.T) {
	assert.Error(t, Write(filepath.Join(t.TempDir(), "no", "run.json"), example()))
	assert.Error(t, Write(filepath.Join(t.TempDir(), "no", "run.html"), example()))
}
