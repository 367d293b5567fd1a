// Package report turns the report of a run into a page or a JSON document. It makes no request:
// report in, bytes out.
package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

//go:embed report.html
var page string

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"number": tap.Number, "size": size, "seconds": seconds,
		"moment": moment,
		"words":  func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"join":   func(s []string) string { return strings.Join(s, ", ") },
		"name":   breakable,
	}).Parse(page))
})

// Check returns an error unless a file's name says which format the report has, and it can be
// written.
func Check(file string) error {
	if !slices.Contains([]string{".html", ".htm", ".json"}, strings.ToLower(filepath.Ext(file))) {
		return fmt.Errorf("%s: the name must end in .html or .json", file)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s: it is a folder", file)
	}
	if err := atomicfile.Probe(file); err != nil {
		return fmt.Errorf("%s: %s", file, tap.Cause(err))
	}
	return nil
}

// Write writes the report to a file in one step: a page if its name ends in .html, JSON for .json.
func Write(file string, r *tap.Report) error {
	form := html
	if strings.EqualFold(filepath.Ext(file), ".json") {
		form = jsonOf
	}
	data, err := form(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, data, 0o644)
}

// jsonOf returns the report as JSON. docs/report.schema.json describes it.
func jsonOf(r *tap.Report) ([]byte, error) {
	out, err := json.Marshal(r, jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	return append(out, '\n'), err
}

// bar is a window in the chart.
type bar struct {
	tap.Window
	Share, LimitShare float64 // of the highest bar or limit, in percent
	Title             string
	Numbered          bool // there is room for its number
}

// numberedBars is the number of bars that have room for their numbers.
const numberedBars = 24

// view is what the page shows.
type view struct {
	*tap.Report
	Took    string
	Lists   int // requests
	Bars    []bar
	Window  string // the length of a window
	Limited bool   // a window's limit is known
	Counts  []string
	Quiet   int // streams that had nothing to do
}

// html returns the report as a self-contained page: no script, no network.
func html(r *tap.Report) ([]byte, error) {
	sorted := *r
	sorted.Streams = slices.Clone(r.Streams)
	slices.SortStableFunc(sorted.Streams, func(x, y tap.StreamReport) int {
		return cmp.Compare(rank(x), rank(y))
	})
	v := view{
		Report: &sorted, Took: r.Ended.Sub(r.Began).Round(10 * time.Millisecond).String(),
		Lists: int(r.Requests.Lists),
		Bars:  bars(r.Windows), Window: windowOf(r.Windows),
		Limited: slices.ContainsFunc(r.Windows, func(w tap.Window) bool { return w.Limit > 0 }),
	}
	counts := map[string]int{}
	for _, s := range r.Streams {
		counts[s.Status]++
		if rank(s) == quiet {
			v.Quiet++
		}
	}
	for _, status := range []string{
		tap.Failed, tap.Unfinished, tap.Complete, tap.Skipped, tap.LeftAlone,
	} {
		if n := counts[status]; n > 0 {
			v.Counts = append(v.Counts,
				tap.Number(n)+" "+strings.ReplaceAll(status, "_", " "))
		}
	}
	var b bytes.Buffer
	err := pageTemplate().Execute(&b, v)
	return b.Bytes(), err
}

// quiet is the rank of streams that had nothing to do.
const quiet = 5

// rank orders streams: those that need somebody come first, those that had nothing to do last.
func rank(s tap.StreamReport) int {
	switch {
	case s.Status == tap.Failed:
		return 0
	case s.Status == tap.Unfinished:
		return 1
	case s.Status == tap.Skipped:
		return 2
	case len(s.Differences) > 0:
		return 3
	case s.Records > 0 || s.Gone > 0 || s.Retries > 0 || len(s.Changes) > 0:
		return 4
	}
	return quiet
}

// bars makes a bar of each window, as high as its share of the highest bar or limit.
func bars(windows []tap.Window) []bar {
	most := 1
	for _, w := range windows {
		most = max(most, w.Limit, w.Sent)
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(most) }
	var out []bar
	for _, w := range windows {
		b := bar{
			Window: w, Share: share(w.Sent), LimitShare: share(w.Limit),
			Numbered: len(windows) <= numberedBars,
		}
		b.Title = fmt.Sprintf("%s: %s requests of this run", w.Began.UTC().Format("15:04:05"),
			tap.Number(w.Sent))
		if w.Limit > 0 {
			b.Title += fmt.Sprintf(", limit %s, %s left", tap.Number(w.Limit), tap.Number(w.Left))
		}
		out = append(out, b)
	}
	return out
}

// windowOf returns the length of a window: the time between the ends of two that follow each other.
// The end of the first is known to about a second, so a length of some is rounded to five. It is
// empty if the windows do not tell.
func windowOf(windows []tap.Window) string {
	var least time.Duration
	for i := 1; i < len(windows); i++ {
		before, after := windows[i-1].Ends, windows[i].Ends
		length := after.Sub(before).Round(time.Second)
		if length > 10*time.Second {
			length = length.Round(5 * time.Second)
		}
		if length <= 0 || length > time.Minute {
			continue // or the end of one of them is not known
		}
		if least == 0 || length < least {
			least = length
		}
	}
	if least == 0 {
		return ""
	}
	return least.String()
}

// moment is a time of day that is not broken at its hyphens.
func moment(t time.Time) template.HTML {
	text := t.UTC().Format("2006-01-02 15:04:05 UTC")
	return template.HTML("<time>" + text + "</time>") //nolint:gosec // it holds nothing but digits
}

// breakable returns a name that may be broken after an underscore or a dot, but not in a word.
func breakable(name string) template.HTML {
	escaped := template.HTMLEscapeString(name)
	breakable := strings.NewReplacer("_", "_<wbr>", ".", ".<wbr>").Replace(escaped)
	return template.HTML(breakable) //nolint:gosec // it is escaped
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}
