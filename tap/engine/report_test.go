package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The time of a stream is that from its first request to its latest page, however long others took;
// it began when its turn came, and ended when it was no longer read.
func TestTimesOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r report
		began := time.Now().UTC()
		r.status(tap.Unfinished, nil)
		assert.True(t, r.snapshot().Reading)
		time.Sleep(time.Second)
		r.asking()
		assert.Zero(t, r.snapshot().Seconds, "no page has come")
		for range 2 {
			time.Sleep(2 * time.Second)
			r.asking()
			r.pageWritten()
		}
		time.Sleep(time.Minute)
		assert.InDelta(t, 4, r.snapshot().Seconds, 1e-9)
		assert.Zero(t, r.snapshot().Ended)
		r.status(tap.Failed, errors.New("broken"))
		s := r.snapshot()
		assert.Equal(t, []time.Time{began, began.Add(65 * time.Second)}, []time.Time{s.Began, s.Ended})
		assert.Equal(t, "broken", s.Reason)
		assert.False(t, s.Reading)

		var left report
		next := began.Add(time.Hour)
		left.leftAlone(next)
		s = left.snapshot()
		assert.Equal(t, s.Began, s.Ended, "it was over at once")
		assert.Equal(t, tap.LeftAlone, s.Status)
		assert.Equal(t, next, s.NextRead)
		left.due(time.Time{})
		assert.Zero(t, left.snapshot().NextRead)
	})
}

// An estimate is at least one page more than were read, and adds up over the passes.
func TestEstimatesAddUp(t *testing.T) {
	var r report
	assert.Equal(t, 1, r.expect(0))
	assert.Equal(t, 1, r.page(10, 2))
	assert.Equal(t, 2, r.page(5, 1))
	assert.Equal(t, 3, r.expect(1), "two were read")
	assert.Equal(t, 13, r.expect(10))
	s := r.snapshot()
	assert.Equal(t, []int{2, 15, 13}, []int{s.Pages, int(s.Bytes), s.Expected})
	assert.Equal(t, 3, r.skippedRows())
}

// A column is absent if no page with rows has it, new if it was new once, and named once.
func TestColumnsInTheReport(t *testing.T) {
	var r report
	r.absent([]string{"a", "b", "c"})
	r.absent([]string{"c", "d", "a"})
	r.absent([]string{"c"})
	r.changed("wider", false)
	r.changed("new", true)
	r.changed("new", false)
	r.changed("wider", true)
	assert.Equal(t, []string{"x", "y"}, r.dropped([]string{"x", "y"}))
	assert.Equal(t, []string{"z"}, r.dropped([]string{"y", "z", "x"}))
	s := r.snapshot()
	assert.Equal(t, []string{"c"}, s.Absent)
	assert.Equal(t, []string{"wider", "new"}, s.Changes)
	assert.Equal(t, []string{"new"}, s.New)
	assert.Equal(t, []string{"x", "y", "z"}, s.Dropped)
	s.Changes[0], s.Dropped[0], s.Absent[0] = "", "", ""
	assert.Equal(t, "wider", r.snapshot().Changes[0], "who looks at a report cannot change it")
	assert.Equal(t, "x", r.snapshot().Dropped[0])
	assert.Equal(t, "c", r.snapshot().Absent[0])
}

// A sweep that was broken off says what it found; only one that is over says when the next is due,
// and only one that compared proves anything.
func TestSweepsInTheReport(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var r report
	found := gone.Found{Gone: 3, Repaired: 2, Until: at, Rows: 7, Newest: at}
	r.swept(found, time.Hour)
	s := r.snapshot()
	assert.Equal(t, []int{3, 2}, []int{s.Gone, s.Repaired})
	assert.Zero(t, s.Swept)
	assert.Zero(t, s.NextSweep)
	assert.Nil(t, s.VerifiedRows)
	found.Swept, found.Compared = at, true
	r.swept(found, time.Hour)
	s = r.snapshot()
	assert.Equal(t, []time.Time{at, at.Add(time.Hour), at, at},
		[]time.Time{s.Swept, s.NextSweep, s.VerifiedUntil, s.VerifiedNewest})
	assert.EqualValues(t, 7, *s.VerifiedRows)
}

// What pages say of the account: whether anybody may see rows, who was anonymized, how old it is.
func TestSignsOfAnAccount(t *testing.T) {
	var s signals
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	signs := func() [3]bool { return [3]bool{s.page.Load(), s.row.Load(), s.anonymized.Load()} }
	s.saw(&record.Result{}, time.Time{})
	assert.Equal(t, [3]bool{true, false, false}, signs())
	s.saw(&record.Result{Rows: 1}, at)
	assert.Equal(t, [3]bool{true, true, false}, signs())
	s.saw(&record.Result{Rows: 1, Flagged: true}, at.Add(time.Hour))
	assert.Equal(t, [3]bool{true, true, true}, signs())
	assert.Equal(t, at, s.oldestRow())
	s.saw(&record.Result{}, at.Add(-time.Hour))
	s.saw(&record.Result{}, time.Time{})
	assert.Equal(t, at.Add(-time.Hour), s.oldestRow())
	assert.Equal(t, [3]bool{true, true, true}, signs(), "they stay")
}

// Optional parts of a request are left out one by one, and none that a cursor implies. If the API
// names some that were sent, the others stay.
func TestRuleOfRefusedParts(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	whole := tap.Request{
		Stream: &tap.Stream{Name: "x", Bookmark: "updated_at"}, Fields: []string{"id"}, From: at,
		Before: at.Add(time.Hour),
	}
	without := func(change func(*tap.Request)) tap.Request {
		req := whole
		change(&req)
		return req
	}
	for name, c := range map[string]struct {
		req   tap.Request
		named []string
		want  string
		parts refused
	}{
		"first the fields":      {whole, nil, "fields", refused{fields: true}},
		"then the upper bound":  {without(func(r *tap.Request) { r.Fields = nil }), nil, "the upper bound", refused{before: true}},
		"then the lower":        {without(func(r *tap.Request) { r.Fields, r.Before = nil, time.Time{} }), nil, "the lower bound", refused{from: true}},
		"then nothing":          {tap.Request{Stream: whole.Stream}, nil, "", refused{}},
		"nothing with a cursor": {without(func(r *tap.Request) { r.Cursor = "x" }), nil, "", refused{}},
		"the fields by name":    {whole, []string{"fields"}, "fields", refused{fields: true}},
		"a bound by name":       {whole, []string{"updated_at"}, "the upper bound", refused{before: true}},
		"the lower by name":     {without(func(r *tap.Request) { r.Before = time.Time{} }), []string{"updated_at"}, "the lower bound", refused{from: true}},
		"one that was not sent": {whole, []string{"odd"}, "fields", refused{fields: true}},
		"one that must stay":    {without(func(r *tap.Request) { r.Params = map[string]string{"kind": "a"} }), []string{"kind"}, "", refused{}},
	} {
		var st stream
		what, ok := st.reduce(c.req, c.named)
		assert.Equal(t, c.want, what, name)
		assert.Equal(t, c.want != "", ok, name)
		assert.Equal(t, c.parts, st.list.refused, name)
	}
}

// Pages that are too large are asked for with a quarter of the rows, down to one; a piece that is
// late asks for what another one has found out.
func TestRuleOfSmallerPages(t *testing.T) {
	var st stream
	for _, sizes := range [][2]int{{0, 125}, {125, 31}, {31, 7}, {125, 7}, {7, 1}, {7, 1}} {
		smaller, ok := st.shrink(sizes[0])
		assert.True(t, ok)
		assert.Equal(t, sizes[1], smaller)
	}
	_, ok := st.shrink(1)
	assert.False(t, ok, "one row alone is too large")
}

// A value of another type is told once for each column; texts that are no dates are told by the ids
// of their rows, twenty of a column.
func TestNulledValuesAreTold(t *testing.T) {
	var log bytes.Buffer
	st := &stream{query: &tap.Query{Stream: &tap.Stream{Name: "x"}}}
	for id := range 25 {
		st.warnNulled([]record.Nulled{
			{Column: "number", ID: strconv.Itoa(id)},
			{Column: "on", ID: strconv.Itoa(id), Date: true},
		}, slog.New(slog.NewTextHandler(&log, nil)))
	}
	count := func(what string) int { return strings.Count(log.String(), what) }
	assert.Equal(t, 1, count("its type does not fit its column"))
	assert.Equal(t, 20, count("a text that is no date"))
	assert.Equal(t, 1, count("further ones of this column are not named"))
	assert.Equal(t, 1, count(`further ones of this column are not named" stream=x column=on id=19`))
}

// Errors of standard output say where to look, and nothing twice.
func TestErrorsOfStandardOutput(t *testing.T) {
	typed := tap.Errorf(tap.BadInput, "writing", "typed")
	assert.Equal(t, error(typed), WriteError(typed))
	for err, want := range map[error]string{
		syscall.ENOSPC: "writing to stdout: no space left on device " +
			"(check where standard output goes: the disk may be full, or the stream closed)",
		&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}: "writing to stdout: " +
			"broken pipe (the loader went away: look at its log)",
	} {
		got := WriteError(err)
		assert.Equal(t, tap.LoaderGone, tap.KindOf(got))
		assert.EqualError(t, got, want)
	}
}

// Only what concerns every stream ends a run.
func TestWhatEndsARun(t *testing.T) {
	for kind, ends := range map[tap.Kind]bool{
		tap.Credentials: true, tap.SignIn: true, tap.BadInput: true, tap.Rights: true,
		tap.Unreachable: true, tap.Scope: false, tap.Refused: false, tap.Server: false,
		tap.Network: false, tap.TooLarge: false, tap.Fault: false, tap.Storage: false,
		tap.Gone: false, tap.Unprocessable: false, tap.Origin: false, tap.CursorExpired: false,
		tap.LoaderGone: false, tap.Interrupted: false,
	} {
		assert.Equal(t, ends, endsRun(tap.Errorf(kind, "reading", "x")), "%v", kind)
	}
}

// Times in records are read as they come; what is none tells nothing.
func TestTimesInRecords(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 500_000_000, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-11-25T12:00:00.500Z"`: at, `"2026-11-25T13:00:00.5+01:00"`: at,
		``: {}, `"`: {}, `""`: {}, `null`: {}, `7`: {}, `12`: {}, `"2026-11-25"`: {},
	} {
		assert.Equal(t, want, parseTime([]byte(text)), text)
	}
}
