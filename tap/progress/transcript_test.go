package progress

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The transcripts in testdata are what happens to a read, step by step, and what it says then.
// Times are minutes; a piece is named by its place in the line "open". A step is a line:
//
//	bookmark KEY=VALUE...  the state that the next run begins with
//	piece KEY=VALUE...     adds a piece to its unfinished read
//	begin KEY=VALUE...     begins or continues a read
//	page, cut, restart     a step of a piece
//	killed                 the bookmark becomes the one that the state says now
//
// go test ./tap/progress -update writes what is said now into the files.
var update = flag.Bool("update", false, "write the transcripts")

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			got := rehearse(t, string(want))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
				return
			}
			assert.Equal(t, string(want), got)
		})
	}
}

// rehearse makes the steps of a transcript, and returns it with what is said now: lines that are
// indented.
func rehearse(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	s := &stage{t: t}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, said := range s.do(strings.Fields(line)) {
			out.WriteString("  " + said + "\n")
		}
	}
	return out.String()
}

// stage is what a transcript has brought about so far.
type stage struct {
	t    *testing.T
	mark tap.Bookmark
	read *Read
}

// args are the arguments of a step: KEY=VALUE, or KEY for true.
type args map[string]string

func (a args) time(key string) time.Time {
	if a[key] == "" {
		return time.Time{}
	}
	return time.Unix(0, 0).UTC().Add(a.minutes(key))
}

func (a args) minutes(key string) time.Duration {
	n, err := strconv.ParseFloat(a[key], 64)
	if err != nil {
		return 0
	}
	return time.Duration(n * float64(time.Minute))
}

func (a args) int(key string) int {
	n, err := strconv.Atoi(a[key])
	if err != nil {
		return 0
	}
	return n
}

func (a args) is(key string) bool { _, ok := a[key]; return ok }

func (s *stage) do(words []string) []string {
	a := args{}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		a[key] = value
	}
	var more []tap.Piece
	switch words[0] {
	case "bookmark":
		s.mark = tap.Bookmark{
			Until: a.time("until"), Complete: a.time("complete"), Start: a.time("start"),
			Version: int64(a.int("version")), Whole: a.is("whole"),
		}
		if a.is("began") {
			s.mark.Progress = &tap.Progress{Began: a.time("began"), Query: "q", InParts: a.is("cut")}
		}
		return nil
	case "piece":
		s.mark.Progress.Pieces = append(s.mark.Progress.Pieces, &tap.Piece{
			Pass: a.int("pass"), From: a.time("from"), Before: a.time("before"),
			Cursor: a["cursor"],
		})
		return nil
	case "killed":
		s.mark = s.read.Bookmark()
		return []string{markText(s.mark)}
	case "begin":
		query := a["query"]
		if query == "" {
			query = "q"
		}
		s.read = Begin(s.mark, Options{
			Fingerprint: query, Passes: max(1, a.int("passes")), Full: a.is("full"),
			Timed: !a.is("untimed"), Resumable: !a.is("fleeting"), Lookback: a.minutes("lookback"),
			StartDate: a.time("start"), ReadAs: a["as"], Policy: a["policy"],
			Version: int64(a.int("version")), Anew: a.is("anew"), Untrusted: a.is("untrusted"),
		})
	case "page":
		more = s.read.Wrote(Page{
			Piece: s.piece(a), First: a.is("first"), Asked: a.time("asked"), Next: a["next"],
			Pages: a.int("pages"),
		})
	case "cut":
		more = s.read.Wrote(Cut{Piece: s.piece(a), At: a.time("at"), Next: a["next"]})
	case "restart":
		more = s.read.Wrote(Restart{Piece: s.piece(a)})
	default:
		require.Fail(s.t, "unknown step", words[0])
	}
	said := []string{
		[]string{"listing", "following", "complete"}[s.read.Phase()] +
			map[bool]string{true: ", inherited"}[s.read.Inherited()],
		"open" + piecesText(s.read.Open()),
	}
	if len(more) > 0 {
		said = append(said, "more"+piecesText(more))
	}
	return append(said, markText(s.read.Bookmark()))
}

// piece is one of those that are open, or one that is not.
func (s *stage) piece(a args) tap.Piece {
	if open := s.read.Open(); a.int("of") < len(open) {
		return open[a.int("of")]
	}
	return tap.Piece{Pass: 9}
}

func minute(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatFloat(at.Sub(time.Unix(0, 0)).Minutes(), 'g', -1, 64)
}

func piecesText(pieces []tap.Piece) string {
	text := ""
	for _, p := range pieces {
		text += fmt.Sprintf(" %d:[%s,%s)", p.Pass, minute(p.From), minute(p.Before))
		if p.Cursor != "" {
			text += "@" + p.Cursor
		}
	}
	return text
}

func markText(b tap.Bookmark) string {
	text := "state"
	for _, f := range []struct{ name, value string }{
		{"until", minute(b.Until)},
		{"complete", minute(b.Complete)},
		{"start", minute(b.Start)},
		{"as", b.ReadAs},
		{"policy", b.Policy},
	} {
		if f.value != "" {
			text += " " + f.name + "=" + f.value
		}
	}
	if b.Version != 0 {
		text += fmt.Sprintf(" version=%d whole=%v", b.Version, b.Whole)
	}
	if b.Pages != 0 {
		text += fmt.Sprintf(" pages=%d", b.Pages)
	}
	if p := b.Progress; p != nil {
		text += fmt.Sprintf(" began=%s cut=%v", minute(p.Began), p.InParts)
		for _, piece := range p.Pieces {
			text += piecesText([]tap.Piece{*piece})
		}
	}
	return text
}
