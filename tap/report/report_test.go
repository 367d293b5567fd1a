package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

var began = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func account() *tap.Account {
	return &tap.Account{
		Began: began, Ended: began.Add(time.Minute), ExitCode: 1,
		Outcome: "1 of 5 streams failed: job_posts; the others are loaded.",
		Policy:  []string{"contact: hash"},
		Streams: []tap.StreamAccount{
			{Stream: "close_reasons", Status: "complete"},
			{Stream: "candidates", Status: "complete", Records: 12345},
			{Stream: "eeoc", Status: "skipped", Reason: "403 <b>Forbidden</b>"},
			{Stream: "offers", Status: "complete", Gone: 2},
			{Stream: "job_posts", Status: "failed", Reason: "404"},
			{Stream: "notes", Status: "unfinished", Records: 5},
		},
		Windows: []tap.Window{
			{Began: began, Limit: 50, Sent: 50},
			{Began: began.Add(30 * time.Second), Limit: 50, Sent: 10, Left: 40},
		},
	}
}

// plain returns a page's text, without its tags.
func plain(t *testing.T, a *tap.Account) string {
	t.Helper()
	page, err := html(a)
	require.NoError(t, err)
	return regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(page), "")
}

func TestStreamsThatNeedSomebodyComeFirst(t *testing.T) {
	a := account()
	page := plain(t, a)
	_, page, _ = strings.Cut(page, "; the line is")
	assert.Contains(t, page, "Streams: 1 failed, 1 unfinished, 3 complete, 1 skipped")
	last := -1
	for _, name := range []string{
		"job_posts", "notes", "eeoc", "candidates", "offers", "close_reasons",
	} {
		at := strings.Index(page, name)
		assert.Greater(t, at, last, name)
		last = at
	}
	assert.Contains(t, page, "1 of them had nothing to do")
	assert.Equal(t, "close_reasons", a.Streams[0].Stream, "the account is left as it is")
}

func TestBarsHaveNumbersWhereTheyFit(t *testing.T) {
	a := account()
	page, err := html(a)
	require.NoError(t, err)
	assert.Contains(t, string(page), `<i style="height:20.0%"></i><u style="bottom:100.0%"></u>`+
		`<b style="bottom:20.0%">10</b>`)
	assert.Contains(t, string(page), "window of 30s")
	for range numberedBars {
		a.Windows = append(a.Windows, a.Windows[1])
	}
	page, err = html(a)
	require.NoError(t, err)
	assert.NotContains(t, string(page), "<b style")
	assert.Contains(t, string(page), `title="12:00:30: 10 requests of this run, limit 50, 40 left"`)
	a.Windows = []tap.Window{{Sent: 3}}
	assert.Contains(t, plain(t, a), "One bar for each window;", "its length is not known")
}

func TestNamesBreakBetweenWordsOnly(t *testing.T) {
	page, err := html(account())
	require.NoError(t, err)
	assert.Contains(t, string(page), "failed: job_<wbr>posts; the others")
	assert.Contains(t, string(page), "403 &lt;b&gt;Forbidden&lt;/b&gt;")
	assert.Contains(t, plain(t, account()), "Personal data: contact: hash")
}

func TestFormatsByName(t *testing.T) {
	for _, name := range []string{"run.html", "run.HTM", "run.json"} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, Write(file, account()))
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, strings.HasSuffix(name, "json"), data[0] == '{', name)
	}
	assert.ErrorContains(t, Check("run.txt"), ".html or .json")
	assert.Error(t, Check(filepath.Join(t.TempDir(), "no", "run.html")))
}

func TestNumbersAreReadable(t *testing.T) {
	assert.Equal(t, "1\u202f234\u202f567", number(1234567))
	assert.Equal(t, "999", number(999))
	assert.Equal(t, []string{"5 B", "1.5 kB", "2.0 MB", "3.0 GB"},
		[]string{size(5), size(1500), size(2e6), size(3e9)})
	assert.Equal(t, "1.5s", seconds(1.5))
}
