package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/plan"
)

// At a terminal an error is a sentence, and under it what to do.
func TestErrorsAtATerminal(t *testing.T) {
	said := tap.Errorf(tap.BadInput, "config c.json", `unexpected "}"`).WithHint("remove the comma")
	for terminal, want := range map[bool]string{
		true: `error: config c.json: unexpected "}"
  remove the comma
error: it broke
warning: the policy has changed (streams: users, jobs)
stream is complete (stream: users, records: 12)
summary: 1 of 2 streams complete
`,
		false: `level=ERROR msg="config c.json: unexpected \"}\" (remove the comma)"
level=ERROR msg="it broke"
level=WARN msg="the policy has changed" streams="users, jobs"
level=INFO msg="stream is complete" stream=users records=12
level=ERROR msg="summary: 1 of 2 streams complete"
`,
	} {
		var out bytes.Buffer
		p := &program{Streams: Streams{Err: &out}, level: slog.LevelInfo}
		p.person = &personLog{lineWriter: lineWriter{w: &out}, terminal: terminal}
		p.log = slog.New(p.person.handler())
		p.fail(said)
		p.fail(errors.New("it broke"))
		p.log.Warn("the policy has changed", "streams", "users, jobs")
		p.log.With("stream", "users").Info("stream is complete", "records", 12)
		p.log.Debug("a page")
		p.log.Error("summary: 1 of 2 streams complete")
		assert.Equal(t, want, withoutTime(out.String()))
	}
}

// Names of columns, and whatever else comes from outside, move no cursor and set no title, in any
// form of the log.
func TestNothingFromOutsideReachesATerminalRaw(t *testing.T) {
	const evil = "\x1b]0;title\a\x1b[2J\r\nfake line\u202e\u2028"
	for name, handler := range map[string]func(p *program) slog.Handler{
		"terminal": func(p *program) slog.Handler {
			p.person = &personLog{lineWriter: lineWriter{w: p.Err}, terminal: true}
			return p.person.handler()
		},
		"text": func(p *program) slog.Handler {
			p.person = &personLog{lineWriter: lineWriter{w: p.Err}}
			return p.person.handler()
		},
		"json": func(p *program) slog.Handler { return newJSONLog(p.Err, slog.LevelInfo) },
		"airbyte": func(p *program) slog.Handler {
			return &airbyteLog{out: &lineWriter{w: p.Err}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := &program{Streams: Streams{Err: &out}}
			p.log = slog.New(handler(p))
			p.log.With("stream", evil).Warn("a new column"+evil, "column", evil, "names", []string{evil})
			p.fail(tap.Errorf(tap.BadInput, "reading "+evil, "no").WithHint("ask " + evil))
			want := 2
			if name == "terminal" {
				want = 3 // what to do has a line of its own
			}
			assert.Equal(t, want, strings.Count(out.String(), "\n"), out.String())
			for _, r := range out.String() {
				assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
			}
		})
	}
}

// Nor does what status and plan say of a stream: a state holds the names of columns it has learnt.
func TestNothingFromOutsideStandsRawInATable(t *testing.T) {
	const evil = "\x1b]0;title\a\r\nfake line"
	var out bytes.Buffer
	require.NoError(t, statusText(&out, &greenhouse.Status{
		Streams: []greenhouse.StreamStatus{{Stream: "jobs", Learnt: []string{evil}}},
	}, time.Now()))
	require.NoError(t, planText(&out, &greenhouse.Plan{
		Streams: []greenhouse.StreamPlan{{Stream: "jobs", Guess: plan.Guess{Basis: plan.NotAsked}, Reason: evil}},
	}))
	for _, r := range out.String() {
		assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", r)
	}
	assert.NotContains(t, out.String(), "\nfake line")
}

func withoutTime(log string) string {
	var lines []byte
	for line := range bytes.Lines([]byte(log)) {
		if bytes.HasPrefix(line, []byte("time=")) {
			_, line, _ = bytes.Cut(line, []byte{' '})
		}
		lines = append(lines, line...)
	}
	return string(lines)
}
