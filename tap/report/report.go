// Package report turns the account of a run into a page or a JSON document. It makes no request:
// account in, bytes out.
package report

import (
	"bytes"
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
		"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"moment": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"words":  func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"join":   func(s []string) string { return strings.Join(s, ", ") },
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
func Write(file string, a *tap.Account) error {
	form := html
	if strings.EqualFold(filepath.Ext(file), ".json") {
		form = jsonOf
	}
	data, err := form(a)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, data, 0o644)
}

// jsonOf returns the account as JSON. docs/report.schema.json describes it.
func jsonOf(a *tap.Account) ([]byte, error) {
	out, err := json.Marshal(a, jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true))
	return append(out, '\n'), err
}

// bar is a window in the chart.
type bar struct {
	tap.Window
	X, Width           float64
	Height, LimitY, Y  float64
	Title              string
	OthersY, OthersTop float64
}

// The size of the chart.
const (
	pictureWidth  = 900
	pictureHeight = 160
)

// statuses are in the order in which they need attention.
var statuses = []string{"failed", "unfinished", "skipped", "left_alone", "complete"}

// html returns the account as a self-contained page: no script, no network.
func html(a *tap.Account) ([]byte, error) {
	view := struct {
		*tap.Account
		Streams       []tap.StreamAccount // those that need attention first
		Took          string
		Bars          []bar
		Records       int
		Width, Height int
		Counts        []string
	}{
		Account: a, Took: a.Ended.Sub(a.Began).Round(10 * time.Millisecond).String(),
		Width: pictureWidth, Height: pictureHeight, Streams: slices.Clone(a.Streams),
	}
	slices.SortStableFunc(view.Streams, func(a, b tap.StreamAccount) int {
		return slices.Index(statuses, a.Status) - slices.Index(statuses, b.Status)
	})
	counts := map[string]int{}
	for _, s := range a.Streams {
		view.Records += s.Records
		counts[s.Status]++
	}
	for _, status := range statuses {
		if n := counts[status]; n > 0 {
			view.Counts = append(view.Counts,
				fmt.Sprintf("%d %s", n, strings.ReplaceAll(status, "_", " ")))
		}
	}
	view.Bars = bars(a.Windows)
	var b bytes.Buffer
	err := pageTemplate().Execute(&b, view)
	return b.Bytes(), err
}

// bars places windows side by side, each as high as its share of the limit.
func bars(windows []tap.Window) []bar {
	most := 1
	for _, w := range windows {
		most = max(most, w.Limit, w.Sent)
	}
	step := float64(pictureWidth) / float64(max(1, len(windows)))
	scale := (pictureHeight - 10) / float64(most)
	var out []bar
	for i, w := range windows {
		b := bar{
			Window: w, X: float64(i) * step, Width: max(1, min(step-2, 60)),
			Height: float64(w.Sent) * scale,
		}
		b.Y = pictureHeight - b.Height
		b.LimitY = pictureHeight - float64(w.Limit)*scale
		b.Title = fmt.Sprintf("%s: %d requests of this run", w.Began.UTC().Format("15:04:05"),
			w.Sent)
		if w.Limit > 0 {
			b.Title += fmt.Sprintf(", limit %d, %d left", w.Limit, w.Left)
		}
		out = append(out, b)
	}
	return out
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
