package gone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// memory is a store that counts what is written to it.
type memory struct {
	file     []byte
	logs     map[string][]byte
	appends  int
	replaces int
	fails    error
}

func (m *memory) Load(context.Context, string) ([]byte, []Log, error) {
	var logs []Log
	for run, data := range m.logs {
		logs = append(logs, Log{Run: run, Data: bytes.Clone(data), Changed: time.Now(), Parts: 1})
	}
	return bytes.Clone(m.file), logs, m.fails
}

func (m *memory) Append(_ context.Context, _, run string, _ uint64, data []byte) error {
	if m.fails != nil {
		return m.fails
	}
	if m.logs == nil {
		m.logs = map[string][]byte{}
	}
	m.logs[run] = append(m.logs[run], data...)
	m.appends++
	return nil
}

func (m *memory) Replace(_ context.Context, _ string, file []byte, old []Log) error {
	m.file = bytes.Clone(file)
	for _, log := range old {
		delete(m.logs, log.Run)
	}
	m.replaces++
	return m.fails
}

func (m *memory) Name(stream string) string { return "memory:" + stream }
func (m *memory) Slow() bool                { return false }

func (m *memory) copy() *memory {
	c := &memory{file: bytes.Clone(m.file), logs: map[string][]byte{}}
	for run, data := range m.logs {
		c.logs[run] = bytes.Clone(data)
	}
	return c
}

// opened opens a ledger as run number n, from a state with a token.
func opened(t *testing.T, m *memory, n int, token Token) (*Ledger, bool, string) {
	t.Helper()
	var log bytes.Buffer
	o := Opening{
		Stream: "rows", Nonce: fmt.Sprint(n), Passes: 1, ReadAs: "me", Token: token,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	if token.Run != "" {
		o.Version, o.Loaded = FirstVersion, true
	}
	l, trusted, err := Open(t.Context(), m, o)
	require.NoError(t, err)
	return l, trusted, log.String()
}

// firstRun is the name of the first run with a ledger.
const firstRun = "00000001-1"

func rowsOf(mark int64, ids ...int64) []record.Row {
	var rows []record.Row
	for _, id := range ids {
		rows = append(rows, record.Row{ID: id, Mark: mark})
	}
	return rows
}

// written notes rows, and that they were written.
func written(t *testing.T, l *Ledger, rows ...record.Row) {
	t.Helper()
	n, err := l.Note(t.Context(), Page{Rows: rows, Partial: true})
	require.NoError(t, err)
	if n > 0 {
		l.Wrote(n)
	}
}

// What a state has acknowledged is known; what it has not is unsure, and known to exist.
func TestOnlyAcknowledgedRowsAreKnown(t *testing.T) {
	m := &memory{}
	l, trusted, _ := opened(t, m, 1, Token{})
	assert.True(t, trusted, "a first run")
	written(t, l, rowsOf(5, 1, 2)...)
	acked := l.Token()
	written(t, l, rowsOf(5, 3)...)
	n, err := l.Note(t.Context(), Page{Rows: rowsOf(5, 4), Partial: true})
	require.NoError(t, err)
	assert.Equal(t, l.Token().Number, n-1, "a row that is not written yet is not acknowledged")

	l, trusted, _ = opened(t, m, 2, acked)
	assert.True(t, trusted)
	for id, known := range map[int64]bool{1: true, 2: true, 3: false, 4: false, 5: false} {
		assert.Equal(t, known, l.UpToDate(record.Row{ID: id, Mark: 5}), "row %d", id)
		_, ok := l.rows.Get(id)
		assert.Equal(t, id < 5, ok, "row %d", id)
	}
	assert.False(t, l.UpToDate(record.Row{ID: 1, Mark: 6}), "another version of it")

	// A run that writes nothing leaves no trace, and its state has the token of the one before.
	before := m.appends
	n, err = l.Note(t.Context(), Page{
		Rows: rowsOf(5, 1, 2), Partial: true, Without: l.Delivered,
	})
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, before, m.appends)
	assert.Equal(t, acked, l.Token())
	written(t, l, rowsOf(6, 1)...)
	third, trusted, _ := opened(t, m, 3, l.Token())
	assert.True(t, trusted)
	assert.True(t, third.UpToDate(record.Row{ID: 1, Mark: 6}))
	assert.True(t, third.UpToDate(record.Row{ID: 2, Mark: 5}), "acknowledged before the run before")
	assert.False(t, third.UpToDate(record.Row{ID: 3, Mark: 5}))
}

// A ledger and a state that do not belong together are not trusted, with the reason.
func TestLedgersThatDoNotBelongToTheState(t *testing.T) {
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	written(t, l, rowsOf(5, 1)...)
	first, early := l.Token(), m.copy()
	l, _, _ = opened(t, m, 2, first)
	written(t, l, rowsOf(5, 2)...)
	second := l.Token()
	l, _, _ = opened(t, m, 3, second)
	written(t, l, rowsOf(5, 3)...)
	third := l.Token()

	_, trusted, log := opened(t, m.copy(), 4, third)
	assert.True(t, trusted)
	assert.Empty(t, log)
	_, trusted, _ = opened(t, m.copy(), 4, second)
	assert.True(t, trusted, "the loader has lost what the run after it sent")
	for name, c := range map[string]struct {
		m     *memory
		token Token
		log   string
	}{
		"a state from before":      {m, first, "newer than the state"},
		"a store from before":      {early, second, "does not belong to this state"},
		"an empty store":           {&memory{}, first, "the store of deletes is empty"},
		"another store":            {m, Token{"00000900-x", 3}, "does not belong to this state"},
		"a store that lost a part": {early, Token{firstRun, 9}, "does not belong to this state"},
	} {
		t.Run(name, func(t *testing.T) {
			store := c.m.copy()
			l, trusted, log := opened(t, store, 4, c.token)
			assert.False(t, trusted)
			assert.Contains(t, log, c.log)
			assert.False(t, l.UpToDate(record.Row{ID: 1, Mark: 5}))
			written(t, l, rowsOf(5, 1)...)
			l, trusted, _ = opened(t, store, 5, l.Token())
			assert.True(t, trusted, "from then on they belong together")
			assert.True(t, l.UpToDate(record.Row{ID: 1, Mark: 5}))
			assert.False(t, l.UpToDate(record.Row{ID: 2, Mark: 5}))
		})
	}

	l, trusted, log = opened(t, m.copy(), 4, Token{})
	assert.False(t, trusted, "the state was lost")
	assert.Empty(t, log, "everything is read anyway")
	assert.EqualValues(t, FirstVersion, l.Version())
}

// A log that was killed at any byte, in any part of it, is read up to there.
func TestLogsKilledAtAnyByte(t *testing.T) {
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	var sizes []int
	for id := range int64(20) {
		written(t, l, rowsOf(5, id)...)
		sizes = append(sizes, len(m.logs[firstRun]))
	}
	for cut := range len(m.logs[firstRun]) + 1 {
		c := m.copy()
		c.logs[firstRun] = c.logs[firstRun][:cut]
		whole := 0
		for whole < len(sizes) && sizes[whole] <= cut {
			whole++
		}
		l, _, _ := opened(t, c, 2, Token{firstRun, uint64(max(1, whole))})
		assert.Equal(t, whole, l.rows.Len())
	}
	for i := range m.logs[firstRun] {
		c := m.copy()
		c.logs[firstRun][i] ^= 4
		l, _, _ := opened(t, c, 2, Token{firstRun, 1})
		for row := range l.rows.All() {
			assert.True(t, row.ID >= 0 && row.ID < 20)
		}
	}
}

// A file that is not as it was written is refused.
func TestDamagedFiles(t *testing.T) {
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	written(t, l, rowsOf(5, 1, 2, 3)...)
	require.NoError(t, l.fold(t.Context(), nil, Token{}))
	for i := range m.file {
		for _, damaged := range [][]byte{m.file[:i], append(bytes.Clone(m.file[:i]),
			append([]byte{m.file[i] ^ 1}, m.file[i+1:]...)...)} {
			if len(damaged) == 0 {
				continue
			}
			_, _, err := Open(t.Context(), &memory{file: damaged},
				Opening{Stream: "rows", Nonce: "2", Passes: 1, Log: slog.New(slog.DiscardHandler)})
			assert.ErrorContains(t, err, "memory:rows: the ledger is damaged: remove it", "byte %d", i)
		}
	}
}

// Sets of rows that are not whole are damage, whatever the checksum says.
func TestFilesWithoutTheirRows(t *testing.T) {
	for _, reported := range []int{0, 1} {
		head := toJSON(fileHead{Rows: 1 - reported, Reported: reported})
		body := append(append(head, '\n'), 0x80)
		_, err := decode(fmt.Appendf(nil, "%s%08x\n%s", magic, crc32.Checksum(body, castagnoli), body))
		assert.ErrorIs(t, err, errDamaged)
	}
}

// What is no token says nothing.
func TestTokens(t *testing.T) {
	for _, token := range []Token{{}, {"00000001-x", 0}, {"00000001-x", 7}} {
		assert.Equal(t, token, ParseToken(token.String()))
	}
	for _, text := range []string{"", ".", "7", ".7", "00000001-x", "00000001-x.", "00000001-x.-1"} {
		assert.Zero(t, ParseToken(text), text)
	}
	assert.True(t, Token{"1", 9}.before(Token{"2", 1}))
	assert.True(t, Token{"1", 1}.before(Token{"1", 2}))
	assert.False(t, Token{"1", 1}.before(Token{"1", 1}))
}

// Logs become part of the file, and of a run that still adds to its own nothing is lost.
func TestLogsAreFolded(t *testing.T) {
	m := &memory{}
	first, _, _ := opened(t, m, 1, Token{})
	for id := range int64(30_000) {
		if id%500 == 0 {
			var ids []int64
			for n := range int64(500) {
				ids = append(ids, id+n)
			}
			written(t, first, rowsOf(5, ids...)...)
		}
	}
	token := first.Token()
	require.Zero(t, m.replaces)
	second, trusted, _ := opened(t, m, 2, token)
	assert.True(t, trusted)
	assert.Equal(t, 1, m.replaces, "the log was large")
	assert.Empty(t, m.logs)
	assert.Equal(t, 30_000, second.rows.Len())
	assert.Less(t, len(m.file), 30_000*5)
	written(t, first, rowsOf(5, 77_777)...) // it is still running
	written(t, second, rowsOf(5, 88_888)...)
	third, trusted, _ := opened(t, m, 3, second.Token())
	assert.True(t, trusted)
	assert.Equal(t, 30_002, third.rows.Len())
	assert.False(t, third.UpToDate(record.Row{ID: 77_777, Mark: 5}), "no state has acknowledged it")
	assert.True(t, third.UpToDate(record.Row{ID: 88_888, Mark: 5}))
}

// Ledgers of older releases are read: nobody knows in which version their rows were
// delivered, so the list is read whole once.
func TestLedgersOfOlderReleases(t *testing.T) {
	rows, fresh := []byte{0x0e, 0x02}, []byte{0x12} // 7, 5; 9
	file := fmt.Appendf(nil, `{"version":1764000000000,"read_as":"me","swept":"2026-01-01T00:00:00Z","sets":[%d,%d,0,0,0]}`+"\n", len(rows), len(fresh))
	file = append(append(file, rows...), fresh...)
	m := &memory{file: file}
	o := Opening{
		Stream: "rows", Nonce: "1", Passes: 1, ReadAs: "me", Version: 1764000000000, Loaded: true,
		Log: slog.New(slog.DiscardHandler),
	}
	l, trusted, err := Open(t.Context(), m, o)
	require.NoError(t, err)
	assert.False(t, trusted)
	assert.Equal(t, []Row{{9, Unsure}, {7, Unsure}, {5, Unsure}}, slices.Collect(l.rows.All()))
	assert.Equal(t, int64(1764000000000), l.Version())
	for _, damaged := range []string{
		"{}", "{}\n1", `{"sets":[-1]}` + "\n", `{"sets":[5,0,0,0,0]}` + "\n",
		`{"sets":[1,0,0,0,0]}` + "\n\x80", `{"sets":[0,2,0,0,0]}` + "\n\x0e\x00",
	} {
		_, _, err := Open(t.Context(), &memory{file: []byte(damaged)}, o)
		assert.ErrorIs(t, err, errDamaged, strings.TrimSpace(damaged))
	}
}

// FuzzDecode reads arbitrary bytes as a file and as a log: they are refused, or are a ledger that
// reads the same once it is written again.
func FuzzDecode(f *testing.F) {
	c := content{header: header{2, "me"}, folded: map[string]uint64{"r1": 3}}
	c.rows.Put([]Row{{9, 4}, {3, Unsure}})
	f.Add(c.encode(), appendEntry(nil, kindListing, 4, []byte(`{"passes":1,"page":{"low":3}}`)))
	f.Fuzz(func(t *testing.T, file, log []byte) {
		c, err := decode(file)
		if err != nil {
			return
		}
		c.replay([]Log{{Run: "r9", Data: log}}, Token{"r9", 4})
		again, err := decode(c.encode())
		require.NoError(t, err)
		assert.Equal(t, slices.Collect(c.rows.All()), slices.Collect(again.rows.All()))
		assert.Equal(t, c.encode(), again.encode())
	})
}

// Two sets of entries do not disturb each other, whatever happens in which order.
func TestRunsAtOnceLoseNoRow(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 2))
		m := &memory{}
		var ledgers []*Ledger
		token := Token{}
		all := map[int64]bool{}
		for n := range 40 {
			if len(ledgers) == 0 || random.IntN(4) == 0 {
				l, _, _ := opened(t, m, n, token)
				ledgers = append(ledgers, l)
			}
			l := ledgers[random.IntN(len(ledgers))]
			id := random.Int64N(1000)
			written(t, l, rowsOf(random.Int64N(50)+1, id)...)
			all[id] = true
			if random.IntN(3) == 0 {
				token = l.Token()
			}
		}
		l, _, _ := opened(t, m, 99, token)
		for id := range all {
			_, ok := l.rows.Get(id)
			assert.True(t, ok, "seed %d: row %d may be in the warehouse", seed, id)
		}
	}
}

// An append that fails may leave a part of an entry, behind which nobody would find another one.
func TestNothingIsAppendedToABrokenLog(t *testing.T) {
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	written(t, l, rowsOf(5, 1)...)
	m.fails = errors.New("disk full")
	_, err := l.Note(t.Context(), Page{Rows: rowsOf(5, 2)})
	require.ErrorIs(t, err, m.fails)
	failed := m.fails
	m.fails = nil
	_, err = l.Note(t.Context(), Page{Rows: rowsOf(5, 3)})
	require.ErrorIs(t, err, failed)
	assert.EqualValues(t, 2, l.Token().Number, "only the first row is known to be noted")
}

// Two runs that noted the same row at once leave it unsure, whichever a state acknowledges; a later
// run that knew of both is believed.
func TestRowsOfTwoRunsAtOnceAreUnsure(t *testing.T) {
	m := &memory{}
	first, _, _ := opened(t, m, 1, Token{})
	written(t, first, rowsOf(5, 1, 2, 3)...)
	a, _, _ := opened(t, m, 2, first.Token())
	b, _, _ := opened(t, m, 3, first.Token())
	written(t, a, rowsOf(6, 1, 2)...)
	written(t, b, rowsOf(6, 1)...)
	for _, token := range []Token{a.Token(), b.Token()} {
		l, trusted, _ := opened(t, m.copy(), 4, token)
		assert.True(t, trusted)
		mark, ok := l.rows.Get(1)
		assert.True(t, ok)
		assert.Equal(t, Unsure, mark)
		assert.True(t, l.Delivered(rowsOf(5, 3)[0]))
	}
	later, _, _ := opened(t, m, 4, b.Token())
	written(t, later, rowsOf(6, 1)...)
	l, _, _ := opened(t, m, 5, later.Token())
	assert.True(t, l.Delivered(rowsOf(6, 1)[0]))
}

// What a run had noted before another one began may be stored after it, if that run goes on.
func TestRowsOfARunThatGoesOnAreUnsure(t *testing.T) {
	for _, goesOn := range []bool{false, true} {
		m := &memory{}
		first, _, _ := opened(t, m, 1, Token{})
		written(t, first, rowsOf(5, 1, 2, 3)...)
		a, _, _ := opened(t, m, 2, first.Token())
		written(t, a, rowsOf(6, 1)...)
		b, _, _ := opened(t, m, 3, first.Token())
		written(t, b, rowsOf(7, 1, 2)...)
		if goesOn {
			written(t, a, rowsOf(6, 3)...)
		}
		l, trusted, _ := opened(t, m, 4, b.Token())
		assert.True(t, trusted)
		assert.Equal(t, !goesOn, l.Delivered(rowsOf(7, 1)[0]))
		assert.True(t, l.Delivered(rowsOf(7, 2)[0]))
	}
}

// Two runs that make logs part of the file at the same time may lose entries of a third one. Then
// nobody knows which rows are in the warehouse.
func TestMissingEntriesAreNoticed(t *testing.T) {
	m := &memory{}
	first, _, _ := opened(t, m, 1, Token{})
	written(t, first, rowsOf(5, 1)...)
	early := m.copy()
	written(t, first, rowsOf(5, 2)...)
	second, _, _ := opened(t, m, 2, first.Token())
	written(t, second, rowsOf(5, 3)...)

	lost := m.copy() // the latest entry of the first run, which the second one knew
	lost.logs[firstRun] = early.logs[firstRun]
	l, trusted, log := opened(t, lost, 3, second.Token())
	assert.False(t, trusted)
	assert.Contains(t, log, "lacks entries")
	for row := range l.rows.All() {
		assert.Equal(t, Unsure, row.Stamp)
	}
	_, trusted, _ = opened(t, lost, 4, l.Token())
	assert.False(t, trusted, "nothing was read in between")

	written(t, first, rowsOf(5, 4)...)
	lost = m.copy() // an entry in between
	lost.logs[firstRun] = nil
	entries(m.logs[firstRun], func(k kind, number uint64, body []byte) bool {
		if number != 3 {
			lost.logs[firstRun] = appendEntry(lost.logs[firstRun], k, number, body)
		}
		return true
	})
	_, trusted, log = opened(t, lost, 3, first.Token())
	assert.False(t, trusted)
	assert.Contains(t, log, "lacks entries")
}

// Pages that are read at the same time may show a row in two versions, and are written in any
// order: its version is unsure, in this run, in the next, and once a state has acknowledged both.
func TestRowsOfTwoPagesAtOnceAreUnsure(t *testing.T) {
	m := &memory{}
	l, _, _ := opened(t, m, 1, Token{})
	a, err := l.Note(t.Context(), Page{Rows: rowsOf(5, 1, 2, 3), Partial: true})
	require.NoError(t, err)
	b, err := l.Note(t.Context(), Page{Rows: rowsOf(6, 4, 3, 1), Partial: true})
	require.NoError(t, err)
	l.Wrote(b)
	l.Wrote(a)
	next, trusted, _ := opened(t, m.copy(), 2, l.Token())
	assert.True(t, trusted)
	for _, l := range []*Ledger{l, next} {
		assert.False(t, l.Delivered(rowsOf(6, 1)[0]))
		assert.False(t, l.Delivered(rowsOf(5, 3)[0]))
		assert.True(t, l.Delivered(rowsOf(5, 2)[0]))
		assert.True(t, l.Delivered(rowsOf(6, 4)[0]))
	}
	written(t, l, rowsOf(6, 1, 3)...)
	assert.True(t, l.Delivered(rowsOf(6, 1)[0]))
}

// Of a row that two pages have in the same version, as at the border of two pieces, nothing is
// unsure, if it has a time of change.
func TestRowsOfTwoPagesInOneVersionAreKnown(t *testing.T) {
	l, _, _ := opened(t, &memory{}, 1, Token{})
	for range 2 {
		_, err := l.Note(t.Context(), Page{Rows: append(rowsOf(5, 2), rowsOf(0, 1)...), Partial: true})
		require.NoError(t, err)
	}
	assert.True(t, l.Delivered(rowsOf(5, 2)[0]))
	assert.False(t, l.Delivered(rowsOf(0, 1)[0]))
	for _, mark := range []int64{6, 5} {
		_, err := l.Note(t.Context(), Page{Rows: rowsOf(mark, 2), Partial: true})
		require.NoError(t, err)
		assert.False(t, l.Delivered(rowsOf(mark, 2)[0]), "it came in another version, too")
	}
}

// What this release stores, every later one must read: the bytes of testdata are never written
// anew. So are rows in warehouses, which carry the version.
func TestStoredLedgersAreReadForEver(t *testing.T) {
	file, err := os.ReadFile("testdata/rows.ids")
	require.NoError(t, err)
	log, err := os.ReadFile("testdata/rows.log")
	require.NoError(t, err)
	m := &memory{file: file, logs: map[string][]byte{"00000002-b": log}}
	in, err := load(t.Context(), m, Opening{
		Stream: "rows", Passes: 1, ReadAs: "me", Token: Token{"00000002-b", 3}, Version: 2, Loaded: true,
	})
	require.NoError(t, err)
	assert.True(t, in.trusted, in.why)
	assert.Equal(t, 2, FirstVersion)
	assert.Equal(t, header{FirstVersion, "me"}, in.header)
	assert.Equal(t, []Row{{90, Unsure}, {70, 1}, {60, 5_483_915}, {3, 12}, {1, 12}},
		slices.Collect(in.rows.All()))
	assert.Equal(t, []int64{2}, idsOf(slices.Collect(in.reported.All())))
	assert.Equal(t, Token{"00000002-b", 3}, in.head)
	assert.Equal(t, noon, in.swept)
	assert.Equal(t, &Listing{
		ID: "00000002-b.6", Began: noon.Add(time.Hour), Rows: 2,
		Passes: []*Pass{{Low: 60, Cursor: "60"}},
	}, in.listing)
}
