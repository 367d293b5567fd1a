package gone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// account is a list of two rows a page, with the mark of each row, and what a warehouse has of it.
type account struct {
	t      *testing.T
	ledger *Ledger
	rows   map[int64]int64
	late   []int64 // rows that the list leaves out, and that asking finds
	blind  bool    // no list has a row
	deaf   bool    // rows cannot be reported
	left   int     // calls until the run is over; negative for never
	fail   map[string]error
	calls  []string
	told   []int64
	wrote  []int64
	proofs int // how often a proof was asked for
	now    time.Time
}

func (a *account) call(what string) error {
	a.left--
	a.calls = append(a.calls, what)
	err := a.fail[what]
	delete(a.fail, what)
	return err
}

func (a *account) List(_ context.Context, pass int, cursor string) ([]record.Row, string,
	time.Time, error,
) {
	err := a.call(fmt.Sprintf("list %d %s", pass, cursor))
	last, perr := strconv.ParseInt(cursor, 10, 64)
	if perr != nil {
		last = 1 << 60
	}
	var rows []record.Row
	next := ""
	for _, id := range a.ids() {
		if id >= last || slices.Contains(a.late, id) || pass == 1 {
			continue
		}
		if len(rows) == 2 {
			next = fmt.Sprint(rows[1].ID)
			break
		}
		rows = append(rows, record.Row{ID: id, Mark: a.rows[id]})
	}
	return rows, next, a.now, err
}

func (a *account) ids() []int64 {
	var ids []int64
	for id := range a.rows {
		ids = append(ids, id)
	}
	return descending(ids)
}

func (a *account) Ask(ctx context.Context, ids []int64) ([]int64, error) {
	if err := a.call(fmt.Sprint("ask ", len(ids))); err != nil {
		return nil, err
	}
	var found []record.Row
	var living []int64
	for _, id := range ids {
		if mark, ok := a.rows[id]; ok {
			row := record.Row{ID: id, Mark: mark}
			living = append(living, id)
			if !a.ledger.Delivered(row) {
				found = append(found, row)
				a.wrote = append(a.wrote, id)
			}
		}
	}
	n, err := a.ledger.Note(ctx, Page{Rows: found, Partial: true})
	require.NoError(a.t, err)
	if n > 0 {
		a.ledger.Wrote(n)
	}
	return living, nil
}

func (a *account) Report(_ context.Context, ids []int64, number uint64) (bool, error) {
	if a.deaf {
		return false, nil
	}
	a.told = append(a.told, ids...)
	a.ledger.Wrote(number)
	return true, nil
}

func (a *account) Over() bool { return a.left == 0 }

func (a *account) Proven(context.Context) bool {
	a.proofs++
	return !a.blind
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// loadedAccount is one whose rows 1 to n were delivered, by a run whose state came back.
func loadedAccount(t *testing.T, n int64) (*account, *memory) {
	t.Helper()
	m := &memory{}
	a := &account{t: t, rows: map[int64]int64{}, left: -1, now: noon, fail: map[string]error{}}
	l, _, _ := opened(t, m, 1, Token{})
	var rows []record.Row
	for id := int64(1); id <= n; id++ {
		a.rows[id] = 10
		rows = append(rows, record.Row{ID: id, Mark: 10})
	}
	written(t, l, rows...)
	a.ledger = l
	return a, m
}

// reopen begins another run, from the state that the last one wrote.
func (a *account) reopen(m *memory, run int) string {
	l, trusted, log := opened(a.t, m, run, a.ledger.Token())
	require.True(a.t, trusted, log)
	a.ledger, a.calls, a.told, a.wrote, a.left = l, nil, nil, nil, -1
	partial(a.t, l)
	return log
}

// partial notes that a run's read is no listing.
func partial(t require.TestingT, l *Ledger) {
	_, err := l.Note(context.Background(), Page{Partial: true})
	require.NoError(t, err)
}

func (a *account) sweep(s Sweep) (Found, error) {
	s.Now = a.now
	if s.MaxShare == 0 {
		s.MaxShare = 1
	}
	return a.ledger.Sweep(a.t.Context(), a, s)
}

// A sweep reports what is gone, reads what is missing or outdated, and says what is then right.
func TestSweepsCompare(t *testing.T) {
	a, m := loadedAccount(t, 5)
	a.reopen(m, 2)
	delete(a.rows, 4)
	delete(a.rows, 1)
	a.rows[2], a.rows[9] = 11, 10
	a.late = []int64{3}
	found, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Equal(t, []string{"list 0 ", "list 0 5", "ask 2", "ask 3"}, a.calls)
	assert.Equal(t, []int64{4, 1}, a.told)
	assert.Equal(t, []int64{9, 2}, a.wrote)
	assert.True(t, found.Compared)
	assert.True(t, found.Listed)
	assert.Equal(t, noon, found.Until)
	assert.Equal(t, noon, found.Swept)
	assert.Equal(t, 4, found.Rows)
	assert.Equal(t, "19", found.Sum.String())
	assert.EqualValues(t, 11, found.Newest.UnixMilli())
	assert.Equal(t, 2, found.Gone)
	assert.Equal(t, 2, found.Repaired)

	a.reopen(m, 3)
	a.late = nil
	assert.Equal(t, noon, a.ledger.Swept())
	a.now = noon.Add(time.Hour)
	assert.False(t, a.ledger.Due(Sweep{Every: 2 * time.Hour, Now: a.now}))
	found, err = a.sweep(Sweep{Every: 2 * time.Hour})
	require.NoError(t, err)
	assert.Empty(t, a.calls)
	assert.False(t, found.Compared)
	assert.Equal(t, noon, found.Swept)
	found, err = a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, Found{
		Compared: true, Until: a.now, Listed: true, Rows: 4, Sum: found.Sum, Swept: a.now,
		Newest: time.UnixMilli(11).UTC(),
	}, found)
	assert.Equal(t, 1, a.proofs, "asked for where rows have vanished")
}

// If an earlier run made the listing, and this one sees no row, a new listing shows whether the
// user may still see any. A listing of this run need not be made twice.
func TestListingsOfABlindRun(t *testing.T) {
	a, m := loadedAccount(t, 3)
	a.reopen(m, 2)
	delete(a.rows, 2)
	a.left = 1
	_, err := a.sweep(Sweep{})
	require.NoError(t, err)
	a.reopen(m, 3)
	a.blind = true
	found, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Equal(t, []string{"list 0 "}, a.calls)
	assert.Empty(t, a.told)
	assert.False(t, found.Compared)

	a, m = loadedAccount(t, 2)
	a.reopen(m, 2)
	delete(a.rows, 2)
	a.blind = true
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Equal(t, []string{"list 0 "}, a.calls)

	// The new listing is made in the same run, whether one is due or not.
	a, m = loadedAccount(t, 3)
	a.reopen(m, 2)
	_, err = a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	a.reopen(m, 3)
	delete(a.rows, 2)
	a.left = 1
	_, err = a.sweep(Sweep{Every: time.Hour, Force: true})
	require.NoError(t, err)
	a.reopen(m, 4)
	a.blind = true
	_, err = a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, []string{"list 0 "}, a.calls)
	assert.Empty(t, a.told)
}

// A store that fails while rows are reported, forgotten or compared fails the sweep.
func TestSweepsWhoseStoreFails(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		a, m := loadedAccount(t, 3)
		a.reopen(m, 2)
		delete(a.rows, 2)
		a.ledger.foreign = foreign
		m.fails = errors.New("disk full")
		found, err := a.sweep(Sweep{})
		require.ErrorIs(t, err, m.fails)
		assert.Empty(t, a.told)
		assert.Zero(t, found.Gone)
		if foreign {
			assert.False(t, found.Compared)
		}
	}
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	partial(t, l)
	m.fails = errors.New("disk full")
	_, err := l.Sweep(t.Context(), &account{t: t, ledger: l, left: -1}, Sweep{})
	assert.ErrorIs(t, err, m.fails, "a new ledger, which has nothing to note but itself")
}

// A sweep that ends anywhere continues in the next run, and reaches the same result, with each page
// and each answer asked for about once.
func TestSweepsContinue(t *testing.T) {
	for stop := 1; stop < 12; stop++ {
		a, m := loadedAccount(t, 12)
		a.reopen(m, 2)
		delete(a.rows, 7)
		delete(a.rows, 2)
		a.rows[3], a.rows[20] = 11, 12
		told, wrote, calls := []int64{}, []int64{}, 0
		for run := 3; ; run++ {
			a.left = stop
			found, err := a.sweep(Sweep{Every: time.Hour})
			require.NoError(t, err)
			told, wrote, calls = append(told, a.told...), append(wrote, a.wrote...), calls+len(a.calls)
			if found.Compared {
				assert.Equal(t, 11, found.Rows)
				break
			}
			require.Less(t, run, 20, "stop after %d", stop)
			a.now = a.now.Add(time.Minute)
			a.reopen(m, run)
		}
		assert.Equal(t, []int64{7, 2}, descending(told))
		assert.Equal(t, []int64{20, 3}, descending(wrote))
		assert.LessOrEqual(t, calls, 6+2+1, "six pages, and what they showed")
	}
}

// A sweep whose end no state has acknowledged goes on: the loader may not have stored its repairs.
// It lists nothing again.
func TestSweepsWhoseEndIsNotAcknowledged(t *testing.T) {
	a, m := loadedAccount(t, 5)
	a.reopen(m, 2)
	before := a.ledger.Token()
	delete(a.rows, 4)
	a.rows[2] = 11
	_, err := a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, []int64{2}, a.wrote)

	l, trusted, _ := opened(t, m, 3, before)
	require.True(t, trusted)
	a.ledger, a.calls, a.told, a.wrote = l, nil, nil, nil
	partial(t, l)
	assert.True(t, l.Due(Sweep{Every: time.Hour, Now: noon}))
	a.now = noon.Add(time.Minute)
	found, err := a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, []string{"ask 1", "ask 1"}, a.calls)
	assert.Equal(t, []int64{4}, a.told)
	assert.Equal(t, []int64{2}, a.wrote)
	assert.True(t, found.Compared)
	assert.Equal(t, noon, found.Until)

	a.reopen(m, 4)
	assert.False(t, a.ledger.Due(Sweep{Every: time.Hour, Now: noon}))
}

// Whoever asks for a sweep gets a listing of this run, not one that an earlier run finished and no
// state acknowledged: rows went since.
func TestAForcedSweepListsAnew(t *testing.T) {
	a, m := loadedAccount(t, 5)
	a.reopen(m, 2)
	before := a.ledger.Token()
	_, err := a.sweep(Sweep{Force: true})
	require.NoError(t, err)

	a.ledger, _, _ = opened(t, m, 3, before)
	partial(t, a.ledger)
	require.NotNil(t, a.ledger.listing, "no state has acknowledged the end of the sweep")
	delete(a.rows, 2)
	a.told, a.now = nil, noon.Add(time.Minute)
	found, err := a.sweep(Sweep{Force: true})
	require.NoError(t, err)
	assert.True(t, found.Listed)
	assert.Equal(t, []int64{2}, a.told)
	assert.Equal(t, a.now, found.Until)
}

// A listing does not show what became of rows that another run wrote meanwhile. It begins again, as
// does one that was made for another number of passes.
func TestListingsOfRunsAtOnceBeginAgain(t *testing.T) {
	a, m := loadedAccount(t, 5)
	before := a.ledger.Token()
	a.reopen(m, 2)
	a.left = 2
	_, err := a.sweep(Sweep{})
	require.NoError(t, err)
	l, trusted, _ := opened(t, m.copy(), 3, a.ledger.Token())
	require.True(t, trusted)
	require.NotNil(t, l.listing)

	other, _, _ := opened(t, m, 3, before)
	written(t, other, rowsOf(10, 7)...)
	written(t, a.ledger, rowsOf(10, 8)...)
	for _, token := range []Token{a.ledger.Token(), other.Token()} {
		l, trusted, _ := opened(t, m.copy(), 4, token)
		require.True(t, trusted)
		assert.Nil(t, l.listing)
	}

	a, m = loadedAccount(t, 5)
	a.reopen(m, 2)
	a.left = 2
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	l, _, err = Open(t.Context(), m, Opening{
		Stream: "rows", Nonce: "3", Passes: 2, ReadAs: "me", Token: a.ledger.Token(),
		Version: FirstVersion, Loaded: true, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	assert.Nil(t, l.listing)
}

// When a sweep is due.
func TestWhenASweepIsDue(t *testing.T) {
	a, m := loadedAccount(t, 3)
	every := Sweep{Every: time.Hour, Now: noon}
	assert.False(t, a.ledger.listingDue(every), "the first read has just written all rows")
	forced := every
	forced.Force = true
	assert.True(t, a.ledger.listingDue(forced))
	a.reopen(m, 2)
	assert.True(t, a.ledger.Due(every), "never swept")
	_, err := a.sweep(every)
	require.NoError(t, err)
	for now, due := range map[time.Duration]bool{
		0: false, time.Hour - 1: false, time.Hour: true, -time.Hour: false, -time.Hour - 1: true,
	} {
		assert.Equal(t, due, a.ledger.Due(Sweep{Every: time.Hour, Now: noon.Add(now)}), now)
	}
	assert.True(t, a.ledger.Due(forced))
	assert.True(t, a.ledger.Due(Sweep{Now: noon.Add(-time.Second)}), "in every run, whatever the clock says")
	a.ledger.reported.Put([]Row{{3, 0}})
	assert.True(t, a.ledger.Due(every), "a deletion was not acknowledged")

	fresh, _, _ := opened(t, &memory{}, 1, Token{})
	partial(t, fresh)
	assert.True(t, fresh.Due(every), "it must not look lost to the next run")
	empty := &account{t: t, ledger: fresh, left: -1}
	_, err = empty.sweep(every)
	require.NoError(t, err)
	assert.Empty(t, empty.calls)
	assert.EqualValues(t, 2, fresh.Token().Number)
}

// More rows than max_share, and than a few, are gone: nobody is told, and the next listing is a new
// one.
func TestTooManyAreGone(t *testing.T) {
	for _, c := range []struct {
		rows, gone int64
		share      float64
		fails      bool
	}{
		{40, 20, 0.1, false}, {40, 21, 0.1, true}, {42, 21, 0.5, false}, {40, 21, 0.5, true},
	} {
		a, m := loadedAccount(t, c.rows)
		a.reopen(m, 2)
		for id := range c.gone {
			delete(a.rows, id+1)
		}
		found, err := a.sweep(Sweep{MaxShare: c.share})
		if !c.fails {
			require.NoError(t, err)
			assert.Len(t, a.told, int(c.gone))
			continue
		}
		var many *TooManyError
		require.ErrorAs(t, err, &many)
		assert.Equal(t, TooManyError{int(c.gone), int(c.rows)}, *many)
		assert.Empty(t, a.told)
		assert.False(t, found.Compared)
		a.reopen(m, 3)
		assert.Nil(t, a.ledger.listing)
		_, err = a.sweep(Sweep{MaxShare: c.share, Accept: true})
		require.NoError(t, err)
		assert.Len(t, a.told, int(c.gone))
	}
}

// What was reported is asked for and reported again, until a state is back that was written after
// it; what lives again is written.
func TestDeletionsAreReportedUntilAcknowledged(t *testing.T) {
	a, m := loadedAccount(t, 6)
	before := a.ledger.Token()
	a.reopen(m, 2)
	delete(a.rows, 5)
	delete(a.rows, 6)
	_, err := a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	after := a.ledger.Token()
	for run := range 3 {
		l, trusted, _ := opened(t, m, 3+run, before)
		require.True(t, trusted)
		a.ledger, a.told, a.calls = l, nil, nil
		partial(t, l)
		_, err = a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.Equal(t, []int64{6, 5}, a.told)
		assert.Equal(t, []string{"ask 2"}, a.calls)
		after = l.Token()
	}
	a.rows[6] = 10
	l, _, _ := opened(t, m, 7, before)
	a.ledger, a.told, a.calls, a.wrote = l, nil, nil, nil
	partial(t, l)
	_, err = a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, []int64{5}, a.told)
	assert.Equal(t, []int64{6}, a.wrote)
	assert.NotEqual(t, after, l.Token())
	a.reopen(m, 8)
	_, err = a.sweep(Sweep{Every: time.Hour})
	require.NoError(t, err)
	assert.Empty(t, a.calls, "it is acknowledged")
}

// Nothing is reported or verified if no list has a row, or the stream cannot report yet.
func TestNothingIsReportedTooEarly(t *testing.T) {
	for name, set := range map[string]func(a *account){
		"no list has a row": func(a *account) { a.blind, a.rows = true, nil },
		"not whole":         func(a *account) { a.deaf = true; delete(a.rows, 2) },
		"asking fails": func(a *account) {
			delete(a.rows, 2)
			a.fail["ask 1"] = errors.New("no answer")
		},
		"a repair fails": func(a *account) {
			a.rows[2] = 20
			a.fail["ask 1"] = errors.New("no answer")
		},
		"a page fails": func(a *account) { a.fail["list 0 2"] = errors.New("no answer") },
	} {
		t.Run(name, func(t *testing.T) {
			a, m := loadedAccount(t, 3)
			a.reopen(m, 2)
			set(a)
			failing := len(a.fail) > 0
			found, err := a.sweep(Sweep{})
			assert.Equal(t, failing, err != nil, err)
			assert.False(t, found.Compared)
			assert.Empty(t, a.told)
			assert.Zero(t, found.Gone)
		})
	}
}

// A listing whose cursor is no longer valid begins anew.
func TestListingsWhoseCursorExpired(t *testing.T) {
	a, m := loadedAccount(t, 5)
	a.reopen(m, 2)
	a.fail["list 0 4"] = ErrExpired
	delete(a.rows, 3)
	found, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Equal(t, []string{"list 0 ", "list 0 4", "list 0 ", "list 0 4", "ask 1"}, a.calls)
	assert.True(t, found.Compared)
	assert.Equal(t, []int64{3}, a.told)
}

// Rows that only another credential saw are forgotten, not reported, and from then on the list is
// this one's.
func TestRowsOfAnotherCredentialAreForgotten(t *testing.T) {
	a, m := loadedAccount(t, 5)
	token := a.ledger.Token()
	var log bytes.Buffer
	l, trusted, err := Open(t.Context(), m, Opening{
		Stream: "rows", Nonce: "2", Passes: 1, ReadAs: "another", Token: token,
		Version: FirstVersion, Loaded: true, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	require.True(t, trusted)
	partial(t, l)
	a.ledger = l
	delete(a.rows, 2)
	found, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.True(t, found.Compared)
	assert.Equal(t, 4, found.Rows)
	assert.Empty(t, a.told)
	assert.Contains(t, log.String(), "only another credential or user_id saw")
	assert.False(t, l.foreign)
	a.as(m, "another", 3)
	assert.False(t, a.ledger.foreign)
	_, known := a.ledger.rows.Get(2)
	assert.False(t, known)

	log.Reset()
	l, _, err = Open(t.Context(), m, Opening{
		Stream: "rows", Nonce: "4", Passes: 1, ReadAs: "a third", Token: a.ledger.Token(),
		Version: FirstVersion, Loaded: true, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	partial(t, l)
	a.ledger = l
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	assert.NotContains(t, log.String(), "only another credential", "it sees all of them")
}

// A row that two passes list is missing only if neither has it.
func TestListsOfTwoPasses(t *testing.T) {
	l := newListing(2)
	var known Rows
	known.Put([]Row{{9, 3}, {5, 3}, {4, 3}, {1, 3}})
	l.page(0, &known, []Row{{9, 3}}, "", noon)
	assert.Equal(t, 1, l.current())
	assert.False(t, l.done())
	l.page(1, &known, []Row{{4, 3}}, "x", noon.Add(-time.Minute))
	l.page(1, &known, []Row{{2, 3}}, "", noon)
	assert.True(t, l.done())
	assert.Equal(t, []int64{5, 1}, l.missing())
	assert.Equal(t, noon.Add(-time.Minute), l.Began)
	assert.Equal(t, 3, l.Rows)
	assert.Nil(t, l.page(1, &known, nil, "", noon), "nothing is below the end")
	l.settle([]int64{5})
	assert.Equal(t, []int64{1}, l.missing())
}

// Entries of a listing that is over are ignored, also while another one is under way.
func TestEntriesOfAnotherListing(t *testing.T) {
	var none *Listing
	assert.Nil(t, none.add(news{ID: "a", Passes: 1}))
	l := none.add(news{
		ID: "a", New: true, Passes: 1, Began: noon, Rows: 2, Stale: []int64{3},
		Pages: Pass{Low: 7, Cursor: "c", Missing: []int64{8}},
	})
	l = l.add(news{ID: "b", Passes: 1, Pages: Pass{Low: 1, Done: true}, Rows: 9})
	l = l.add(news{ID: "a", Passes: 1, Pass: 5, Began: noon, Rows: 9})
	l = l.add(news{
		ID: "a", Passes: 1, Began: noon.Add(-1), Rows: 1, Pages: Pass{Low: 6, Cursor: "d"},
	})
	assert.Equal(t, &Listing{
		ID: "a", Began: noon.Add(-1), Rows: 3, Stale: []int64{3},
		Passes: []*Pass{{Low: 6, Cursor: "d", Missing: []int64{8}}},
	}, l)
	l = l.add(news{ID: "a", Passes: 1, Began: noon, Settled: []int64{8, 3}})
	assert.Empty(t, l.Stale)
	assert.Empty(t, l.missing())
}

// The status of a ledger, with what is under way.
func TestInspecting(t *testing.T) {
	a, m := loadedAccount(t, 9)
	a.reopen(m, 2)
	delete(a.rows, 8)
	a.rows[9], a.rows[30] = 12, 10
	a.left = 2
	_, err := a.sweep(Sweep{})
	require.NoError(t, err)
	token := a.ledger.Token()
	s, err := Inspect(t.Context(), m, Opening{
		Stream: "rows", Passes: 1, Token: token, Version: FirstVersion, Loaded: true,
	})
	require.NoError(t, err)
	assert.Equal(t, &Status{
		Stream: "rows", Ledger: "memory:rows", Version: FirstVersion, Rows: 9, Reported: []int64{},
		Listing: &ListingStatus{Began: noon, Rows: 4, Missing: 1, Stale: 2}, Place: token.String(),
		State: token.String(), Belongs: true,
	}, s)
	s, err = Inspect(t.Context(), m, Opening{
		Stream: "rows", Passes: 1, Token: Token{"00000099-x", 1}, Version: FirstVersion, Loaded: true,
	})
	require.NoError(t, err)
	assert.False(t, s.Belongs)
	assert.Contains(t, s.Why, "does not belong to this state")
	_, err = Inspect(t.Context(), &memory{file: []byte("x")}, Opening{Stream: "rows"})
	assert.ErrorIs(t, err, errDamaged)
}

// A read of the whole list is a listing, which costs nothing more: rows that it does not have are
// asked for.
func TestReadsThatAreListings(t *testing.T) {
	a, m := loadedAccount(t, 3)
	token := a.ledger.Token()
	for _, partial := range []bool{false, true} {
		l, _, _ := opened(t, m.copy(), 2, token)
		a.ledger, a.calls, a.told = l, nil, nil
		a.rows = map[int64]int64{3: 10, 1: 10}
		for i, id := range []int64{3, 1} {
			_, err := l.Note(t.Context(), Page{
				Rows: rowsOf(10, id), First: i == 0, Next: []string{"x", ""}[i], Asked: noon,
				Without: l.Delivered, Partial: partial && i == 1,
			})
			require.NoError(t, err)
		}
		assert.True(t, l.Due(Sweep{Every: time.Hour, Now: noon}))
		found, err := a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.True(t, found.Compared)
		assert.Equal(t, partial, found.Listed)
		assert.Equal(t, []int64{2}, a.told)
		if !partial {
			assert.Equal(t, []string{"ask 1"}, a.calls)
		}
	}
}

// A list fits on a page if it was compared before, neither the known rows nor the list were longer,
// and no listing is under way.
func TestWhetherAListFitsOnAPage(t *testing.T) {
	a, m := loadedAccount(t, 3)
	assert.False(t, a.ledger.FitsOnePage(), "it was never compared")
	a.reopen(m, 2)
	_, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.True(t, a.ledger.FitsOnePage())
	a.left = 1
	_, err = a.sweep(Sweep{Force: true})
	require.NoError(t, err)
	assert.False(t, a.ledger.FitsOnePage(), "a listing is under way")
	a.left = -1
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	assert.True(t, a.ledger.FitsOnePage())
	require.NoError(t, a.ledger.Outgrown(t.Context()))
	assert.False(t, a.ledger.FitsOnePage())
	a.reopen(m, 3)
	assert.False(t, a.ledger.FitsOnePage(), "the next run knows")

	a, m = loadedAccount(t, tap.PageRows)
	a.reopen(m, 2)
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	assert.True(t, a.ledger.FitsOnePage(), "a full page")
	require.NoError(t, a.ledger.Outgrown(t.Context()))
	before := m.appends
	require.NoError(t, a.ledger.Outgrown(t.Context()))
	assert.Equal(t, before, m.appends, "another pass has found out")
	a.reopen(m, 3)
	assert.False(t, a.ledger.FitsOnePage())
}

// A list of one page is compared in every run. That is noted when half of the time until the next
// sweep is over, or when the list has changed.
func TestComparisonsAreNotedNowAndThen(t *testing.T) {
	a, m := loadedAccount(t, 3)
	for run, c := range []struct {
		after time.Duration
		rows  int64
		noted bool
	}{{0, 3, true}, {29 * time.Minute, 3, false}, {30 * time.Minute, 3, true}, {31 * time.Minute, 4, true}} {
		a.reopen(m, run+2)
		a.ledger.fromRead = newListing(1)
		a.now = noon.Add(c.after)
		before := m.appends
		_, err := a.ledger.Note(t.Context(), Page{
			Rows: rowsOf(10, numbers(c.rows)...), First: true, Asked: a.now,
			Without: func(record.Row) bool { return true },
		})
		require.NoError(t, err)
		found, err := a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.True(t, found.Compared)
		assert.Equal(t, c.noted, m.appends > before, "after %s", c.after)
	}
}

func numbers(n int64) []int64 {
	var ids []int64
	for id := range n {
		ids = append(ids, id+1)
	}
	return ids
}

// as begins another run, of a user, from the state that the last one wrote.
func (a *account) as(m *memory, user string, run int) {
	l, trusted, err := Open(a.t.Context(), m, Opening{
		Stream: "rows", Nonce: fmt.Sprint(run), Passes: 1, ReadAs: user, Token: a.ledger.Token(),
		Version: FirstVersion, Loaded: true, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(a.t, err)
	require.True(a.t, trusted)
	a.ledger, a.calls, a.told, a.wrote = l, nil, nil, nil
	partial(a.t, l)
}

// A row that another user's run wrote, without a sweep, is not reported by the first one, who does
// not see it. Nor is one that both forget at the same time.
func TestRowsThatOneOfTwoUsersSeesAreNotReported(t *testing.T) {
	a, m := loadedAccount(t, 3)
	a.as(m, "another", 2)
	written(t, a.ledger, rowsOf(10, 7)...)
	a.as(m, "me", 3)
	found, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.True(t, found.Compared)
	assert.Empty(t, a.told)

	a, m = loadedAccount(t, 3)
	delete(a.rows, 3)
	before := a.ledger
	a.as(m, "another", 2)
	first := a.ledger
	written(t, first, rowsOf(10, 1)...)
	a.ledger = before
	a.as(m, "another", 3)
	second := a.ledger
	for _, l := range []*Ledger{second, first} {
		a.ledger = l
		_, err := a.sweep(Sweep{})
		require.NoError(t, err)
	}
	a.as(m, "another", 4)
	_, err = a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Empty(t, a.told)
}

// A deletion that no state has acknowledged is not reported again by a run that does not see
// whether the row lives again: one that sees no row at all, or another user's.
func TestDeletionsAreNotReportedAgainBlindly(t *testing.T) {
	for _, user := range []string{"me", "another"} {
		a, m := loadedAccount(t, 3)
		before := a.ledger
		a.reopen(m, 2)
		delete(a.rows, 2)
		_, err := a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.Equal(t, []int64{2}, a.told)
		a.ledger, a.blind = before, user == "me"
		a.as(m, user, 3)
		_, err = a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.Empty(t, a.told)
		a.as(m, user, 4)
		_, err = a.sweep(Sweep{Every: time.Hour})
		require.NoError(t, err)
		assert.Empty(t, a.told)
	}
}

// A run that was killed in its first entry leaves the ledger of a stream that was never read: what
// is deleted later is reported.
func TestARunKilledInItsFirstEntryLeavesNothing(t *testing.T) {
	a, m := loadedAccount(t, 3)
	m.logs[firstRun] = m.logs[firstRun][:9]
	l, trusted, _ := opened(t, m, 2, Token{})
	require.True(t, trusted)
	written(t, l, rowsOf(10, 1, 2, 3)...)
	a.ledger = l
	a.reopen(m, 3)
	delete(a.rows, 2)
	_, err := a.sweep(Sweep{})
	require.NoError(t, err)
	assert.Equal(t, []int64{2}, a.told)
}
