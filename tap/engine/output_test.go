package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
)

// events is a voice that says what it is told, a line each.
type events struct{}

func (events) Frame(*tap.Query, int64, time.Time) (before, after []byte) {
	return []byte("record "), []byte("\n")
}

func (events) Append(dst []byte, e tap.Event) []byte {
	line := func(format string, args ...any) {
		dst = append(fmt.Appendf(dst, format, args...), '\n')
	}
	switch e := e.(type) {
	case tap.Started:
		line("%s started", e.Stream.Name)
	case tap.Schema:
		line("%s schema of %d", e.Query.Stream.Name, len(e.Shape.Columns))
	case tap.Running:
		line("%s running", e.Stream.Name)
	case tap.Deleted:
		line("%s gone %v", e.Query.Stream.Name, e.IDs)
	case tap.Estimate:
		line("%s about %d", e.Stream.Name, e.Records)
	case tap.Saved:
		dst = append(dst, "state"...)
		for _, w := range e.Since {
			dst = fmt.Appendf(dst, " %s %d", w.Stream.Name, w.Records)
			if w.Ended {
				dst = append(dst, " late"...)
			}
		}
		dst = append(dst, '\n')
	case tap.Waiting:
		for _, s := range e.Streams {
			line("%s waits %s", s.Name, time.Until(e.Until))
		}
	case tap.Ended:
		if e.Err != nil {
			line("%s failed: %s", e.Stream.Name, tap.Cause(e.Err))
		} else {
			line("%s complete", e.Stream.Name)
		}
	}
	return dst
}

// said runs the engine over some streams, one after the other, with a voice of events.
func said(t *testing.T, ctx context.Context, source tap.Source, out io.Writer,
	change func(*engine.Engine), streams ...*tap.Stream,
) *tap.Report {
	t.Helper()
	sum, _ := runStreams(t, ctx, source, out, func(e *engine.Engine) {
		e.Voice, e.Concurrency = events{}, 1
		if change != nil {
			change(e)
		}
	}, streams...)
	return sum
}

func lines(b *bytes.Buffer) []string { return strings.Split(strings.TrimSpace(b.String()), "\n") }

// Everything that a voice is told, in its order: of a list of one page, an empty one, one that
// goes on, one that widens its schema, and one that fails.
func TestEverythingIsSaidInOrder(t *testing.T) {
	var out bytes.Buffer
	said(t, t.Context(), answers{
		"full": `[{"id":2},{"id":1}]`, "empty": `[]`,
		"bad": tap.Errorf(tap.Refused, "x", "no such list"),
	}, &out, nil, stream("full"), stream("empty"), stream("bad"))
	assert.Equal(t, []string{
		"full started", "full schema of 1", "full about 2", "full running",
		`record {"id":2}`, `record {"id":1}`, "state full 2", "full complete",
		"empty started", "empty schema of 1", "empty about 0", "state empty 0", "empty complete",
		"bad started", "bad failed: no such list",
	}, lines(&out))

	out.Reset()
	pages := script(func(req tap.Request, take func(tap.Page) error) error {
		page := map[string]tap.Page{
			"":  {Body: []byte(`[{"id":4,"updated_at":"2020-01-01T00:00:00Z"}]`), Next: "a"},
			"a": {Body: []byte(`[{"id":3,"new":1}]`), Next: "b"},
			"b": {Body: []byte(`[]`)},
		}[req.Cursor]
		page.Asked = simWorld
		return take(page)
	})
	sum := said(t, t.Context(), pages, &out, nil, timed)
	assert.Equal(t, []string{
		"timed started", "timed schema of 4", "timed running",
		`record {"id":4,"updated_at":"2020-01-01T00:00:00Z"}`, "timed about 1000",
		"timed schema of 5", `record {"id":3,"new":1}`, "state timed 2", "timed complete",
	}, lines(&out))
	assert.Equal(t, []int{2, 3, 1},
		[]int{sum.Streams[0].Records, sum.Streams[0].Pages, sum.Streams[0].Expected - 1})
}

// The number of records of a stream is known if its only page is all there is, and guessed if it
// goes on.
func TestEstimates(t *testing.T) {
	estimates := func(next string, s *tap.Stream, change func(*engine.Engine)) int {
		var out bytes.Buffer
		source := script(func(req tap.Request, take func(tap.Page) error) error {
			body := tap.Page{Body: []byte(`[{"id":1}]`), Asked: simWorld}
			if req.Cursor == "" {
				body.Next = next
			}
			return take(body)
		})
		said(t, t.Context(), source, &out, change, s)
		return strings.Count(out.String(), "about")
	}
	passes := *timed
	passes.Passes = []map[string]string{{"active": "true"}, {"active": "false"}}
	passes.Prepare()
	assert.Equal(t, 1, estimates("", timed, nil))
	assert.Equal(t, 1, estimates("more", timed, nil))
	assert.Zero(t, estimates("", &passes, nil), "one of two reads")
	assert.Zero(t, estimates("", timed, func(e *engine.Engine) { e.StartDate = simWorld }),
		"what is new")
	assert.Zero(t, estimates("", timed, func(e *engine.Engine) { e.Sample = true }))
}

// Writes are no larger than their bound, but for records that are.
func TestSizeOfWrites(t *testing.T) {
	const most = 32 << 10
	out := &sizes{}
	row := func(n int) string { return `{"id":1,"text":"` + strings.Repeat("x", n) + `"}` }
	rows := []string{row(40_000)}
	for n := 10; n < 3000; n += 7 {
		rows = append(rows, row(n))
	}
	said(t, t.Context(), answers{"rows": "[" + strings.Join(rows, ",") + "]"}, out, nil,
		stream("rows"))
	large := 0
	for _, n := range out.writes {
		if n > most+len("record \n") {
			large++
		}
	}
	assert.Equal(t, 1, large, "the record that is larger itself")
	assert.Less(t, len(out.writes), 40, "records share writes: %v", out.writes)
}

// sizes is a standard output that notes the size of each write.
type sizes struct{ writes []int }

func (s *sizes) Write(p []byte) (int, error) {
	s.writes = append(s.writes, len(p))
	return len(p), nil
}

// A STATE follows many records, or some seconds, and not otherwise.
func TestWhenStatesAreDue(t *testing.T) {
	rows := func(n int) string { return "[" + strings.Repeat(`{"id":1},`, n-1) + `{"id":1}]` }
	run := func(perPage int, pause time.Duration) []string {
		var out bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			source := script(func(req tap.Request, take func(tap.Page) error) error {
				time.Sleep(pause)
				next := map[string]string{"": "1", "1": "2", "2": "3", "3": ""}[req.Cursor]
				return take(tap.Page{Body: []byte(rows(perPage)), Next: next, Asked: simWorld})
			})
			said(t, t.Context(), source, &out, nil, stream("rows"))
		})
		var states []string
		for _, l := range lines(&out) {
			if strings.HasPrefix(l, "state") {
				states = append(states, l)
			}
		}
		return states
	}
	assert.Equal(t, []string{"state rows 4"}, run(1, 0))
	assert.Equal(t, []string{
		"state rows 2500", "state rows 2500", "state rows 2500",
		"state rows 2500",
	},
		run(2500, 0))
	assert.Equal(t, []string{"state rows 4998", "state rows 4998"}, run(2499, 0))
	assert.Equal(t, []string{"state rows 1", "state rows 2", "state rows 1"},
		run(1, 1900*time.Millisecond), "pages come after 1.9, 3.8, 5.7 and 7.6 s")
	assert.Len(t, run(1, 4*time.Second), 4)
}

// Waiting is said of the streams under way, and not after its time.
func TestWaitingIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var e *engine.Engine
		source := script(func(req tap.Request, take func(tap.Page) error) error {
			if req.Stream.Name == "slow" {
				e.Waiting(time.Now().Add(7 * time.Second))
				e.Waiting(time.Now())
			}
			return take(tap.Page{Body: []byte(`[]`), Asked: simWorld})
		})
		said(t, t.Context(), source, &out, func(made *engine.Engine) { e = made },
			stream("quick"), stream("slow"))
		assert.Equal(t, 1, strings.Count(out.String(), "waits"), out.String())
		assert.Contains(t, out.String(), "slow waits 7s")
		e.Waiting(time.Now().Add(time.Second)) // the run is over: nothing happens
	})
}

// slow is a standard output that calls a function before each write.
type slow struct {
	bytes.Buffer
	before func(n int)
	writes int
}

func (s *slow) Write(p []byte) (int, error) {
	s.writes++
	s.before(s.writes)
	return s.Buffer.Write(p)
}

// A run that is stopped in the middle of a page ends between two records, and no stream is
// complete. After a signal, the last message is a state.
func TestStoppedInTheMiddleOfAPage(t *testing.T) {
	for _, kind := range []tap.Kind{tap.Interrupted, tap.Unreachable} {
		ctx, cancel := context.WithCancelCause(t.Context())
		out := &slow{before: func(n int) {
			if n == 3 {
				cancel(tap.Errorf(kind, "stopped", "here"))
			}
		}}
		row := `{"id":1,"text":"` + strings.Repeat("x", 1000) + `"}`
		sum := said(t, ctx, answers{
			"long":  "[" + strings.Repeat(row+",", 499) + row + "]",
			"never": page,
		},
			out, nil, stream("long"), stream("never"))
		all := lines(&out.Buffer)
		records := strings.Count(out.String(), "record ")
		assert.True(t, records > 50 && records < 150, "it breaks off at once: %d", records)
		assert.Equal(t, records, sum.Streams[0].Records)
		assert.Equal(t, []string{"unfinished", "unfinished"},
			[]string{sum.Streams[0].Status, sum.Streams[1].Status})
		assert.Equal(t, []bool{true, false},
			[]bool{sum.Streams[0].Reading, sum.Streams[1].Reading})
		want := []string{
			fmt.Sprintf("state long %d", records), "long failed: here",
			"never started", "never failed: here",
		}
		if kind == tap.Interrupted {
			want = append(want, "state")
		}
		assert.Equal(t, want, all[len(all)-len(want):])
	}
}
