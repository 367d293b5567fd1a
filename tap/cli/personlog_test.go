package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
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
