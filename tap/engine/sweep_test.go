package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/progress"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// lists is a source whose rows never change, so that only deletes are news. It notes what it is
// asked for.
type lists struct {
	t      *testing.T
	now    time.Time
	ids    map[string][]int64 // by stream
	hidden []int64            // rows that lists leave out, and that ids finds
	row    string             // more members of each row
	// changed is when all rows changed last; zero for before the first run.
	changed time.Time
	before  func(what string) error
	asked   []string

	ledger  *ledgers
	deletes engine.Deletes
	state   []byte
	streams []*tap.Stream
	// fullTable reads whole tables, and replacesTables means that the loader replaces them.
	fullTable, replacesTables bool
	readAs                    string
	start                     time.Time
	rested                    time.Duration // Rest
	proof                     *tap.Stream
}

func numbers(from, to int64) []int64 {
	var ids []int64
	for id := to; id >= from; id-- {
		ids = append(ids, id)
	}
	return ids
}

func newLists(t *testing.T, ids []int64) *lists {
	l := &lists{
		t: t, now: simWorld, ids: map[string][]int64{"timed": ids},
		ledger: newLedgers(), streams: []*tap.Stream{timed},
	}
	l.deletes = engine.Deletes{Store: l.ledger, Every: 24 * time.Hour, MaxShare: 0.2}
	return l
}

func (l *lists) without(stream string, gone ...int64) {
	l.ids[stream] = slices.DeleteFunc(slices.Clone(l.ids[stream]),
		func(id int64) bool { return slices.Contains(gone, id) })
}

func (l *lists) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	what := "list"
	switch {
	case req.IDs != nil:
		what = fmt.Sprintf("%d ids", len(req.IDs))
	case req.Cursor != "":
		what = "after " + req.Cursor
	case !req.From.IsZero():
		what = "news"
	}
	if slices.Equal(req.Fields, []string{"id", "updated_at"}) {
		what += ", ids"
	}
	if req.Stream != timed {
		what = req.Stream.Name + ": " + what
	}
	l.asked = append(l.asked, what)
	if l.before != nil {
		if err := l.before(what); err != nil {
			return err
		}
	}
	rows := slices.Clone(l.ids[req.Stream.Name])
	switch {
	case req.IDs != nil:
		rows = slices.DeleteFunc(append(rows, l.hidden...),
			func(id int64) bool { return !slices.Contains(req.IDs, id) })
	case !req.From.IsZero() && l.changed.Before(req.From):
		rows = nil
	case req.Cursor != "":
		last, err := strconv.ParseInt(req.Cursor, 10, 64)
		require.NoError(l.t, err)
		rows = slices.DeleteFunc(rows, func(id int64) bool { return id >= last })
	}
	next := ""
	if len(rows) > 500 {
		rows = rows[:500]
		next = strconv.FormatInt(rows[499], 10)
	}
	var body []string
	for _, id := range rows {
		at := l.changed
		if at.IsZero() {
			at = simWorld.AddDate(-1, 0, 0)
		}
		body = append(body, fmt.Sprintf(`{"id":%d,"updated_at":%q%s}`, id, tap.FormatTime(at), l.row))
	}
	page := tap.Page{Body: []byte("[" + strings.Join(body, ",") + "]"), Next: next, Asked: l.now}
	return take(page)
}

// run runs the engine once, and returns the ids that it reported as gone, and what it asked for.
func (l *lists) run() (dead []string, asked []string, r *ran) {
	l.t.Helper()
	l.asked = nil
	st := tap.NewState()
	if l.state != nil {
		var err error
		st, err = singer.ParseState(l.state, func(name string) *tap.Stream {
			return l.streams[slices.IndexFunc(l.streams,
				func(s *tap.Stream) bool { return s.Name == name })]
		})
		require.NoError(l.t, err)
	}
	var queries []*tap.Query
	for _, s := range l.streams {
		shape, err := s.Shape()
		require.NoError(l.t, err)
		choice := &tap.Choice{Stream: s, FullTable: l.fullTable}
		queries = append(queries, choice.Select(shape, nil))
	}
	var out, log bytes.Buffer
	e := &engine.Engine{
		Source: l, Voice: &singer.Voice{}, Out: &out, Concurrency: 1, ReplacesTables: l.replacesTables,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Lookback: 5 * time.Minute,
		Now: func() time.Time { return l.now }, ReadAs: l.readAs, StartDate: l.start, Proof: l.proof,
		Schedule: func(string) progress.Schedule { return progress.Schedule{RefreshEvery: l.rested} },
	}
	if l.deletes.Store != nil {
		e.Deletes = &l.deletes
	}
	sum, err := e.Sync(l.t.Context(), queries, st)
	r = &ran{out.String(), log.String(), sum, err}
	l.state = r.state(l.t)
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, "_sdc_deleted_at") && strings.Contains(line, `"RECORD"`) {
			_, id, _ := strings.Cut(line, `"id":`)
			id, _, _ = strings.Cut(id, ",")
			dead = append(dead, id)
		}
	}
	return dead, l.asked, r
}

// A long list is listed by its first read, and again when a sweep is due. What is gone is confirmed
// fifty ids at a time, and reported once.
func TestSweepsOfALongList(t *testing.T) {
	l := newLists(t, numbers(1, 1200))
	_, asked, r := l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{"list", "after 701", "after 201"}, asked, "a whole read is a listing")
	report := r.sum.Streams[0]
	assert.Equal(t, simWorld, report.Swept)
	assert.Equal(t, simWorld.Add(24*time.Hour), report.NextSweep)
	assert.Equal(t, simWorld, report.VerifiedUntil)
	assert.Equal(t, 1200, *report.VerifiedRows)
	assert.Equal(t, "720600", report.VerifiedSum)
	assert.NotContains(t, r.log, "compared", "nothing to say")

	l.without("timed", numbers(101, 160)...)
	l.now = l.now.Add(23 * time.Hour)
	dead, asked, _ := l.run()
	assert.Equal(t, []string{"news"}, asked, "a sweep is not due")
	assert.Empty(t, dead)

	l.now = l.now.Add(time.Hour)
	dead, asked, r = l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{
		"news", "list, ids", "after 701, ids", "after 201, ids", "50 ids", "10 ids",
	}, asked)
	assert.Len(t, dead, 60)
	assert.ElementsMatch(t, dead, texts(numbers(101, 160)))
	assert.Equal(t, 60, r.sum.Streams[0].Gone)
	assert.Equal(t, 4, r.sum.Streams[0].Pages, "a page of news and three of ids")
	assert.Contains(t, r.log, `msg="sweeping: listing all ids" stream=timed`)
	assert.Contains(t, r.log, "rows=1140 verified_id_sum=712770 verified_max_updated_at=2019-01-01T00:00:00.000Z gone=60 repaired=0 next_sweep=2020-01-03T00:00:00Z")
	assert.Less(t, strings.LastIndex(r.out, `"RECORD"`),
		strings.LastIndex(r.out, "ACTIVATE_VERSION"))
	assert.Contains(t, r.out, fmt.Sprintf(`"version":%d}`, gone.FirstVersion-1))
	assert.Equal(t, 1140, *r.sum.Streams[0].VerifiedRows)
	assert.Equal(t, l.now, r.sum.Streams[0].Swept)

	dead, asked, _ = l.run()
	assert.Equal(t, []string{"news"}, asked)
	assert.Empty(t, dead, "it was reported")
}

func texts(ids []int64) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strconv.FormatInt(id, 10)
	}
	return out
}

// A list that fits on a page is asked for as a whole, and compared in every run; only what is new
// is written. When it grows beyond a page, it is swept like any other.
func TestListsOfOnePage(t *testing.T) {
	l := newLists(t, numbers(1, 500))
	l.run()
	dead, asked, r := l.run()
	assert.Equal(t, []string{"list"}, asked)
	assert.Empty(t, dead)
	assert.Zero(t, r.sum.Streams[0].Records, "no row is new")
	l.without("timed", 7, 9)
	dead, asked, r = l.run()
	assert.Equal(t, []string{"list", "2 ids"}, asked)
	assert.Equal(t, []string{"9", "7"}, dead)
	assert.Contains(t, r.log, "rows=498 verified_id_sum=125234 verified_max_updated_at=2019-01-01T00:00:00.000Z gone=2")
	l.ids["timed"] = numbers(1, 600)
	_, asked, _ = l.run()
	assert.Equal(t, []string{"list", "news"}, asked, "it no longer fits")
	l.now = l.now.Add(24 * time.Hour)
	_, asked, _ = l.run()
	assert.Contains(t, asked, "list, ids")
	l.now = l.now.Add(time.Hour)
	_, asked, _ = l.run()
	assert.Equal(t, []string{"news"}, asked, "600 rows are known to need two pages")
}

// A row that a list left out is not gone if asking for it finds it.
func TestLateRowsAreNotGone(t *testing.T) {
	l := newLists(t, numbers(1, 10))
	l.run()
	l.without("timed", 3, 4)
	l.hidden = []int64{3}
	dead, _, r := l.run()
	assert.Equal(t, []string{"4"}, dead)
	assert.Equal(t, 1, r.sum.Streams[0].Gone)
	dead, asked, _ := l.run()
	assert.Equal(t, []string{"list", "1 ids"}, asked, "it stays known")
	assert.Empty(t, dead)
}

// If more rows are gone than is plausible, the stream fails and reports none, until it is accepted.
func TestTooManyDeletes(t *testing.T) {
	for _, c := range []struct {
		rows, gone int64
		fails      bool
	}{
		{20, 20, false}, {100, 20, false}, {100, 21, true}, {105, 21, false}, {22, 21, true},
	} {
		l := newLists(t, numbers(1, c.rows+1))
		l.run()
		l.ids["timed"] = numbers(c.gone+1, c.rows+1)
		l.deletes.MaxShare = 0.2 * float64(c.rows) / float64(c.rows+1)
		dead, _, r := l.run()
		if !c.fails {
			assert.Len(t, dead, int(c.gone))
			assert.Equal(t, "complete", r.sum.Streams[0].Status)
			continue
		}
		assert.Empty(t, dead)
		assert.Equal(t, "failed", r.sum.Streams[0].Status)
		assert.ErrorContains(t, r.sum.Streams[0].Err,
			fmt.Sprintf("%d of %d rows are gone", c.gone, c.rows+1))
		assert.Equal(t, tap.Refused, tap.KindOf(r.sum.Streams[0].Err))
		l.deletes.Accept = []string{"another"}
		dead, _, _ = l.run()
		assert.Empty(t, dead)
		l.deletes.Accept = []string{"timed"}
		dead, _, _ = l.run()
		assert.Len(t, dead, int(c.gone))
	}
}

// A sweep that breaks off continues where it stopped; a dead cursor begins it again; refused fields
// are left out.
func TestSweepsThatBreakOff(t *testing.T) {
	due := func() *lists {
		l := newLists(t, numbers(1, 1200))
		l.run()
		l.now = l.now.Add(24 * time.Hour)
		l.without("timed", 5)
		return l
	}
	fail := func(l *lists, at string, kind tap.Kind) {
		l.before = func(what string) error {
			if what != at {
				return nil
			}
			l.before = nil
			return tap.Errorf(kind, "reading", "it went wrong")
		}
	}
	l := due()
	fail(l, "after 201, ids", tap.Network)
	dead, _, r := l.run()
	assert.Empty(t, dead)
	assert.Equal(t, "failed", r.sum.Streams[0].Status)
	dead, asked, _ := l.run()
	assert.Equal(t, []string{"news", "after 201, ids", "1 ids"}, asked)
	assert.Equal(t, []string{"5"}, dead)

	l = due()
	fail(l, "after 701, ids", tap.CursorExpired)
	dead, asked, _ = l.run()
	assert.Equal(t, []string{
		"news", "list, ids", "after 701, ids", "list, ids", "after 701, ids",
		"after 201, ids", "1 ids",
	}, asked)
	assert.Equal(t, []string{"5"}, dead)

	l = due()
	fail(l, "list, ids", tap.Unprocessable)
	dead, asked, _ = l.run()
	assert.Equal(t, []string{"news", "list, ids", "list", "after 701", "after 201", "1 ids"},
		asked)
	assert.Equal(t, []string{"5"}, dead)

	l = due()
	fail(l, "1 ids", tap.Server)
	dead, _, r = l.run()
	assert.Empty(t, dead, "nothing is reported without a confirmation")
	assert.ErrorContains(t, r.sum.Streams[0].Err, "asking for rows that a listing missed")
	dead, _, _ = l.run()
	assert.Equal(t, []string{"5"}, dead)
}

// Permissions that are lost, another credential and a lost ledger report nothing.
func TestWhatLooksLikeADelete(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.run()
	l.ids["timed"] = nil
	dead, asked, r := l.run()
	assert.Empty(t, dead, "a user who sees nothing knows nothing")
	assert.Equal(t, []string{"list"}, asked)
	assert.Contains(t, r.log, "no row is reported as gone")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.readAs = "another"
	l.without("timed", 2)
	dead, _, r = l.run()
	assert.Empty(t, dead)
	assert.Contains(t, r.log, "another credential or user_id")
	l.without("timed", 3)
	dead, _, _ = l.run()
	assert.Equal(t, []string{"3"}, dead, "what this one has seen")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.ledger.lose()
	l.without("timed", 2)
	l.now = l.now.Add(time.Hour)
	dead, asked, r = l.run()
	assert.Empty(t, dead)
	assert.Contains(t, r.log, "the store of deletes is empty")
	assert.Equal(t, []string{"list"}, asked)
	assert.Equal(t, 2, r.sum.Streams[0].Records, "nobody knows what was delivered")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.state = nil
	l.now = l.now.Add(time.Hour)
	dead, _, r = l.run()
	assert.Empty(t, dead)
	assert.Equal(t, 3, r.sum.Streams[0].Records)
	assert.NotContains(t, r.log, "level=WARN", "a new state is no surprise")
}

// All rows of a list may be gone. Lists that are read later, or a list that has rows in every
// account, show that the user still sees rows.
func TestAListThatBecameEmpty(t *testing.T) {
	other := *timed
	other.Name = "other"
	other.Prepare()
	l := newLists(t, numbers(1, 3))
	l.streams, l.ids["other"] = append(l.streams, &other), numbers(1, 2)
	l.run()
	l.ids["timed"], l.now = nil, l.now.Add(time.Hour)
	dead, _, r := l.run()
	assert.Equal(t, []string{"3", "2", "1"}, dead, "the other list is read whole, too, and has rows")
	assert.Zero(t, *r.sum.Streams[0].VerifiedRows)
	assert.False(t, r.sum.Streams[0].VerifiedUntil.IsZero())

	l = newLists(t, numbers(1, 3))
	l.run()
	l.ids["timed"], l.proof = nil, stream("proof")
	l.ids["proof"] = numbers(1, 1)
	dead, asked, _ := l.run()
	assert.Equal(t, []string{"3", "2", "1"}, dead)
	assert.Equal(t, []string{"list", "proof: list", "3 ids"}, asked)

	l = newLists(t, numbers(1, 3))
	l.run()
	l.ids["timed"], l.proof, l.now = nil, stream("proof"), l.now.Add(48*time.Hour)
	l.ids["proof"] = numbers(1, 1)
	dead, asked, _ = l.run()
	assert.Equal(t, []string{"3", "2", "1"}, dead)
	assert.Equal(t, []string{"list", "proof: list", "3 ids"}, asked, "one proof serves bookmarks, too")
}

// A stream that was loaded without a version is read whole once, and only then reports anything.
// A stream whose table the loader replaces is not tracked.
func TestStreamsWithoutAVersion(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.deletes.Store = nil
	_, _, r := l.run()
	assert.NotContains(t, r.out, `"version":2`)
	l.deletes.Store = l.ledger
	l.now = l.now.Add(time.Hour)
	_, asked, r := l.run()
	assert.Equal(t, []string{"list"}, asked)
	assert.Equal(t, 3, r.sum.Streams[0].Records, "all rows get the version")
	assert.Contains(t, r.out, fmt.Sprintf(`"version":%d}`, gone.FirstVersion))
	l.without("timed", 1)
	dead, _, _ := l.run()
	assert.Equal(t, []string{"1"}, dead)

	l = newLists(t, numbers(1, 3))
	l.replacesTables = true
	l.run()
	assert.NotEmpty(t, l.ledger.logs["timed"], "an incremental read does not replace anything")
	l = newLists(t, numbers(1, 3))
	l.replacesTables, l.fullTable = true, true
	l.run()
	assert.Empty(t, l.ledger.logs["timed"])
}

// A page with an anonymized candidate makes the lists of candidates' children due, those that were
// read before it too; other lists wait.
func TestAnonymizedRowsMakeChildrenDue(t *testing.T) {
	prepared := func(s tap.Stream) *tap.Stream {
		s.Key, s.Bookmark, s.Schema = timed.Key, timed.Bookmark, timed.Schema
		s.Prepare()
		return &s
	}
	child := prepared(tap.Stream{
		Name: "child", Filters: map[string]tap.Filter{"candidate_ids": {Type: "ids"}},
	})
	other := prepared(tap.Stream{Name: "other"})
	people := prepared(tap.Stream{
		Name: "people", Anonymized: &tap.Anonymized{Column: "name", Value: "Anonymized"},
	})
	for _, order := range [][]*tap.Stream{{child, other, people}, {people, other, child}} {
		l := newLists(t, nil)
		l.streams = order
		l.ids = map[string][]int64{
			"child": numbers(1, 600), "other": numbers(1, 600), "people": numbers(1, 2),
		}
		l.run()
		l.without("child", 30)
		l.without("other", 30)
		l.now = l.now.Add(time.Hour)
		dead, asked, _ := l.run()
		assert.Empty(t, dead)
		assert.ElementsMatch(t, []string{"child: news", "other: news", "people: list"}, asked)
		l.row = `,"name" : "Anonymized"`
		dead, asked, r := l.run()
		require.NoError(t, r.err)
		assert.Equal(t, []string{"30"}, dead)
		assert.Contains(t, asked, "child: list, ids")
		assert.NotContains(t, asked, "other: list, ids")
		for _, o := range r.sum.Streams {
			assert.Equal(t, "complete", o.Status)
		}
	}
}

// Progress of a long sweep is saved every twenty pages.
func TestLongSweepsAreSaved(t *testing.T) {
	l := newLists(t, numbers(1, 41*500))
	l.run()
	l.now = l.now.Add(24 * time.Hour)
	calls := l.ledger.calls
	l.run()
	assert.Equal(t, 4, l.ledger.calls-calls,
		"what the first run noted becomes part of the file; after 20 pages, after 40, and at the end")
}

// A first read that begins again, because its cursor expired, is a listing from its second start.
func TestListingsThatBeginAgain(t *testing.T) {
	l := newLists(t, numbers(1, 1200))
	l.before = func(what string) error {
		if what != "after 701" {
			return nil
		}
		l.before = nil
		l.without("timed", 1000)
		return tap.Errorf(tap.CursorExpired, "reading", "the cursor expired")
	}
	dead, asked, r := l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{"list", "after 701", "list", "after 700", "after 200", "1 ids"}, asked)
	assert.Equal(t, []string{"1000"}, dead, "it was written, and is gone")
}

// Rows that the start date leaves out are neither written nor known, so nobody is told when they
// vanish, and they do not make a long list look short.
func TestRowsBeforeTheStartDateStayOut(t *testing.T) {
	for rows, want := range map[int64][][]string{
		400: {{"news"}, {"news", "list, ids"}, {"list"}},
		600: {{"news"}, {"news", "list, ids", "after 101, ids"}, {"news"}},
	} {
		l := newLists(t, numbers(1, rows))
		l.start = simWorld.Add(-time.Hour)
		for n := range want {
			dead, asked, r := l.run()
			assert.Equal(t, want[n], asked)
			assert.Empty(t, dead)
			assert.Zero(t, r.sum.Streams[0].Records)
			assert.NotContains(t, r.log, "level=WARN")
			l.without("timed", 3, 4)
			l.now = l.now.Add(time.Hour)
		}
	}
}

// A list that grew beyond a page costs one request more once, not in each run until the next sweep.
func TestListsThatOutgrowAPage(t *testing.T) {
	l := newLists(t, numbers(1, 500))
	l.run()
	l.ids["timed"] = numbers(1, 600)
	_, asked, _ := l.run()
	assert.Equal(t, []string{"list", "news"}, asked)
	_, asked, _ = l.run()
	assert.Equal(t, []string{"news"}, asked)
}

// Rows that are unsure or outdated count as vanished if asking does not find them: neither
// max_share nor another credential is circumvented by way of a repair.
func TestRepairsReportNoMassOfRows(t *testing.T) {
	for _, another := range []bool{false, true} {
		l := newLists(t, numbers(1, 1200))
		l.run()
		l.now = l.now.Add(24 * time.Hour)
		l.row = `,"x":1`
		stale := func(what string) error {
			if what == "after 201, ids" { // the listing showed the rows, and then they are hidden
				l.ids["timed"] = numbers(1, 600)
			}
			return nil
		}
		l.before = stale
		l.changed = simWorld.Add(-time.Hour)
		if another {
			l.readAs = "another"
		}
		dead, _, r := l.run()
		assert.Empty(t, dead)
		if another {
			assert.Contains(t, r.log, "only another credential or user_id saw")
		} else {
			assert.ErrorContains(t, r.sum.Streams[0].Err, "600 of 1200 rows are gone")
		}
	}
}

// A listing that one credential began is not continued by another, which may see less of its first
// half.
func TestListingsOfAnotherCredential(t *testing.T) {
	l := newLists(t, numbers(1, 1200))
	l.run()
	l.now = l.now.Add(24 * time.Hour)
	l.before = func(what string) error {
		if what == "after 701, ids" {
			return tap.Errorf(tap.Network, "reading", "it went wrong")
		}
		return nil
	}
	l.run()
	l.before = nil
	l.readAs = "another"
	l.without("timed", 1100)
	dead, asked, _ := l.run()
	assert.Equal(t, []string{"news", "list, ids", "after 700, ids", "after 200, ids"}, asked)
	assert.Empty(t, dead)
	l.now = l.now.Add(24 * time.Hour)
	dead, _, _ = l.run()
	assert.Empty(t, dead, "it is known that this credential never saw it")
}

// Without deletes, the rows of a stream that has a version keep it: if they lost it, the next
// activation would remove them.
func TestTheVersionStaysWhenDeletesAreTurnedOff(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.run()
	store := l.deletes.Store
	l.deletes.Store = nil
	l.ids["timed"] = numbers(1, 4)
	l.changed = simWorld.Add(time.Hour)
	l.now = l.now.Add(2 * time.Hour)
	_, _, r := l.run()
	require.Positive(t, r.sum.Streams[0].Records)
	assert.Equal(t, r.sum.Streams[0].Records,
		strings.Count(r.out, fmt.Sprintf(`"version":%d}`, gone.FirstVersion)))
	l.deletes.Store = store
	l.without("timed", 2)
	dead, asked, r := l.run()
	assert.Contains(t, r.log, "does not belong to this state", "rows were written that it lacks")
	assert.Equal(t, []string{"list", "1 ids"}, asked)
	assert.Equal(t, []string{"2"}, dead)
}

// With Verify, a stream that would be left alone is compared too.
func TestVerifyingAStreamThatWouldBeLeftAlone(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.run()
	l.rested = 24 * time.Hour
	l.now = l.now.Add(time.Hour)
	l.deletes.Verify = true
	_, _, r := l.run()
	assert.Equal(t, 3, *r.sum.Streams[0].VerifiedRows)
}

// A user who sees no row at all proves nothing. Whether he may see any is asked for if a stream
// should be verified.
func TestEmptyListsAreVerifiedOnlyByWhoMaySeeRows(t *testing.T) {
	l := newLists(t, nil)
	l.run()
	l.proof = stream("proof")
	l.ids["proof"] = numbers(1, 1)
	l.now = l.now.Add(time.Hour)
	l.run() // it moves the bookmark
	l.now = l.now.Add(time.Hour)
	_, asked, r := l.run()
	assert.Equal(t, []string{"list"}, asked)
	assert.True(t, r.sum.Streams[0].VerifiedUntil.IsZero())
	l.deletes.Verify = true
	_, asked, r = l.run()
	assert.Equal(t, []string{"list", "proof: list"}, asked)
	require.NoError(t, r.sum.Streams[0].Err)
	assert.Zero(t, *r.sum.Streams[0].VerifiedRows)
	l.proof = nil
	_, _, r = l.run()
	assert.ErrorContains(t, r.sum.Streams[0].Err, "could not be compared")
}

// A stream whose read failed is not compared in that run, and ends as failed; the next run finds
// what is gone.
func TestFailedStreamsAreNotSwept(t *testing.T) {
	l := newLists(t, numbers(1, 1200))
	l.run()
	l.without("timed", 7)
	l.now = l.now.Add(25 * time.Hour)
	l.changed = l.now
	broken := tap.Errorf(tap.Refused, "reading", "broken")
	l.before = func(what string) error {
		if what == "news" {
			return nil
		}
		return broken
	}
	dead, asked, r := l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{"news", "after 701"}, asked)
	assert.Empty(t, dead)
	assert.Equal(t, tap.Failed, r.sum.Streams[0].Status)
	assert.Equal(t, error(broken), r.sum.Streams[0].Err)
	l.before = nil
	dead, _, _ = l.run()
	assert.Equal(t, []string{"7"}, dead)
}
