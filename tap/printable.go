package tap

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable returns a text in which everything that is not printable is an escape sequence, as in
// Go. Nothing from outside may reach a terminal, a log or a report without it: control characters
// move the cursor, set titles and break lines.
func Printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
