package cli

import (
	"fmt"
	"io"
	"strings"
)

// screenWidth is how many columns a terminal has at least. What commands show a person fits it.
const screenWidth = 80

// What stands in cells that say nothing, and where something is due in any run.
const nothing, always = "-", "now"

// writeColumns writes a table, of which the first row is the head, within the width of a screen:
// without columns that say nothing, and with as much of the names in the last column as fits.
func writeColumns(out io.Writer, rows [][]string) error {
	const gap = 2
	widths := make([]int, len(rows[0]))
	for i := range widths {
		says := false
		for n, row := range rows {
			widths[i] = max(widths[i], len(row[i])+gap)
			says = says || n > 0 && row[i] != nothing && row[i] != always
		}
		if !says {
			widths[i] = 0
		}
	}
	last := len(widths) - 1
	room := screenWidth + gap // nothing stands before the first column
	for _, width := range widths[:last] {
		room -= width
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row[:last] {
			if widths[i] > 0 {
				fmt.Fprintf(&b, "%*s", widths[i], cell)
			}
		}
		line := strings.TrimPrefix(b.String(), strings.Repeat(" ", gap))
		if _, err := fmt.Fprintf(out, "%s%*s%s\n", line, gap, "", shortened(row[last], room-gap)); err != nil {
			return err
		}
	}
	return nil
}

// shortened returns as much of a name as fits.
func shortened(name string, width int) string {
	if len(name) <= width {
		return name
	}
	return name[:max(0, width-1)] + "…"
}

// wrapped breaks a text into lines that fit a screen. The first begins with one indent, further
// ones with the other.
func wrapped(first, next, text string) string {
	line, empty := first, true
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > screenWidth {
			lines = append(lines, line)
			line, empty = next, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return strings.Join(append(lines, line), "\n")
}
