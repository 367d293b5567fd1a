package tap_test

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
	before func(what string) error
	asked  []string

	ledger  *ledgers
	deletes tap.Deletes
	state   []byte
	streams []*tap.Stream
	adjust  func(*tap.Selection)
}

// ledgers keeps what is known of each stream.
type ledgers struct {
	known map[string]*tap.Known
	saves int
}

func (l *ledgers) Load(_ context.Context, stream string) (*tap.Known, error) {
	return copied(l.known[stream]), nil
}

func (l *ledgers) Save(_ context.Context, stream string, k *tap.Known) error {
	l.known[stream] = copied(k)
	l.saves++
	return nil
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
		ledger: &ledgers{known: map[string]*tap.Known{}}, streams: []*tap.Stream{timed},
	}
	l.deletes = tap.Deletes{Ledger: l.ledger, Every: 24 * time.Hour, MaxShare: 0.2}
	return l
}

func (l *lists) without(stream string, gone ...int64) {
	l.ids[stream] = slices.DeleteFunc(slices.Clone(l.ids[stream]),
		func(id int64) bool { return slices.Contains(gone, id) })
}

func (l *lists) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	what := "list"
	switch {
	case req.Params["ids"] != "":
		what = fmt.Sprintf("%d ids", strings.Count(req.Params["ids"], ",")+1)
	case req.Cursor != "":
		what = "after " + req.Cursor
	case !req.From.IsZero():
		what = "news"
	}
	if slices.Equal(req.Fields, []string{"id"}) {
		what += ", id alone"
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
	case req.Params["ids"] != "":
		wanted := strings.Split(req.Params["ids"], ",")
		rows = slices.DeleteFunc(append(rows, l.hidden...), func(id int64) bool {
			return !slices.Contains(wanted, strconv.FormatInt(id, 10))
		})
	case !req.From.IsZero():
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
		body = append(body, fmt.Sprintf(`{"id":%d,"updated_at":"2019-01-01T00:00:00.000Z"%s}`, id,
			l.row))
	}
	page := tap.Page{Body: []byte("[" + strings.Join(body, ",") + "]"), Next: next, Asked: l.now}
	return take(page)
}

// run runs the engine once, and returns the ids that it reported as gone, and what it asked for.
func (l *lists) run() (gone []string, asked []string, r *ran) {
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
	var selections []*tap.Selection
	for _, s := range l.streams {
		shape, err := s.Shape()
		require.NoError(l.t, err)
		sel := (&tap.Choice{Stream: s}).Select(shape, tap.Handling{})
		if l.adjust != nil {
			l.adjust(sel)
		}
		selections = append(selections, sel)
	}
	var out, log bytes.Buffer
	e := &tap.Engine{
		Source: l, Voice: &singer.Voice{}, Out: &out, Concurrency: 1,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Lookback: 5 * time.Minute,
		Now: func() time.Time { return l.now },
	}
	if l.deletes.Ledger != nil {
		e.Deletes = &l.deletes
	}
	sum, err := e.Sync(l.t.Context(), selections, st)
	r = &ran{out.String(), log.String(), sum, err}
	l.state = r.state(l.t)
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, "_sdc_deleted_at") && strings.Contains(line, `"RECORD"`) {
			_, id, _ := strings.Cut(line, `"id":`)
			id, _, _ = strings.Cut(id, ",")
			gone = append(gone, id)
		}
	}
	return gone, l.asked, r
}

// A long list is listed by its first read, and again when a sweep is due. What is gone is confirmed
// fifty ids at a time, and reported once.
func TestSweepsOfALongList(t *testing.T) {
	l := newLists(t, numbers(1, 1200))
	_, asked, r := l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{"list", "after 701", "after 201"}, asked, "a whole read is a listing")
	known := l.ledger.known["timed"]
	assert.Equal(t, 1200, known.Rows.Len())
	assert.Zero(t, known.Fresh.Len())
	assert.Equal(t, simWorld, known.Swept)
	assert.Equal(t, simWorld.Add(24*time.Hour), r.sum.Outcomes[0].NextSweep)
	assert.NotContains(t, r.log, "compared", "nothing to say")

	l.without("timed", numbers(101, 160)...)
	l.now = l.now.Add(23 * time.Hour)
	gone, asked, _ := l.run()
	assert.Equal(t, []string{"news"}, asked, "a sweep is not due")
	assert.Empty(t, gone)

	l.now = l.now.Add(time.Hour)
	gone, asked, r = l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{
		"news", "list, id alone", "after 701, id alone", "after 201, id alone", "50 ids", "10 ids",
	}, asked)
	assert.Len(t, gone, 60)
	assert.ElementsMatch(t, gone, texts(numbers(101, 160)))
	assert.Equal(t, 60, r.sum.Outcomes[0].Gone)
	assert.Equal(t, 4, r.sum.Outcomes[0].Pages, "a page of news and three of ids")
	assert.Contains(t, r.log, `msg="sweeping: listing all ids" stream=timed`)
	assert.Contains(t, r.log, "rows=1140 gone=60 next=2020-01-03T00:00:00Z")
	assert.Less(t, strings.LastIndex(r.out, `"RECORD"`),
		strings.LastIndex(r.out, "ACTIVATE_VERSION"))
	assert.Contains(t, r.out, fmt.Sprintf(`"version":%d`, simWorld.UnixMilli()-1))
	known = l.ledger.known["timed"]
	assert.Equal(t, 1140, known.Rows.Len())
	assert.Nil(t, known.Sweep)
	assert.Equal(t, l.now, known.Swept)

	gone, asked, _ = l.run()
	assert.Equal(t, []string{"news"}, asked)
	assert.Empty(t, gone, "it was reported")
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
	gone, asked, r := l.run()
	assert.Equal(t, []string{"list"}, asked)
	assert.Empty(t, gone)
	assert.Zero(t, r.sum.Outcomes[0].Records, "no row is new")
	l.without("timed", 7, 9)
	gone, asked, r = l.run()
	assert.Equal(t, []string{"list", "2 ids"}, asked)
	assert.Equal(t, []string{"9", "7"}, gone)
	assert.Contains(t, r.log, "rows=498 gone=2")
	l.ids["timed"] = numbers(1, 600)
	_, asked, _ = l.run()
	assert.Equal(t, []string{"list", "news"}, asked, "it no longer fits")
	l.now = l.now.Add(24 * time.Hour)
	_, asked, _ = l.run()
	assert.Contains(t, asked, "list, id alone")
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
	gone, _, r := l.run()
	assert.Equal(t, []string{"4"}, gone)
	assert.Equal(t, 1, r.sum.Outcomes[0].Gone)
	gone, asked, _ := l.run()
	assert.Equal(t, []string{"list", "1 ids"}, asked, "it stays known")
	assert.Empty(t, gone)
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
		gone, _, r := l.run()
		if !c.fails {
			assert.Len(t, gone, int(c.gone))
			assert.Equal(t, "complete", r.sum.Outcomes[0].Status())
			continue
		}
		assert.Empty(t, gone)
		assert.Equal(t, "failed", r.sum.Outcomes[0].Status())
		assert.ErrorContains(t, r.sum.Outcomes[0].Err,
			fmt.Sprintf("%d of %d rows are gone", c.gone, c.rows+1))
		assert.Equal(t, tap.Refused, tap.KindOf(r.sum.Outcomes[0].Err))
		l.deletes.Accept = []string{"another"}
		gone, _, _ = l.run()
		assert.Empty(t, gone)
		l.deletes.Accept = []string{"timed"}
		gone, _, _ = l.run()
		assert.Len(t, gone, int(c.gone))
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
	fail(l, "after 201, id alone", tap.Network)
	gone, _, r := l.run()
	assert.Empty(t, gone)
	assert.Equal(t, "failed", r.sum.Outcomes[0].Status())
	assert.Equal(t, "201", l.ledger.known["timed"].Sweep.Cursor, "what was listed is saved")
	gone, asked, _ := l.run()
	assert.Equal(t, []string{"news", "after 201, id alone", "1 ids"}, asked)
	assert.Equal(t, []string{"5"}, gone)

	l = due()
	fail(l, "after 701, id alone", tap.CursorExpired)
	gone, asked, _ = l.run()
	assert.Equal(t, []string{
		"news", "list, id alone", "after 701, id alone", "list, id alone", "after 701, id alone",
		"after 201, id alone", "1 ids",
	}, asked)
	assert.Equal(t, []string{"5"}, gone)

	l = due()
	fail(l, "list, id alone", tap.Unprocessable)
	gone, asked, _ = l.run()
	assert.Equal(t, []string{"news", "list, id alone", "list", "after 701", "after 201", "1 ids"},
		asked)
	assert.Equal(t, []string{"5"}, gone)

	l = due()
	fail(l, "1 ids", tap.Server)
	gone, _, r = l.run()
	assert.Empty(t, gone, "nothing is reported without a confirmation")
	assert.ErrorContains(t, r.sum.Outcomes[0].Err, "confirming what is gone")
	gone, _, _ = l.run()
	assert.Equal(t, []string{"5"}, gone)
}

// Permissions that are lost, another credential and a lost ledger report nothing.
func TestWhatLooksLikeADelete(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.run()
	l.ids["timed"] = nil
	gone, asked, r := l.run()
	assert.Empty(t, gone, "a user who sees nothing knows nothing")
	assert.Equal(t, []string{"list"}, asked)
	assert.Contains(t, r.log, "no row is reported as gone")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.ledger.known["timed"].ReadAs = "another"
	l.without("timed", 2)
	gone, _, r = l.run()
	assert.Empty(t, gone)
	assert.Contains(t, r.log, "another credential or user_id")
	l.without("timed", 3)
	gone, _, _ = l.run()
	assert.Equal(t, []string{"3"}, gone, "what this one has seen")

	l = newLists(t, numbers(1, 3))
	l.run()
	version := l.ledger.known["timed"].Version
	l.ledger.known = map[string]*tap.Known{}
	l.without("timed", 2)
	l.now = l.now.Add(time.Hour)
	gone, _, _ = l.run()
	assert.Empty(t, gone)
	assert.Equal(t, version, l.ledger.known["timed"].Version, "it is that of the rows out there")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.ledger.known["timed"].Version++
	l.without("timed", 2)
	gone, _, r = l.run()
	assert.Empty(t, gone)
	assert.Contains(t, r.log, "another version of the stream")

	l = newLists(t, numbers(1, 3))
	l.run()
	l.state = nil
	l.now = l.now.Add(time.Hour)
	gone, _, r = l.run()
	assert.Empty(t, gone)
	assert.Equal(t, 3, r.sum.Outcomes[0].Records)
	assert.Equal(t, simWorld.UnixMilli(), l.ledger.known["timed"].Version,
		"without a state, the version is that of the ledger")
}

// A stream that was loaded without a version is read whole once, and only then reports anything.
// A stream whose table the loader replaces is not tracked.
func TestStreamsWithoutAVersion(t *testing.T) {
	l := newLists(t, numbers(1, 3))
	l.deletes.Ledger = nil
	_, _, r := l.run()
	assert.NotContains(t, r.out, "version")
	l.deletes.Ledger = l.ledger
	l.now = l.now.Add(time.Hour)
	_, asked, r := l.run()
	assert.Equal(t, []string{"list"}, asked)
	assert.Equal(t, 3, r.sum.Outcomes[0].Records, "all rows get the version")
	assert.Contains(t, r.out, fmt.Sprintf(`"version":%d`, l.now.UnixMilli()))
	l.without("timed", 1)
	gone, _, _ := l.run()
	assert.Equal(t, []string{"1"}, gone)

	l = newLists(t, numbers(1, 3))
	l.adjust = func(s *tap.Selection) { s.ReplacesTables = true }
	l.run()
	assert.NotNil(t, l.ledger.known["timed"], "an incremental read does not replace anything")
	l = newLists(t, numbers(1, 3))
	l.adjust = func(s *tap.Selection) { s.ReplacesTables, s.FullTable = true, true }
	l.run()
	assert.Nil(t, l.ledger.known["timed"])
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
	people := prepared(tap.Stream{Name: "people", Anonymized: "Anonymized"})
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
		gone, asked, _ := l.run()
		assert.Empty(t, gone)
		assert.ElementsMatch(t, []string{"child: news", "other: news", "people: list"}, asked)
		l.row = `,"name":"Anonymized"`
		gone, asked, r := l.run()
		require.NoError(t, r.err)
		assert.Equal(t, []string{"30"}, gone)
		assert.Contains(t, asked, "child: list, id alone")
		assert.NotContains(t, asked, "other: list, id alone")
		for _, o := range r.sum.Outcomes {
			assert.Equal(t, "complete", o.Status())
		}
	}
}

// Progress of a long sweep is saved every twenty pages.
func TestLongSweepsAreSaved(t *testing.T) {
	l := newLists(t, numbers(1, 41*500))
	l.run()
	l.now = l.now.Add(24 * time.Hour)
	saves := l.ledger.saves
	l.run()
	assert.Equal(t, 3, l.ledger.saves-saves, "after 20 pages, after 40, and at the end")
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
	gone, asked, r := l.run()
	require.NoError(t, r.err)
	assert.Equal(t, []string{"list", "after 701", "list", "after 700", "after 200", "1 ids"}, asked)
	assert.Equal(t, []string{"1000"}, gone, "it was written, and is gone")
}
