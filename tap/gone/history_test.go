package gone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// A history is a list that changes, the ledger of its rows, and a warehouse with what loaders have
// stored. There is no engine in it: a run reads pages, sweeps, and says what it wrote, row by row.
type history struct {
	*testing.T
	random *rand.Rand
	quiet  bool  // nothing changes while a run reads
	timed  bool  // rows have a time of change
	now    int64 // the server's clock, in milliseconds
	rows   map[int64]*item
	passes int
	start  int64 // rows that last changed before it are not wanted
	user   int64
	blind  bool // no list has a row
	store  *shelf
	// warehouse has the mark of each row that is there.
	warehouse map[int64]int64
	state     state
	states    []state
	shelves   []*shelf
	runs      int
	living    map[string]bool // by the nonces of runs
	pauseIn   int             // calls until pause is called
	pause     func()
	appended  bool // something, after the pause
	// forgot means that rows may be in the warehouse which no ledger knows.
	forgot bool
}

type item struct {
	mark int64
	// seen is when a list last left it out, or had it in another pass.
	seen         int64
	pass         int
	gone, hidden bool
}

// state is what a state says of the stream.
type state struct {
	token   Token
	version int64
	loaded  bool
}

// message is what a run says: a row, a row that is gone, or a state.
type message struct {
	row   record.Row
	gone  bool
	state *state
}

// visible reports whether a user sees a row. Neither of two users sees all.
func (h *history) visible(user, id int64) bool {
	row, ok := h.rows[id]
	return ok && !row.gone && !row.hidden && !h.blind && (id+user)%5 != 0
}

// happens changes rows.
func (h *history) happens(times int) {
	for range times {
		h.now++
		id := 1 + h.random.Int64N(40)
		row, ok := h.rows[id]
		switch n := h.random.IntN(8); {
		case !ok || row.gone && n == 0:
			h.rows[id] = &item{mark: h.now, seen: h.now, pass: h.random.IntN(h.passes)}
		case n == 1:
			row.gone, row.seen = true, h.now
		case n == 2:
			row.hidden, row.seen = !row.hidden, h.now
		case n == 3:
			row.pass, row.seen = h.random.IntN(h.passes), h.now
		case n > 4:
			row.mark = h.now
		}
		if !h.timed && h.rows[id] != nil {
			h.rows[id].mark = 0
		}
	}
}

// life is one run.
type life struct {
	*history
	ledger   *Ledger
	user     int64
	trusted  bool
	loaded   bool
	deaf     bool // rows cannot be reported
	left     int  // calls until its end; negative for none
	killed   bool // its end is a kill
	over     bool
	said     []message
	noted    []noted
	dies     map[int64]bool // rows that this run asked for, and whether they are really gone
	asked    int
	reported int
	repaired int
}

// noted are rows that the ledger has, and that are not written yet.
type noted struct {
	number uint64
	rows   []record.Row
}

var errKilled = errors.New("killed")

// call is anything that takes time. Before it, rows may change, and another run may begin and end.
func (l *life) call() error {
	if !l.quiet {
		l.happens(l.random.IntN(2))
	}
	l.now++
	if l.pauseIn--; l.pauseIn == 0 {
		l.pause()
	}
	if l.left--; l.left == 0 {
		l.over = true
	}
	if l.dead() {
		return errKilled
	}
	return nil
}

func (l *life) dead() bool { return l.over && l.killed }

// page is a page of a pass for the run's user: two rows, unless the list is short.
func (l *life) page(pass int, cursor string) (rows []record.Row, next string) {
	ids := make([]int64, 0, len(l.rows))
	for id := range l.rows {
		ids = append(ids, id)
	}
	last := int64(1 << 60)
	if cursor != "" {
		_, err := fmt.Sscan(cursor, &last)
		require.NoError(l, err)
	}
	for _, id := range descending(ids) {
		row := l.rows[id]
		if id >= last || row.pass != pass || !l.visible(l.user, id) {
			continue
		}
		if !l.quiet && l.random.IntN(20) == 0 {
			row.seen = l.now // it is late
			continue
		}
		if len(rows) == 3 {
			return rows, fmt.Sprint(rows[2].ID)
		}
		rows = append(rows, record.Row{ID: id, Mark: row.mark})
	}
	return rows, ""
}

func (l *life) clock() time.Time { return time.UnixMilli(l.now).UTC() }

// List implements [World].
func (l *life) List(_ context.Context, pass int, cursor string) ([]record.Row, string, time.Time,
	error,
) {
	asked := l.clock()
	if err := l.call(); err != nil {
		return nil, "", asked, err
	}
	if cursor != "" && !l.quiet && l.random.IntN(30) == 0 {
		return nil, "", asked, ErrExpired
	}
	rows, next := l.page(pass, cursor)
	return rows, next, asked, nil
}

// Ask implements [World].
func (l *life) Ask(ctx context.Context, ids []int64) (living []int64, err error) {
	if err := l.call(); err != nil {
		return nil, err
	}
	l.asked += len(ids)
	var rows []record.Row
	for _, id := range ids {
		row, ok := l.rows[id]
		l.dies[id] = !ok || row.gone || row.hidden
		if !l.visible(l.user, id) {
			continue
		}
		living = append(living, id)
		if row := (record.Row{ID: id, Mark: l.rows[id].mark}); !l.ledger.Delivered(row) {
			rows = append(rows, row)
		}
	}
	l.repaired += len(rows)
	if err := l.note(ctx, Page{Rows: rows, Partial: true}); err != nil {
		return nil, err
	}
	return living, l.write(0)
}

// Report implements [World].
func (l *life) Report(_ context.Context, ids []int64, number uint64) (bool, error) {
	if l.deaf {
		return false, nil
	}
	for _, id := range ids {
		require.True(l, l.dies[id], "row %d lives, and is told as gone", id)
		l.said = append(l.said, message{row: record.Row{ID: id}, gone: true})
	}
	l.reported += len(ids)
	if err := l.call(); err != nil {
		return false, err
	}
	l.ledger.Wrote(number)
	return true, nil
}

// Over implements [World].
func (l *life) Over() bool { return l.over }

// Proven implements [World].
func (l *life) Proven(context.Context) bool { return !l.blind }

// note notes a page that is about to be written.
func (l *life) note(ctx context.Context, p Page) error {
	var written []record.Row
	without := map[int64]bool{}
	for _, row := range p.Rows {
		if p.Without != nil && p.Without(row) {
			without[row.ID] = true
		} else {
			written = append(written, row)
		}
	}
	p.Without = func(row record.Row) bool { return without[row.ID] }
	number, err := l.ledger.Note(ctx, p)
	if err == nil && number > 0 {
		l.noted = append(l.noted, noted{number, written})
	}
	return err
}

// write writes pages, in any order, until no more than some wait. States come at any time.
func (l *life) write(wait int) error {
	for len(l.noted) > wait {
		if err := l.call(); err != nil {
			return err
		}
		i := l.random.IntN(len(l.noted))
		for _, row := range l.noted[i].rows {
			l.said = append(l.said, message{row: row})
		}
		l.ledger.Wrote(l.noted[i].number)
		l.noted = slices.Delete(l.noted, i, i+1)
		l.loaded = true
		if l.random.IntN(3) == 0 {
			l.checkpoint()
		}
	}
	return nil
}

func (l *life) checkpoint() {
	l.said = append(l.said, message{state: &state{l.ledger.Token(), l.ledger.Version(), l.loaded}})
}

// read reads the list: whole, since some time, or not at all.
func (l *life) read(ctx context.Context) error {
	from, whole := l.start, true
	if !l.trusted {
		from = 0 // from the earliest start date that there was
	}
	if l.trusted && l.state.loaded {
		switch l.random.IntN(4) {
		case 0:
			partial(l, l.ledger)
			return nil
		case 1:
			from, whole = max(from, l.now-l.random.Int64N(40)), false
		}
	}
	known := l.trusted && l.random.IntN(2) == 0
	for pass := range l.passes {
		cursor := ""
		for {
			asked := l.clock()
			if err := l.call(); err != nil || l.over {
				return err
			}
			if cursor != "" && !l.quiet && l.random.IntN(30) == 0 {
				cursor = "" // it expired
				continue
			}
			rows, next := l.page(pass, cursor)
			partial := !whole || l.timed && from > 0
			if partial {
				rows = slices.DeleteFunc(rows, func(r record.Row) bool { return l.timed && r.Mark < from })
			}
			p := Page{
				Rows: rows, Pass: pass, Next: next, Asked: asked, First: cursor == "",
				Partial: partial,
			}
			if known {
				p.Without = l.ledger.UpToDate
			}
			if err := l.note(ctx, p); err != nil {
				return err
			}
			if err := l.write(l.random.IntN(3)); err != nil {
				return err
			}
			if cursor = next; next == "" {
				break
			}
		}
	}
	return l.write(0)
}

// run makes a run, and returns what it found.
func (h *history) run(force bool) (*life, Found) {
	h.runs++
	nonce := fmt.Sprint(h.runs)
	h.living[nonce] = true
	defer delete(h.living, nonce)
	l := &life{history: h, user: h.user, loaded: h.state.loaded, left: -1, dies: map[int64]bool{}}
	if !h.quiet {
		l.deaf = h.random.IntN(10) == 0
		if h.random.IntN(2) == 0 {
			l.left, l.killed = 1+h.random.IntN(60), h.random.IntN(2) == 0
		}
	}
	var found Found
	err := l.live(h.Context(), force, &found)
	if err != nil {
		require.ErrorIs(h, err, errKilled)
		return l, Found{}
	}
	l.checkpoint()
	return l, found
}

func (l *life) live(ctx context.Context, force bool, found *Found) (err error) {
	start := l.start
	o := Opening{
		Stream: "rows", Nonce: fmt.Sprint(l.runs), Passes: l.passes, ReadAs: fmt.Sprint(l.user),
		Token: l.state.token, Version: l.state.version, Loaded: l.state.loaded,
		Older: func(r record.Row) bool { return r.Mark != 0 && r.Mark < start },
		Log:   slog.New(slog.DiscardHandler),
	}
	if l.ledger, l.trusted, err = Open(ctx, hand{l.store, l}, o); err != nil {
		return err
	}
	if err := l.read(ctx); err != nil || l.over {
		return err
	}
	s := Sweep{Every: time.Duration(l.random.IntN(100)) * time.Millisecond, MaxShare: 1, Force: force}
	if s.Now = l.clock(); !l.ledger.Due(s) {
		return nil
	}
	*found, err = l.ledger.Sweep(ctx, l, s)
	return err
}

// shelf is a store. The size and age of its logs are anything.
type shelf struct {
	file []byte
	logs map[string][]byte
}

func (s *shelf) copy() *shelf {
	c := &shelf{bytes.Clone(s.file), map[string][]byte{}}
	for run, data := range s.logs {
		c.logs[run] = bytes.Clone(data)
	}
	return c
}

// hand is how one run uses a shelf. A kill may come in the middle of what it writes.
type hand struct {
	*shelf
	run *life
}

func (h hand) Load(context.Context, string) ([]byte, []Log, error) {
	c := h.copy()
	var logs []Log
	for _, run := range slices.Sorted(maps.Keys(c.logs)) {
		age := time.Duration(h.run.random.IntN(2)) * 2 * time.Hour
		if _, nonce, _ := strings.Cut(run, "-"); h.run.living[nonce] {
			age = 0
		}
		logs = append(logs, Log{
			Run: run, Data: c.logs[run], Changed: time.Now().Add(-age), Parts: h.run.random.IntN(30),
		})
	}
	return c.file, logs, h.run.call()
}

func (h hand) Append(_ context.Context, _, run string, _ uint64, data []byte) error {
	if h.run.dead() {
		return errKilled
	}
	err := h.run.call()
	if err != nil {
		data = data[:h.run.random.IntN(len(data)+1)]
	}
	h.logs[run] = append(h.logs[run], data...)
	h.run.appended = h.run.appended || err == nil
	return err
}

func (h hand) Replace(_ context.Context, _ string, file []byte, old []Log) error {
	h.file = bytes.Clone(file)
	if err := h.run.call(); err != nil {
		return err
	}
	for _, log := range old {
		switch rest, ok := bytes.CutPrefix(h.logs[log.Run], log.Data); {
		case ok && len(rest) == 0:
			delete(h.logs, log.Run)
		case ok && h.run.runs%2 == 0: // a store of parts; a folder keeps such a log whole
			h.logs[log.Run] = rest
		}
	}
	return nil
}

func (h hand) Name(stream string) string { return stream }
func (h hand) Slow() bool                { return false }

// load stores some of what was said, as a loader that may die does. It reports whether it stored
// all.
func (h *history) load(said []message) (all bool) {
	upTo := len(said)
	switch h.random.IntN(4) {
	case 0:
		upTo = h.random.IntN(len(said) + 1)
	case 1:
		upTo = max(0, upTo-h.random.IntN(4))
	}
	if h.quiet {
		upTo = len(said)
	}
	for _, m := range said[:upTo] {
		h.stored(m)
	}
	return upTo == len(said)
}

func (h *history) stored(m message) {
	switch {
	case m.state != nil:
		h.state = *m.state
		h.states = append(h.states, *m.state)
	case m.gone:
		delete(h.warehouse, m.row.ID)
	default:
		h.warehouse[m.row.ID] = m.row.Mark
	}
}

// round is a run, or two at once, whose loaders store what they say in any order.
func (h *history) round() {
	if h.random.IntN(3) > 0 {
		l, found := h.run(h.random.IntN(8) == 0)
		if h.load(l.said) && found.Compared {
			h.verified(l, found)
		}
		return
	}
	var inner []message
	h.pauseIn = 1 + h.random.IntN(20)
	h.appended = false
	h.pause = func() {
		l, _ := h.run(false)
		inner, h.appended = l.said, false
	}
	l, _ := h.run(false)
	outer := l.said
	if h.pauseIn = 0; inner == nil || !h.appended {
		// To a ledger it had ended before the other one began, so what it said is stored first.
		h.load(outer)
		outer = nil
	}
	outer, inner = outer[:h.random.IntN(len(outer)+1)], inner[:h.random.IntN(len(inner)+1)]
	for len(outer)+len(inner) > 0 {
		if h.random.IntN(len(outer)+len(inner)) < len(outer) {
			h.stored(outer[0])
			outer = outer[1:]
		} else {
			h.stored(inner[0])
			inner = inner[1:]
		}
	}
}

// verified checks what a sweep says: what was so when its listing began is so in the warehouse.
func (h *history) verified(l *life, found Found) {
	until := found.Until.UnixMilli()
	for id, row := range h.rows {
		mark, ok := h.warehouse[id]
		switch {
		case row.seen >= until || row.mark >= until:
		case row.gone && !h.forgot:
			require.False(h, ok, "row %d is gone, and verified", id)
		case h.visible(l.user, id) && (ok && !h.forgot || row.mark >= h.start):
			require.True(h, ok, "row %d is missing, and verified", id)
			require.Equal(h, row.mark, mark, "row %d is outdated, and verified", id)
		}
	}
	require.Equal(h, l.reported, found.Gone)
	if newest := found.Newest; h.quiet && !newest.IsZero() {
		marks := []int64{0}
		for id := range h.warehouse {
			if h.visible(l.user, id) {
				marks = append(marks, h.rows[id].mark)
			}
		}
		require.Equal(h, slices.Max(marks), newest.UnixMilli())
	}
}

// between makes what happens between runs.
func (h *history) between() {
	h.happens(h.random.IntN(6))
	h.shelves = append(h.shelves, h.store.copy())
	switch h.random.IntN(20) {
	case 0:
		h.store, h.forgot = &shelf{logs: map[string][]byte{}}, true
	case 1:
		h.store, h.forgot = h.shelves[h.random.IntN(len(h.shelves))].copy(), true
	case 2:
		h.state = state{}
	case 3:
		if len(h.states) > 0 {
			h.state = h.states[h.random.IntN(len(h.states))]
		}
	case 4:
		h.start = h.now - h.random.Int64N(200)
	case 5:
		h.start = 0
	case 6, 7: // what one user saw, the other one may not see
		h.user, h.forgot = h.random.Int64N(2), true
	case 8:
		h.blind = !h.blind
		for _, row := range h.rows {
			row.seen = h.now
		}
	}
}

// settle makes quiet runs, which must leave the warehouse as the list is.
func (h *history) settle() {
	h.quiet, h.blind = true, false
	for _, row := range h.rows {
		row.hidden, row.seen = false, h.now
	}
	for n := range 3 {
		h.now += 1000
		l, found := h.run(true)
		h.load(l.said)
		require.True(h, found.Compared)
		h.verified(l, found)
		if n < 2 {
			continue
		}
		require.Zero(h, l.asked, "nothing is asked for again")
		require.Zero(h, found.Repaired)
		if h.forgot {
			return
		}
		sum, newest := new(big.Int), int64(0)
		for id, mark := range h.warehouse {
			require.False(h, h.rows[id].gone, "row %d is dead, and in the warehouse", id)
			sum.Add(sum, big.NewInt(id))
			newest = max(newest, mark)
		}
		require.Equal(h, len(h.warehouse), found.Rows)
		require.Equal(h, sum.String(), found.Sum.String())
		if newest > 0 {
			require.Equal(h, newest, found.Newest.UnixMilli())
		}
	}
}

// Whatever happens to rows, runs, loaders, states, stores and users, in any order: no living row is
// told as gone, what is called compared is so in the warehouse, and quiet runs make it right.
func TestNoHistoryLosesALivingRow(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			h := &history{
				T: t, random: random, now: 1_790_000_000_000, rows: map[int64]*item{},
				passes: 1 + random.IntN(2), timed: random.IntN(4) > 0,
				store: &shelf{logs: map[string][]byte{}}, warehouse: map[int64]int64{},
				living: map[string]bool{},
			}
			h.happens(60)
			for range random.IntN(14) {
				h.round()
				h.between()
			}
			h.settle()
		})
	}
}
