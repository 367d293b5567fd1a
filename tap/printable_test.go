package tap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

func TestPrintableTextCannotActOnATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain, 'quoted' \"text\" – größe 👩": "plain, 'quoted' \"text\" – größe 👩",
		"\x1b]0;title\x07\x1b[2J":            `\x1b]0;title\a\x1b[2J`,
		"a\nb\r\tc\x7f\x00":                  `a\nb\r\tc\x7f\x00`,
		"\u009b1A\u202eabc\u2028":            `\u009b1A\u202eabc\u2028`,
		"half\xff":                           "half�",
		"":                                   "",
	} {
		assert.Equal(t, want, tap.Printable(text), "%q", text)
	}
}
