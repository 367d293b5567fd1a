package attachments

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Names of uploaded files, and what they become on every file system.
func TestSafeNames(t *testing.T) {
	for name, want := range map[string]string{
		"Resume.pdf": "Resume.pdf", "Lebenslauf Müller.pdf": "Lebenslauf_Müller.pdf",
		"../../etc/passwd": "passwd", `C:\x\y.txt`: "y.txt", "..": "file", "": "file", ".": "file",
		".hidden": "hidden", "x.": "x", "x. .": "x._", "a\x00b": "a_b", "a<b>:\"|?*c": "a_b______c",
		"\u202egpj.exe": "gpj.exe", "a\xffb.txt": "a_b.txt", "a\nb\tc": "a_b_c",
		// devices of Windows, whatever follows the first dot
		"con": "con_", "CON": "CON_", "con.pdf": "con_.pdf", "con.tar.gz": "con_.tar.gz",
		"aux.h.c": "aux_.h.c", "Nul.": "Nul_", "prn.txt": "prn_.txt", "com1.txt": "com1_.txt",
		"com¹.txt": "com¹_.txt", "LPT²": "LPT²_", "lpt³.a.b": "lpt³_.a.b", "com0": "com0_",
		"lpt9.x": "lpt9_.x", "con_.pdf": "con_.pdf",
		// and what only looks like them
		"console.txt": "console.txt", "come.pdf": "come.pdf", "com10.txt": "com10.txt",
		"com.txt": "com.txt", "a.con": "a.con", "lpt": "lpt", "com⁴.txt": "com⁴.txt",
		// long names keep their extension
		strings.Repeat("a", 300) + ".pdf":  strings.Repeat("a", 176) + ".pdf",
		strings.Repeat("ä", 300) + ".pdf":  strings.Repeat("ä", 88) + ".pdf",
		"a." + strings.Repeat("b", 300):    "a." + strings.Repeat("b", 178),
		strings.Repeat("a", 179) + "..pdf": strings.Repeat("a", 176) + ".pdf",
		"a." + strings.Repeat("b", 11):     "a." + strings.Repeat("b", 11),
	} {
		got := SafeName(name)
		assert.Equal(t, want, got, "%q", name)
		assert.Equal(t, want, SafeName(got), "a safe name stays")
		assert.LessOrEqual(t, len(got), maxName+2)
	}
}

func FuzzSafeName(f *testing.F) {
	for _, seed := range []string{
		"Resume.pdf", "../../../etc/passwd", `C:\x\y.txt`, "..", "", ".",
		"CON", "a\x00b", strings.Repeat("ä", 300) + ".pdf", "con.pdf", "lpt1.txt", "x.",
		"\u202egpj.exe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		safe := SafeName(name)
		assert.NotEmpty(t, safe)
		assert.LessOrEqual(t, len(safe), 200)
		assert.NotContains(t, safe, "/")
		assert.NotContains(t, safe, `\`)
		assert.False(t, strings.HasPrefix(safe, "."), safe)
		assert.Equal(t, filepath.Base(safe), safe)
		assert.Equal(t, safe, SafeName(safe), "a safe name stays")
	})
}
