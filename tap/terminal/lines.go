package terminal

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// Lines that are always shown below the bar: figures, and the budget.
const figures = 2

// lines returns what is shown below the bar: figures, the budget, and the longest streams being
// read, in a constant number of lines, so that the screen does not jump.
func lines(r *tap.Report, now time.Time, n int) []string {
	out := make([]string, max(n, figures))
	counts := countOf(r)
	out[0] = strings.Join(append([]string{
		plural(counts.records, "record"),
		plural(int(r.Requests.Lists), "request"),
	}, nonzero(
		count{r.Requests.Retries, "repeated"}, count{counts.skipped, "skipped"},
		count{counts.failed, "failed"})...), "  ")
	budget := budgetOf(r, now)
	if left := timeLeft(r, now); left > 0 {
		budget = append(budget, "about "+Duration(left.Truncate(time.Second)+time.Second)+" to go")
	}
	out[1] = strings.Join(append(budget, Duration(now.Sub(r.Began))+" so far"), "  ")
	reading := slices.DeleteFunc(slices.Clone(r.Streams),
		func(s tap.StreamReport) bool { return !s.Reading })
	slices.SortStableFunc(reading,
		func(x, y tap.StreamReport) int { return cmp.Compare(y.Records, x.Records) })
	for i, s := range reading {
		line := figures + i
		if line == len(out) {
			break
		}
		if line == len(out)-1 && len(reading) > i+1 {
			out[line] = fmt.Sprintf("  and %d more", len(reading)-i)
			break
		}
		pages := plural(s.Pages, "page")
		switch {
		case s.Pages == 0:
			out[line] = fmt.Sprintf("  %-45s  waiting for its first page", s.Stream)
			continue
		case s.Expected > s.Pages:
			pages = fmt.Sprintf("%s of about %s pages", tap.Number(s.Pages), tap.Number(s.Expected))
		}
		out[line] = fmt.Sprintf("  %-34s %10s  %s", s.Stream, tap.Number(s.Records), pages)
	}
	return out
}

// barOf returns the first line: how many streams have ended, as figures and as a bar.
func barOf(r *tap.Report, width int) string {
	const longest = 60
	c := countOf(r)
	text := fmt.Sprintf("%d of %d streams ", c.ended, c.streams)
	n := min(longest, width-len(text)-3)
	if n < 10 || c.streams == 0 {
		return text
	}
	full := n * c.ended / c.streams
	tip := ""
	if full < n {
		tip = ">"
	}
	return text + "[" + strings.Repeat("=", full) + tip + strings.Repeat("-", n-full-len(tip)) + "]"
}

type counts struct{ streams, ended, records, skipped, failed, waiting int }

func countOf(r *tap.Report) counts {
	c := counts{streams: len(r.Streams)}
	for _, s := range r.Streams {
		c.records += s.Records
		switch s.Status {
		case "unfinished":
			if !s.Reading {
				c.waiting++
			}
			continue
		case "skipped":
			c.skipped++
		case "failed":
			c.failed++
		}
		c.ended++
	}
	return c
}

// budgetOf returns what is left of the current window, and when it will be full again.
func budgetOf(r *tap.Report, now time.Time) []string {
	w, ok := windowOf(r, now)
	if !ok {
		return nil
	}
	return []string{fmt.Sprintf("budget: %d of %d left, full again in %s", max(0, w.Left), w.Limit,
		Duration(w.Ends.Sub(now)))}
}

// windowOf returns the current window, if it is known.
func windowOf(r *tap.Report, now time.Time) (tap.Window, bool) {
	if len(r.Windows) == 0 {
		return tap.Window{}, false
	}
	w := r.Windows[len(r.Windows)-1]
	return w, w.Limit > 0 && w.Ends.After(now)
}

// timeLeft estimates the remaining time; 0 as long as it is unknown, because some list has not
// shown its length or the run has just begun. A run that waits for the budget takes whole windows;
// the others go on at their pace.
func timeLeft(r *tap.Report, now time.Time) time.Duration {
	took := now.Sub(r.Began)
	if took < 3*time.Second || countOf(r).waiting > 0 {
		return 0
	}
	read, left := 0, 0
	for _, s := range r.Streams {
		read += s.Pages
		if s.Reading {
			left += max(1, s.Expected-s.Pages)
		}
	}
	if read == 0 || left == 0 {
		return 0
	}
	w, ok := windowOf(r, now)
	if !ok || r.Requests.Waited < took.Seconds()/4 {
		return time.Duration(float64(took) * float64(left) / float64(read))
	}
	if w.Sent > 0 {
		left -= min(left, max(0, read/len(r.Windows)-w.Sent)) // what this window still lets through
	}
	windows := math.Ceil(float64(left*len(r.Windows)) / float64(read))
	if windows == 0 {
		return time.Second
	}
	return w.Ends.Sub(now) + time.Duration((windows-1)*float64(w.Ends.Sub(w.Began)))
}

type count struct {
	n    int
	what string
}

func nonzero(all ...count) []string {
	var out []string
	for _, c := range all {
		if c.n > 0 {
			out = append(out, tap.Number(c.n)+" "+c.what)
		}
	}
	return out
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return tap.Number(n) + " " + what
}

// Duration formats a duration to the second: 41s, 3m05s, 2h10m.
func Duration(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
