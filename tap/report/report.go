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
		"number": number, "size": size, "seconds": seconds,
		"moment": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
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
	probe, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("%s: %s", file, tap.Cause(err))
	}
	defer os.Remove(probe.Name())
	return probe.Close()
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
	Took   string
	Bars   []bar
	Window string // the length of a window
	Counts []string
	Quiet  int // streams that had nothing to do
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
		Bars: bars(r.Windows), Window: windowOf(r.Windows),
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
				fmt.Sprintf("%d %s", n, strings.ReplaceAll(status, "_", " ")))
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
		b.Title = fmt.Sprintf("%s: %d requests of this run", w.Began.UTC().Format("15:04:05"),
			w.Sent)
		if w.Limit > 0 {
			b.Title += fmt.Sprintf(", limit %d, %d left", w.Limit, w.Left)
		}
		out = append(out, b)
	}
	return out
}

// windowOf returns the usual length of a window, from two that follow each other.
func windowOf(windows []tap.Window) string {
	for i := 1; i < len(windows); i++ {
		length := windows[i].Began.Sub(windows[i-1].Began).Round(time.Second)
		if length > 0 && length <= time.Minute {
			return length.String()
		}
	}
	return ""
}

// breakable returns a name that may be broken after an underscore or a dot, but not in a word.
func breakable(name string) template.HTML {
	escaped := template.HTMLEscapeString(name)
	breakable := strings.NewReplacer("_", "_<wbr>", ".", ".<wbr>").Replace(escaped)
	return template.HTML(breakable) //nolint:gosec // it is escaped
}

// number formats a number with thousands separators.
func number(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
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
