package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// queryOf selects a stream, without columns that it does not know.
func queryOf(t *testing.T, s *tap.Stream) *tap.Query {
	t.Helper()
	shape, err := s.Shape()
	require.NoError(t, err)
	if s.Local {
		shape = shape.WithUnknown(record.Drop, false)
	}
	return (&tap.Choice{Stream: s}).Select(shape, nil)
}

// logStream is the log of the run with a few of its columns.
func logStream() *tap.Stream {
	s := &tap.Stream{
		Name: tap.SyncLog, Key: []string{"id"}, Local: true,
		Schema: []byte(`{"type":"object","properties":{"id":{"type":"string"},"stream":{"type":["string","null"]},"status":{"type":["string","null"]},"reason":{"type":["string","null"]},"records":{"type":["integer","null"]},"pages":{"type":["integer","null"]},"requests":{"type":["integer","null"]},"retries":{"type":["integer","null"]},"tap_version":{"type":["string","null"]},"new_columns":{"type":["array","null"]}}}`),
	}
	s.Prepare()
	return s
}

// The log of a run has a row for each stream, however it ended, and comes last, before a state. Its
// own row is in the report.
func TestTheLogHasARowForEachStream(t *testing.T) {
	source := answers{
		"good": `[{"id":2,"new":1},{"id":1}]`, "bad": tap.Errorf(tap.Refused, "reading", "no such list"),
		"shut": tap.Errorf(tap.Scope, "reading", "403"),
	}
	var out, log bytes.Buffer
	run := func(sample bool, queries ...*tap.Query) *tap.Report {
		out.Reset()
		e := &engine.Engine{
			Source: source, Voice: &singer.Voice{}, Out: &out, Concurrency: 1, Sample: sample,
			Log: slog.New(slog.NewTextHandler(&log, nil)), ID: "run", Version: "9.9",
			UsedBy: func(name string) (requests, retries int) { return len(name), 1 },
		}
		report, err := e.Sync(t.Context(), queries, tap.NewState())
		require.NoError(t, err)
		return report
	}
	good, bad := queryOf(t, stream("good")), queryOf(t, stream("bad"))
	report := run(false, good, bad, queryOf(t, stream("shut")), queryOf(t, logStream()))
	written := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Contains(t, written[len(written)-1], `"type":"STATE"`)
	var rows []map[string]any
	for _, line := range written[len(written)-4 : len(written)-1] {
		var m struct{ Record map[string]any }
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		rows = append(rows, m.Record)
	}
	row := func(name, status string, reason any, records, pages, requests float64, fresh any) map[string]any {
		return map[string]any{
			"id": "run:" + name, "stream": name, "status": status, "reason": reason,
			"records": records, "pages": pages, "requests": requests, "retries": 1.0,
			"tap_version": "9.9", "new_columns": fresh,
		}
	}
	assert.Equal(t, []map[string]any{
		row("good", "complete", nil, 2, 1, 4, []any{"new"}),
		row("bad", "failed", "reading: refused", 0, 0, 3, nil),
		row("shut", "skipped", "reading: the scope is missing, or the user is no Site Admin", 0, 0, 4, nil),
	}, rows)
	last := report.Streams[3]
	assert.Equal(t, []any{tap.SyncLog, "complete", 3}, []any{last.Stream, last.Status, last.Records})

	// A sample has one row of it, as of every stream. A log that cannot be made fails alone.
	run(true, good, bad, queryOf(t, logStream()))
	assert.Equal(t, 1, strings.Count(out.String(), `"stream":"sync_log","record"`))
	broken := &tap.Query{Stream: logStream(), Err: tap.Errorf(tap.BadInput, "sync_log", "no column")}
	report = run(false, good, broken)
	assert.Equal(t, "complete", report.Streams[0].Status)
	assert.Equal(t, "failed", report.Streams[1].Status)
	assert.NotContains(t, out.String(), `"stream":"sync_log","record"`)
	assert.Contains(t, log.String(), `level=ERROR msg="sync_log: no column" stream=sync_log`)
}

// A refreshed stream is read from the start, whatever its state says; the others go on.
func TestRefreshReadsFromTheStart(t *testing.T) {
	var from []time.Time
	source := script(func(req tap.Request, take func(tap.Page) error) error {
		from = append(from, req.From)
		return take(tap.Page{Body: []byte(`[{"id":1,"updated_at":"2019-01-01T00:00:00Z"}]`), Asked: simWorld})
	})
	start := simWorld.AddDate(-2, 0, 0)
	first := runOne(t, source, nil, nil, func(e *engine.Engine) { e.StartDate = start })
	for name, refresh := range map[string]func(string) bool{
		"none": nil, "another": func(name string) bool { return name != "timed" },
		"timed": func(name string) bool { return name == "timed" },
	} {
		from = nil
		again := runOne(t, source, first.state(t), nil, func(e *engine.Engine) {
			e.StartDate, e.Refresh = start, refresh
		})
		require.NoError(t, again.err)
		if name == "timed" {
			assert.Equal(t, []time.Time{start}, from)
		} else {
			assert.Equal(t, []time.Time{simWorld}, from)
		}
		assert.Contains(t, string(again.state(t)), tap.FormatTime(simWorld), "it goes on from there")
	}
}

// enricher completes records, or fails.
type enricher func(records [][]byte) ([][]byte, error)

func (f enricher) Enrich(_ context.Context, _ *tap.Query, _ *record.Shape, records [][]byte) (
	[][]byte, error,
) {
	return f(records)
}

// Records come out as they were completed. If they cannot be completed, the stream fails, none of
// them comes out, and its bookmark stays.
func TestRecordsComeOutCompleted(t *testing.T) {
	source := pageOf(`[{"id":1,"updated_at":"2019-01-01T00:00:00Z"}]`)
	r := runOne(t, source, nil, nil, func(e *engine.Engine) {
		e.Enricher = enricher(func(records [][]byte) ([][]byte, error) {
			for i, rec := range records {
				records[i] = bytes.Replace(rec, []byte("}"), []byte(`,"name":"file"}`), 1)
			}
			return records, nil
		})
	})
	require.NoError(t, r.err)
	assert.Contains(t, r.out, `"name":"file"}`)
	before := r.state(t)
	r = runOne(t, source, before, nil, func(e *engine.Engine) {
		e.Enricher = enricher(func([][]byte) ([][]byte, error) {
			return nil, tap.Errorf(tap.Storage, "keeping a file", "no space")
		})
	})
	require.NoError(t, r.err)
	assert.Equal(t, "failed", r.sum.Streams[0].Status)
	assert.Equal(t, "keeping a file: no space", r.sum.Streams[0].Reason)
	assert.NotContains(t, r.out, `"type":"RECORD"`)
	assert.NotContains(t, r.out, `"type":"STATE"`)
}

// What is odd about a stream's columns stands in the report and in the log, once each: values that
// are not among the known ones, cut after forty letters, columns that a policy dropped, and columns
// that no record of any page has.
func TestOddColumnsAreToldOnce(t *testing.T) {
	s := &tap.Stream{
		Name: "odd", Key: []string{"id"},
		Schema: []byte(`{"type":"object","properties":{"id":{"type":"integer"},"kind":{"type":["string","null"]},"never":{"type":["string","null"]},"once":{"type":["string","null"]},"late":{"type":["string","null"]}}}`),
	}
	s.Prepare()
	shape, err := s.Shape()
	require.NoError(t, err)
	shape.Column("kind").Shape.Values = []string{"known"}
	shape = shape.WithUnknown(record.Drop, true)
	forty := strings.Repeat("é", 40)
	source := script(func(req tap.Request, take func(tap.Page) error) error {
		page := tap.Page{
			Body: []byte(`[{"id":3,"kind":"known","secret":1,"once":"x"},{"id":2,"kind":"` + forty + `"}]`),
			Next: "2", Asked: simWorld,
		}
		if req.Cursor != "" {
			page.Body, page.Next = []byte(`[{"id":1,"kind":"`+forty+`e","secret":1,"other":2,"late":null}]`), ""
		}
		return take(page)
	})
	var log bytes.Buffer
	e := &engine.Engine{
		Source: source, Voice: events{}, Out: io.Discard, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Concurrency: 1,
	}
	report, err := e.Sync(t.Context(), []*tap.Query{(&tap.Choice{Stream: s}).Select(shape, nil)},
		tap.NewState())
	require.NoError(t, err)
	odd := report.Streams[0]
	assert.Equal(t, []string{"kind=" + forty, "kind=" + forty + "…"}, odd.NewValues)
	assert.Equal(t, []string{"secret", "other"}, odd.Dropped)
	assert.Equal(t, []string{"never"}, odd.Absent)
	for _, told := range []string{"column=secret", "column=other", "value=" + forty + "\n", "value=" + forty + "…"} {
		assert.Equal(t, 1, strings.Count(log.String(), told), told)
	}
}

// A stream of which nothing comes out but deletions says once that it is running, before the first.
func TestDeletionsAreRunning(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.run()
	l.without("timed", 2)
	state, err := singer.ParseState(l.state, func(string) *tap.Stream { return timed })
	require.NoError(t, err)
	var out bytes.Buffer
	e := &engine.Engine{
		Source: l, Voice: events{}, Out: &out, Concurrency: 1, Deletes: &l.deletes,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return l.now },
	}
	_, err = e.Sync(t.Context(), []*tap.Query{queryOf(t, timed)}, state)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"timed started", "timed schema of 4", "timed about 0", "state timed 0", "timed running",
		"timed gone [2]", "state timed 1", "timed complete",
	}, lines(&out))
}
