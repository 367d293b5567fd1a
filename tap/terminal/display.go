// Package terminal shows the progress of a run in a terminal. It draws reports of the run, and
// does not know where they come from.
package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// refresh is the interval between drawings.
const refresh = 150 * time.Millisecond

// Fits reports whether a display makes sense: out is a terminal that can move its cursor, and
// nothing in the environment says that it is not interactive.
func Fits(out io.Writer, getenv func(string) (string, bool)) bool {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	if ci, ok := getenv("CI"); ok && ci != "" && ci != "false" {
		return false
	}
	kind, _ := getenv("TERM")
	return kind != "dumb"
}

// Display is the live view of one run. Whole lines that are written to it appear above it.
type Display struct {
	progress *mpb.Progress
	bar      *mpb.Bar
	done     sync.Once
}

// Show begins to show a run in a terminal. snapshot is called several times a second; it returns
// nil as long as there is nothing to show.
func Show(out io.Writer, snapshot func() *tap.Report) *Display {
	// the line before the display and the one after it stay in sight
	v := &view{
		snapshot: snapshot, height: func() int { return heightOf(out) - 2 },
		rows: make([]string, max(1, heightOf(out)-2)),
	}
	d := &Display{progress: mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(refresh))}
	var below []mpb.BarFiller
	for i := range v.rows[1:] {
		below = append(below, mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
			_, err := fmt.Fprintln(w, clip(v.rows[1+i], s.AvailableWidth))
			return err
		}))
	}
	bar := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		v.look(s.AvailableWidth) // it is drawn first
		_, err := io.WriteString(w, clip(v.rows[0], s.AvailableWidth))
		return err
	})
	// it fails only after Wait
	d.bar, _ = d.progress.Add(1, bar, mpb.BarBtmExtender(below...), mpb.BarFillerTrim())
	return d
}

// heightOf returns the number of lines of a terminal; 24 if unknown.
func heightOf(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if _, rows, err := term.GetSize(int(f.Fd())); err == nil && rows > 0 {
			return rows
		}
	}
	return 24
}

// Write writes whole lines above the display.
func (d *Display) Write(p []byte) (int, error) { return d.progress.Write(p) }

// Close removes the display from the screen.
func (d *Display) Close() {
	d.done.Do(func() {
		d.bar.Abort(true)
		d.progress.Wait()
	})
}

// view is what a drawing shows. The number of its rows is constant.
type view struct {
	snapshot func() *tap.Report
	height   func() int // rows that the screen has room for now
	rows     []string
}

// look fills the rows: with the bar and the lines below it. If the screen has become lower, only
// the last rows are in sight, and hold the most important lines.
func (v *view) look(width int) {
	r := v.snapshot()
	if r == nil {
		return // there is nothing new
	}
	n := max(1, min(len(v.rows), v.height()))
	clear(v.rows)
	shown := v.rows[len(v.rows)-n:]
	shown[0] = barOf(r, width)
	copy(shown[1:], lines(r, time.Now(), n-1))
}

// clip truncates a line to the width of the screen. Its text is ASCII.
func clip(line string, width int) string {
	if width > 0 && len(line) >= width {
		return line[:max(0, width-1)]
	}
	return line
}
