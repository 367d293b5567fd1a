package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// script is a source that is a function.
type script func(req tap.Request, take func(tap.Page) error) error

func (s script) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	return s(req, take)
}

func pageOf(body string) script {
	return func(_ tap.Request, take func(tap.Page) error) error {
		return take(tap.Page{Body: []byte(body), Asked: simWorld})
	}
}

// ran is the result of a run of one stream.
type ran struct {
	out, log string
	sum      *tap.Report
	err      error
}

// state is the last one that came out.
func (r *ran) state(t *testing.T) []byte {
	t.Helper()
	i := strings.LastIndex(r.out, `{"type":"STATE","value":`)
	require.GreaterOrEqual(t, i, 0, r.out)
	line, _, _ := strings.Cut(r.out[i:], "\n")
	return []byte(strings.TrimSuffix(strings.TrimPrefix(line, `{"type":"STATE","value":`), "}"))
}

var timed = func() *tap.Stream {
	s := &tap.Stream{
		Name: "timed", Key: []string{"id"}, Bookmark: "updated_at",
		Schema: []byte(`{"type":"object","properties":{"id":{"type":"integer"},"updated_at":{"type":["string","null"],"format":"date-time"},"name":{"type":["string","null"]},"extra":{"type":["string","null"]}}}`),
	}
	s.Prepare()
	return s
}()

func runOne(t *testing.T, source tap.Source, state []byte,
	wanted func(path ...string) bool, change func(*engine.Engine),
) *ran {
	t.Helper()
	shape, err := timed.Shape()
	require.NoError(t, err)
	st := tap.NewState()
	if state != nil {
		st, err = singer.ParseState(state, func(string) *tap.Stream { return timed })
		require.NoError(t, err)
	}
	var out, log bytes.Buffer
	e := &engine.Engine{
		Source: source, Voice: &singer.Voice{}, Out: &out,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Concurrency: 1,
	}
	if change != nil {
		change(e)
	}
	if e.NewColumns == tap.Drop {
		shape = shape.WithUnknown(record.Drop, false)
	}
	sum, err := e.Sync(t.Context(),
		[]*tap.Query{(&tap.Choice{Stream: timed, Wanted: wanted}).Select(shape, nil)}, st)
	return &ran{out.String(), log.String(), sum, err}
}

func newColumns(how tap.NewColumns) func(*engine.Engine) {
	return func(e *engine.Engine) { e.NewColumns = how }
}

// Unknown columns are learnt, reported once in the log and in the report, kept in the state, and
// known to the next run from its start.
func TestUnknownColumnsAreLearnt(t *testing.T) {
	source := pageOf(`[{"id":2,"new":"x","name":7},{"id":1,"new":null,"name":"n"}]`)
	first := runOne(t, source, nil, nil, nil)
	require.NoError(t, first.err)
	assert.ElementsMatch(t, []string{"new", "name"}, first.sum.Streams[0].Changes)
	assert.Equal(t, 1, strings.Count(first.log, `column=new`))
	assert.Contains(t, first.log,
		`level=INFO msg="a new column: adding it to the schema" stream=timed column=new`)
	assert.Contains(t, first.log,
		`msg="a column has a value of another type: widening its schema" stream=timed column=name`)
	assert.Contains(t, string(first.state(t)), `"learnt"`)

	again := runOne(t, source, first.state(t), nil, nil)
	require.NoError(t, again.err)
	assert.Equal(t, 1, strings.Count(again.out, `{"type":"SCHEMA"`))
	assert.Empty(t, again.sum.Streams[0].Changes)
	assert.NotContains(t, again.log, "column=new")
	assert.Contains(t, string(again.state(t)), `"learnt"`, "it is kept on")

	warned := runOne(t, source, nil, nil, newColumns(tap.Warn))
	assert.Contains(t, warned.log, `level=WARN msg="a new column`)
	assert.Contains(t, warned.log, `level=INFO msg="a column has a value of another type`)
	dropped := runOne(t, source, nil, nil, newColumns(tap.Drop))
	assert.NotContains(t, dropped.out, `"new"`)
	kept := runOne(t, source, first.state(t), nil, newColumns(tap.Drop))
	records, _, _ := strings.Cut(kept.out, `{"type":"STATE"`)
	assert.NotContains(t, records, `"new":`)
	assert.Contains(t, string(kept.state(t)), `"new"`, "what this run leaves out is not forgotten")
}

// With type_changes null, there is one warning per column, whatever the number of pages.
func TestNulledColumnsAreReportedOnce(t *testing.T) {
	source := script(func(req tap.Request, take func(tap.Page) error) error {
		next := map[string]string{"": "2", "2": "3"}[req.Cursor]
		return take(tap.Page{
			Body: []byte(`[{"id":1,"name":7,"extra":[]},{"id":2,"name":8}]`),
			Next: next, Asked: simWorld,
		})
	})
	r := runOne(t, source, nil, nil,
		func(e *engine.Engine) { e.TypeChanges = tap.Null })
	require.NoError(t, r.err)
	assert.Equal(t, 1, strings.Count(r.log, "column=name"), r.log)
	assert.Equal(t, 1, strings.Count(r.log, "column=extra"))
	assert.Equal(t, 6, strings.Count(r.out, `"name":null`))
	assert.NotContains(t, r.out, `"name":7`)
	assert.Equal(t, 3, r.sum.Streams[0].Pages)
	assert.Equal(t, 6, r.sum.Streams[0].Records)
}

// Parts of a request that the API refuses are left out one by one, and reported once each.
func TestRefusedPartsOfRequests(t *testing.T) {
	var asked []string
	source := script(func(req tap.Request, take func(tap.Page) error) error {
		what := ""
		if len(req.Fields) > 0 {
			what += " fields"
		}
		if !req.From.IsZero() {
			what += " from"
		}
		asked = append(asked, what)
		if what != "" {
			return tap.Errorf(tap.Unprocessable, "reading", "no such parameter")
		}
		return take(tap.Page{Body: []byte(`[{"id":1,"updated_at":"2026-01-01T00:00:00Z","name":"n","extra":"secret"}]`), Asked: simWorld})
	})
	r := runOne(t, source, nil,
		func(path ...string) bool { return path[0] != "extra" },
		func(e *engine.Engine) { e.StartDate = simWorld.AddDate(-1, 0, 0) })
	require.NoError(t, r.err)
	assert.Equal(t, []string{" fields from", " from", ""}, asked)
	assert.Equal(t, 2, strings.Count(r.log, "the API refused"))
	assert.NotContains(t, r.out, "secret", "what was left out is cut here")
	assert.Equal(t, "complete", r.sum.Streams[0].Status)

	for refuses, want := range map[string][]string{
		"fields":     {"fields from", "from"},
		"updated_at": {"fields from", "fields"},
		"unknown":    {"fields from", "from"}, // it was not sent, so what is meant?
	} {
		asked = nil
		r := runOne(t, script(func(req tap.Request, take func(tap.Page) error) error {
			var sent []string
			if len(req.Fields) > 0 {
				sent = append(sent, "fields")
			}
			if !req.From.IsZero() {
				sent = append(sent, "from")
			}
			asked = append(asked, strings.Join(sent, " "))
			if len(asked) > 1 {
				return take(tap.Page{Body: []byte(`[]`), Asked: simWorld})
			}
			return &tap.Error{
				Kind: tap.Unprocessable, Op: "reading", Err: errors.New("refused"),
				Params: []string{refuses},
			}
		}), nil, func(path ...string) bool { return path[0] != "extra" },
			func(e *engine.Engine) { e.StartDate = simWorld.AddDate(-1, 0, 0) })
		require.NoError(t, r.err)
		assert.Equal(t, want, asked, "what the API names is left out, and nothing else")
	}

	plain := runOne(t, script(func(tap.Request, func(tap.Page) error) error {
		return tap.Errorf(tap.Unprocessable, "reading", "for no reason")
	}), nil, nil, nil)
	assert.Equal(t, "failed", plain.sum.Streams[0].Status,
		"nothing is left that could be left out")
}

// If no list has a row, a stream with rows in every account is asked whether that is possible.
func TestRunsWithoutRowsNeedAProof(t *testing.T) {
	proof := stream("proof")
	for body, want := range map[string]tap.Kind{
		`[]`: tap.Rights, `[{"id":1}]`: tap.Fault,
		`[{"id":1,"unknown":2}]`: tap.Fault,
	} {
		asked := 0
		source := script(func(req tap.Request, take func(tap.Page) error) error {
			if req.Stream == proof {
				asked++
				assert.Equal(t, 1, req.PerPage)
				return take(tap.Page{Body: []byte(body), Asked: simWorld})
			}
			return take(tap.Page{Body: []byte(`[]`), Asked: simWorld})
		})
		r := runOne(t, source, nil, nil, func(e *engine.Engine) { e.Proof = proof })
		assert.Equal(t, 1, asked)
		if want == tap.Rights {
			assert.Equal(t, want, tap.KindOf(r.err))
			assert.NotContains(t, r.out, "replication_key_value")
			continue
		}
		require.NoError(t, r.err)
		assert.Contains(t, string(r.state(t)), "replication_key_value")
	}
	source := pageOf(`[{"id":1}]`)
	r := runOne(t, source, nil, nil, func(e *engine.Engine) { e.Proof = proof })
	require.NoError(t, r.err)
	assert.Contains(t, string(r.state(t)), "replication_key_value", "a row is proof enough")
}

// max_run_time ends a run between two pages, with a state; a list that was read recently is left
// alone.
func TestMaxRunTimeAndRefreshEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		source := script(func(_ tap.Request, take func(tap.Page) error) error {
			time.Sleep(4 * time.Second)
			pages++
			return take(tap.Page{Body: []byte(`[{"id":1}]`), Next: fmt.Sprint(pages), Asked: simWorld})
		})
		began := time.Now()
		r := runOne(t, source, nil, nil,
			func(e *engine.Engine) { e.MaxRunTime = 10 * time.Second })
		require.NoError(t, r.err)
		assert.True(t, r.sum.Overtime)
		assert.Equal(t, "unfinished", r.sum.Streams[0].Status)
		assert.Equal(t, 3, pages, "the page under way is still read")
		assert.Equal(t, 12*time.Second, time.Since(began))
		assert.Contains(t, string(r.state(t)), `"progress"`)
		assert.InDelta(t, 12, r.sum.Streams[0].Seconds, 1e-9)

		quick := runOne(t, pageOf(`[{"id":1}]`), nil, nil, nil)
		rests := func(d time.Duration) *ran {
			return runOne(t, pageOf(`[{"id":1}]`), quick.state(t), nil,
				func(e *engine.Engine) {
					e.Schedule = func(string) progress.Schedule { return progress.Schedule{RefreshEvery: d} }
					e.Now = func() time.Time { return simWorld.Add(time.Hour) }
				})
		}
		left := rests(2 * time.Hour)
		assert.Equal(t, "left_alone", left.sum.Streams[0].Status)
		assert.Equal(t, simWorld.Add(2*time.Hour), left.sum.Streams[0].NextRead)
		assert.Zero(t, left.sum.Streams[0].Pages)
		assert.Equal(t, "complete", rests(time.Hour).sum.Streams[0].Status)
	})
}
