package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// opened returns a stream as a run finds it, with a column for each name.
func opened(t *testing.T, r *run, bookmark tap.Bookmark, change func(*tap.Query), columns ...string) *stream {
	t.Helper()
	s := &tap.Stream{Name: "x", Key: []string{"id"}, Bookmark: "updated_at"}
	var all []record.Column
	for _, name := range append([]string{"id", "updated_at"}, columns...) {
		all = append(all, record.Column{Name: name, Shape: &record.Shape{Kinds: record.String | record.Null}})
	}
	q := (&tap.Choice{Stream: s}).Select(record.NewObject(all), nil)
	if change != nil {
		change(q)
	}
	st, err := r.newStream(q, bookmark)
	require.NoError(t, err)
	return st
}

// Pieces of an earlier run come before what is new, if they are of the same query; a sample reads
// none of them.
func TestRuleOfOpenings(t *testing.T) {
	r := &run{Engine: &Engine{}}
	same := opened(t, r, tap.Bookmark{}, nil).query.Fingerprint()
	of := func(query string) tap.Bookmark {
		return tap.Bookmark{
			Until: noon, Pages: 7, Progress: &tap.Progress{Query: query, Pieces: []*tap.Piece{{}}},
		}
	}
	for name, c := range map[string]struct {
		bookmark tap.Bookmark
		sample   bool
		want     stage
	}{
		"nothing is under way": {tap.Bookmark{Until: noon, Pages: 7}, false, firstPage},
		"the same query is":    {of(same), false, underWay},
		"another one is":       {of("another"), false, firstPage},
		"a sample":             {of(same), true, firstPage},
	} {
		r.Sample = c.sample
		task := r.opening(opened(t, r, c.bookmark, nil))
		assert.Equal(t, c.want, task.stage, name)
		assert.Equal(t, noon, task.waits, name)
		assert.InDelta(t, 7, task.weight, 1e-9, name)
	}
}

// A stream is left alone if its last read is recent enough for its schedule: not if part of it is
// unread, it is to be read anew or verified, or only a sample is wanted.
func TestRuleOfRecentStreams(t *testing.T) {
	read := tap.Bookmark{Until: noon.Add(-time.Hour), Complete: noon.Add(-time.Hour), Quiet: 100}
	partly := func(query string) tap.Bookmark {
		b := read
		b.Progress = &tap.Progress{Query: query}
		return b
	}
	same := opened(t, &run{Engine: &Engine{}}, read, nil).query.Fingerprint()
	for name, c := range map[string]struct {
		bookmark tap.Bookmark
		change   func(*Engine)
		full     bool
		recent   bool
	}{
		"no schedule":      {read, func(e *Engine) { e.Schedule = nil }, false, false},
		"recent":           {read, nil, false, true},
		"never read":       {tap.Bookmark{}, nil, false, false},
		"partly read":      {partly(same), nil, false, false},
		"by another query": {partly("another"), nil, false, true},
		"a sample":         {read, func(e *Engine) { e.Sample = true }, false, false},
		"anew":             {read, func(e *Engine) { e.Refresh = func(string) bool { return true } }, false, false},
		"another anew":     {read, func(e *Engine) { e.Refresh = func(s string) bool { return s != "x" } }, false, true},
		"with deletes":     {read, func(e *Engine) { e.Deletes = &Deletes{} }, false, true},
		"to be verified":   {read, func(e *Engine) { e.Deletes = &Deletes{Verify: true} }, false, false},
		"a full table":     {read, nil, true, false},
		"one that is planned": {read, func(e *Engine) {
			e.Schedule = func(string) progress.Schedule { return progress.Schedule{RefreshEvery: 2 * time.Hour} }
		}, true, true},
	} {
		e := &Engine{
			Now:      func() time.Time { return noon },
			Schedule: func(string) progress.Schedule { return progress.Schedule{MaxStaleness: 24 * time.Hour} },
		}
		if c.change != nil {
			c.change(e)
		}
		r := &run{Engine: e, lastRun: noon.Add(-time.Hour)}
		st := opened(t, r, c.bookmark, func(q *tap.Query) { q.FullTable = c.full })
		w := &worker{run: r, stream: st}
		assert.Equal(t, c.recent, w.isRecent(st), name)
	}
}

// Pages are watched by the time at which rows were made, if that comes, otherwise by the bookmark.
func TestRuleOfWatchedColumns(t *testing.T) {
	for name, c := range map[string]struct {
		columns []string
		change  func(*tap.Query)
		types   tap.TypeChanges
		want    record.Options
	}{
		"when rows were made": {[]string{"created_at"}, nil, "", record.Options{Watch: "created_at"}},
		"nobody knows":        {nil, nil, "", record.Options{Watch: "updated_at"}},
		"it does not come out": {[]string{"created_at"}, func(q *tap.Query) {
			q.Shape = q.Shape.With(record.Column{Name: "created_at", Shape: &record.Shape{}, Treatment: record.Drop})
		}, "", record.Options{Watch: "updated_at"}},
		"odd values are null": {nil, nil, tap.Null, record.Options{Watch: "updated_at", NullUnfit: true}},
		"a flag": {nil, func(q *tap.Query) {
			q.Stream.Anonymized = &tap.Anonymized{Column: "name", Value: "gone"}
		}, "", record.Options{Watch: "updated_at", Flag: record.Flag{Column: "name", Value: "gone"}}},
	} {
		r := &run{Engine: &Engine{TypeChanges: c.types, PrivacyKey: []byte("key")}}
		st := opened(t, r, tap.Bookmark{}, c.change, c.columns...)
		c.want.Mark, c.want.Key = "updated_at", []byte("key")
		assert.Equal(t, c.want, st.options, name)
	}
}

// A sweep is forced if everything is verified, or if a candidate was anonymized, for the lists of
// their children; any share may be gone of the streams that are named.
func TestRuleOfSweeps(t *testing.T) {
	for name, c := range map[string]struct {
		deletes    Deletes
		anonymized bool
		force      bool
		accept     bool
	}{
		"as planned":          {Deletes{}, false, false, false},
		"verified":            {Deletes{Verify: true}, false, true, false},
		"anonymized":          {Deletes{}, true, false, false},
		"any number may go":   {Deletes{Accept: []string{"y", "x"}}, false, false, true},
		"but not of this one": {Deletes{Accept: []string{"y"}}, false, false, false},
	} {
		c.deletes.Every, c.deletes.MaxShare = time.Hour, .2
		r := &run{Engine: &Engine{Deletes: &c.deletes, Now: func() time.Time { return noon }}}
		r.signals.anonymized.Store(c.anonymized)
		s := r.sweepOf(opened(t, r, tap.Bookmark{}, nil))
		assert.Equal(t, [2]bool{c.force, c.accept}, [2]bool{s.Force, s.Accept}, name)
		assert.Equal(t, noon, s.Now, name)
		assert.Equal(t, time.Hour, s.Every, name)
		assert.InDelta(t, .2, s.MaxShare, 1e-9, name)
	}
}

// A stream without its scope is skipped, unless that should fail, or it was read before: then what
// it lacks was taken away.
func TestRuleOfSkippedStreams(t *testing.T) {
	scope := tap.Errorf(tap.Scope, "reading", "403")
	loaded := tap.Bookmark{Until: noon, Complete: noon}
	for name, c := range map[string]struct {
		bookmark tap.Bookmark
		pages    int // in this run
		strict   bool
		err      error
		skipped  bool
		lost     bool
	}{
		"never read":           {tap.Bookmark{}, 0, false, scope, true, false},
		"but that should fail": {tap.Bookmark{}, 0, true, scope, false, false},
		"read before":          {loaded, 0, false, scope, false, true},
		"read in part before":  {tap.Bookmark{Pages: 1}, 0, false, scope, false, true},
		"read in this run":     {tap.Bookmark{}, 1, false, scope, false, true},
		"another error":        {loaded, 1, false, errors.New("broken"), false, false},
	} {
		r := &run{Engine: &Engine{FailForbidden: c.strict}}
		st := opened(t, r, c.bookmark, nil)
		for range c.pages {
			st.report.page(1, 0)
		}
		err := st.scopeLost(c.err)
		w := &writer{run: r}
		assert.Equal(t, c.skipped, w.skips(err), name)
		assert.Equal(t, c.lost, errors.Is(err, errScopeLost), name)
		assert.ErrorIs(t, err, c.err, name)
		assert.Equal(t, tap.KindOf(c.err), tap.KindOf(err), name)
	}
}

// Rows of before the start date are left out on purpose, if they have a time.
func TestRuleOfOlderRows(t *testing.T) {
	row := func(at time.Time) record.Row { return record.Row{ID: 1, Mark: at.UnixMilli()} }
	assert.False(t, older(time.Time{})(row(noon)), "there is no start date")
	assert.True(t, older(noon)(row(noon.Add(-time.Millisecond))))
	assert.False(t, older(noon)(row(noon)))
	assert.False(t, older(noon)(record.Row{ID: 1}), "it has no time")
}

// Errors of a store say that it is the store, unless they say themselves what they are.
func TestErrorsOfAStore(t *testing.T) {
	err := storage("keeping ids", errors.New("no space left"))
	assert.Equal(t, tap.Storage, tap.KindOf(err))
	assert.ErrorContains(t, err, "keeping ids: no space left (check that deletes.store exists and is writable)")
	typed := tap.Errorf(tap.BadInput, "reading", "typed")
	assert.Equal(t, error(typed), storage("keeping ids", typed))
}
