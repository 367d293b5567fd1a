package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/gone"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// The simulator is a source with its own model of a changing list: rows change, appear, vanish,
// switch pass while they are read, and become visible late. The engine reads it, is killed at any
// byte, and continues from the last state it wrote. It shares no code with the sandbox.

// simRow is a row of the model. Times are in milliseconds since the start of the simulation.
type simRow struct {
	id, created, updated int64
	pass                 int
	gone                 bool
	seen                 int64 // since when it is visible in this form
	before               *simRow
	switched             int64 // when it last switched pass
	hidden               bool  // nobody may see it
}

// simulator is the source.
type simulator struct {
	mu      sync.Mutex
	random  *rand.Rand
	now     int64
	rows    []*simRow
	passes  int
	perPage int
	quiet   bool // nothing changes
	late    int64
	cursors int // number of cursors; some of them are dead
	reads   int
	stopAt  int // the run is stopped at this read; 0 for never
	pauseAt int // another run happens during this read; 0 for never
	pause   func()
	stop    context.CancelCauseFunc
}

var simWorld = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func simTime(ms int64) time.Time { return simWorld.Add(time.Duration(ms) * time.Millisecond) }
func simMS(t time.Time) int64    { return t.Sub(simWorld).Milliseconds() }

// simFirstID is that of the first row. Greenhouse's ids are large; small ones would tell that the
// list is short.
const simFirstID = 4_000_000_000

func newSimulator(seed uint64, rows, passes int) *simulator {
	s := &simulator{
		random: rand.New(rand.NewPCG(seed, 7)), passes: passes, perPage: 5,
		late: 20_000,
	}
	const day = 24 * 3600 * 1000
	s.now = int64(400 * day)
	for i := range rows {
		created := int64(i) * s.now / int64(rows)
		lag := s.random.Int64N(3600 * 1000)
		if s.random.IntN(8) == 0 {
			lag = s.random.Int64N(100 * day)
		}
		s.rows = append(s.rows, &simRow{
			id: simFirstID + int64(i), created: created,
			updated: min(created+lag, s.now-1), pass: s.random.IntN(passes),
		})
	}
	return s
}

// happen advances the time and makes changes.
func (s *simulator) happen() {
	s.now += 50 + s.random.Int64N(4000)
	if s.quiet {
		return
	}
	for range s.random.IntN(4) {
		r := s.rows[s.random.IntN(len(s.rows))]
		old := *r
		r.before = &old
		r.seen = s.now + s.random.Int64N(s.late)
		switch s.random.IntN(10) {
		case 0:
			s.rows = append(s.rows, &simRow{
				id: simFirstID + int64(len(s.rows)), created: s.now,
				updated: s.now, pass: s.random.IntN(s.passes),
				seen: s.now + s.random.Int64N(s.late),
			})
			r.before, r.seen = old.before, old.seen
		case 1:
			r.gone = true
		case 2:
			r.pass, r.updated, r.switched = s.random.IntN(s.passes), s.now, s.now
		default:
			r.updated = s.now
		}
	}
}

// visible returns the row as the API shows it now; nil if hidden.
func (s *simulator) visible(r *simRow) *simRow {
	if r.hidden {
		return nil
	}
	for r != nil && r.seen > s.now {
		r = r.before
	}
	if r == nil || r.gone {
		return nil
	}
	return r
}

// stopAfter stops the run at a read.
func (s *simulator) stopAfter(reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopAt = s.reads + reads
}

// stopped reports whether the run was stopped, and stops no other.
func (s *simulator) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stopped := s.stopAt > 0 && s.reads >= s.stopAt
	s.stopAt = 0
	return stopped
}

type simCursor struct {
	Pass               int
	From, Before, Last int64
	Dead               bool
}

// simProof is a list that always has a row, as users has in an account.
var simProof = stream("proof")

func (s *simulator) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	s.mu.Lock()
	if req.Stream == simProof {
		now := simTime(s.now)
		s.mu.Unlock()
		return take(tap.Page{Body: []byte(`[{"id":1}]`), Asked: now})
	}
	s.reads++
	if s.reads == s.pauseAt {
		s.pauseAt = 0
		s.mu.Unlock()
		s.pause()
		s.mu.Lock()
	}
	if s.reads == s.stopAt {
		s.stop(tap.Errorf(tap.Interrupted, "stopped", "by a signal"))
	}
	s.happen()
	c := simCursor{From: -1, Before: 1 << 60, Last: 1 << 60}
	if req.Params["pass"] == "1" {
		c.Pass = 1
	}
	if !req.From.IsZero() {
		c.From = simMS(req.From)
	}
	if !req.Before.IsZero() {
		c.Before = simMS(req.Before)
	}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &c); err != nil {
			panic(err)
		}
		if c.Dead {
			s.mu.Unlock()
			return &tap.Error{
				Kind: tap.CursorExpired, Op: "reading",
				Err: errors.New("the cursor expired"),
			}
		}
	}
	wanted := map[string]bool{}
	for _, id := range req.IDs {
		wanted[fmt.Sprint(id)] = true
	}
	asked := req.IDs != nil
	page := tap.Page{Asked: simTime(s.now)}
	body := []byte{'['}
	n := 0
	for _, row := range slices.Backward(s.rows) {
		r := s.visible(row)
		if r == nil || r.id >= c.Last || r.pass != c.Pass || r.updated < c.From ||
			r.updated > c.Before || asked && !wanted[fmt.Sprint(r.id)] {
			continue
		}
		if n == s.perPage && !asked {
			s.cursors++
			next, err := json.Marshal(simCursor{
				c.Pass, c.From, c.Before, c.Last,
				s.cursors%401 == 0,
			})
			if err != nil {
				panic(err)
			}
			page.Next = string(next)
			break
		}
		if n > 0 {
			body = append(body, ',')
		}
		n++
		c.Last = r.id
		body = fmt.Appendf(body, `{"id":%d,"created_at":%q,"updated_at":%q}`, r.id,
			tap.FormatTime(simTime(r.created)), tap.FormatTime(simTime(r.updated)))
	}
	body = append(body, ']')
	page.Body = body
	s.mu.Unlock()
	return take(page)
}

// killer is a standard output that breaks after a number of bytes.
type killer struct {
	bytes.Buffer
	left int
}

func (k *killer) Write(p []byte) (int, error) {
	if k.left -= len(p); k.left < 0 {
		k.Buffer.Write(p[:max(0, len(p)+k.left)])
		return 0, io.ErrClosedPipe
	}
	return k.Buffer.Write(p)
}

// protocol writes and reads the engine's state.
type protocol struct {
	voice func() tap.Voice
	parse func(state []byte) (*tap.State, error)
	take  func(line []byte) (id, updated string, state []byte)
}

func protocols(stream *tap.Stream) map[string]protocol {
	lookup := func(string) *tap.Stream { return stream }
	return map[string]protocol{
		"singer": {
			voice: func() tap.Voice { return &singer.Voice{} },
			parse: func(state []byte) (*tap.State, error) {
				return singer.ParseState(state, lookup)
			},
			take: func(line []byte) (string, string, []byte) {
				var m struct {
					Type   string
					Record struct {
						ID        json.Number
						UpdatedAt string `json:"updated_at"`
						DeletedAt string `json:"_sdc_deleted_at"`
					}
					Value json.RawMessage
				}
				if json.Unmarshal(line, &m) != nil {
					return "", "", nil
				}
				return m.Record.ID.String(), m.Record.UpdatedAt + m.Record.DeletedAt, m.Value
			},
		},
		"airbyte": {
			voice: func() tap.Voice { return &airbyte.Voice{} },
			parse: func(state []byte) (*tap.State, error) {
				return airbyte.ParseState(state, lookup)
			},
			take: func(line []byte) (string, string, []byte) {
				var m struct {
					Record struct {
						Data struct {
							ID        json.Number
							UpdatedAt string `json:"updated_at"`
							DeletedAt string `json:"_ab_cdc_deleted_at"`
						}
					}
					State json.RawMessage
				}
				if json.Unmarshal(line, &m) != nil {
					return "", "", nil
				}
				if m.State != nil {
					return "", "", fmt.Appendf(nil, "[%s]", m.State)
				}
				return m.Record.Data.ID.String(), m.Record.Data.UpdatedAt, nil
			},
		},
	}
}

func simStream(t *testing.T, passes int) *tap.Stream {
	t.Helper()
	s := &tap.Stream{Name: "rows", Path: "/v3/rows", Key: []string{"id"}, Bookmark: "updated_at", Schema: []byte(`{"type":"object","properties":{
		"id":{"type":"integer"},"created_at":{"type":["string","null"],"format":"date-time"},"updated_at":{"type":["string","null"],"format":"date-time"}}}`)}
	if passes > 1 {
		for pass := range passes {
			s.Passes = append(s.Passes, map[string]string{"pass": fmt.Sprint(pass)})
		}
	}
	s.Prepare()
	return s
}

// simulation is a series of runs on one simulator.
type simulation struct {
	*simulator
	t      *testing.T
	stream *tap.Stream
	proto  protocol
	full   bool
	loaded map[string]string // updated_at by id
	state  []byte

	deletes *engine.Deletes
	start   time.Time
	readAs  string
	told    map[string]bool // rows that were reported as gone

	out    string // of the latest run
	report tap.StreamReport
}

// run runs the engine once and kills it after a number of bytes, 0 for never. It reports whether
// the stream completed.
func (s *simulation) run(kill int) bool {
	shape, err := s.stream.Shape()
	require.NoError(s.t, err)
	q := (&tap.Choice{Stream: s.stream, FullTable: s.full}).Select(shape, nil)
	state := tap.NewState()
	if s.state != nil {
		state, err = s.proto.parse(s.state)
		require.NoError(s.t, err)
	}
	out := &killer{left: math.MaxInt}
	if kill > 0 {
		out.left = kill
	}
	e := &engine.Engine{
		Source: s, Voice: s.proto.voice(), Out: out, Log: slog.New(slog.DiscardHandler),
		Concurrency: 3, Lookback: 5 * time.Minute,
		Now:     func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return simTime(s.now) },
		Deletes: s.deletes, StartDate: s.start, ReadAs: s.readAs, Proof: simProof,
	}
	ctx, cancel := context.WithCancelCause(s.t.Context())
	defer cancel(nil)
	s.mu.Lock()
	s.stop = cancel
	s.mu.Unlock()
	sum, err := e.Sync(ctx, []*tap.Query{q}, state)
	s.out, s.report = out.String(), sum.Streams[0]
	for line := range strings.Lines(out.String()) {
		if !strings.HasSuffix(line, "\n") {
			break // cut by the kill
		}
		id, updated, st := s.proto.take([]byte(line))
		switch {
		case id != "" && strings.Contains(line, "deleted_at"):
			s.told[id] = true
		case id != "":
			s.loaded[id] = updated
			delete(s.told, id)
		}
		if st != nil {
			s.state = st
		}
	}
	if kill == 0 && s.stopAt == 0 {
		require.NoError(s.t, err)
		require.NoError(s.t, sum.Streams[0].Err)
	}
	return sum.Streams[0].Status == tap.Complete
}

// check asserts that each row was loaded, at least as new as it was at a time.
func (s *simulation) check(rows map[int64]int64, what string) {
	for id, updated := range rows {
		have, ok := s.loaded[fmt.Sprint(id)]
		if !assert.True(s.t, ok, "%s: row %d was lost", what, id) {
			continue
		}
		at, err := tap.ParseTime(have)
		require.NoError(s.t, err)
		assert.GreaterOrEqual(s.t, simMS(at), updated, "%s: row %d came out with old values", what,
			id)
	}
}

// living returns the existing rows, and when each last changed.
func (s *simulator) living(settled bool) map[int64]int64 {
	rows := map[int64]int64{}
	for _, r := range s.rows {
		if v := s.visible(r); v != nil && (!settled || v == r) {
			rows[v.id] = v.updated
		}
	}
	return rows
}

// firstSeed is the seed of the first list: TAP_GREENHOUSE_SEED, so that each commit is tried on
// other lists.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("TAP_GREENHOUSE_SEED")
	if text == "" {
		return 0
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "TAP_GREENHOUSE_SEED")
	return seed
}

func simulate(t *testing.T, each func(t *testing.T, s *simulation, random *rand.Rand)) {
	first := firstSeed(t)
	for _, passes := range []int{1, 2} {
		stream := simStream(t, passes)
		for name, proto := range protocols(stream) {
			t.Run(fmt.Sprintf("%s, %d passes", name, passes), func(t *testing.T) {
				t.Parallel()
				for n := range long.Or(2, 25) {
					seed := first + uint64(n)
					random := rand.New(rand.NewPCG(seed, 3))
					s := &simulation{
						simulator: newSimulator(seed, 450+random.IntN(900),
							passes), t: t, stream: stream, proto: proto, loaded: map[string]string{},
						told: map[string]bool{},
					}
					each(t, s, random)
					if t.Failed() {
						t.Fatalf("TAP_GREENHOUSE_SEED=%d", seed)
					}
				}
			})
		}
	}
}

// Incremental reads are killed anywhere, while everything changes: after a run completes and
// nothing is late, every row is loaded as it is now.
func TestKilledIncrementalReadsLoseNothing(t *testing.T) {
	simulate(t, func(_ *testing.T, s *simulation, random *rand.Rand) {
		for range random.IntN(8) {
			s.run(1 + random.IntN(90_000))
		}
		s.run(0)
		s.quiet = true
		s.now += s.late
		s.run(0)
		s.check(s.living(false), "after a quiet run")
		s.now += 3600 * 1000
		s.run(0)
		reads := s.reads
		s.run(0)
		assert.Equal(s.t, s.passes, s.reads-reads, "a run with nothing new costs a request a pass")
	})
}

// A full table that is cut into pieces, and continues after kills, is complete and fresh: every row
// is as new as when its last run began.
func TestFullTablesAreWholeAndFresh(t *testing.T) {
	simulate(t, func(_ *testing.T, s *simulation, random *rand.Rand) {
		s.full = true
		for range random.IntN(4) {
			if s.run(1 + random.IntN(90_000)) {
				// it was complete: the next read is a new one
				s.loaded, s.state = map[string]string{}, nil
			}
		}
		began, at := s.living(true), s.now
		s.run(0)
		for _, r := range s.rows {
			if r.gone || s.visible(r) == nil || s.passes > 1 && r.switched > at {
				// deleted meanwhile, or switched pass, which only the next read is sure to show
				delete(began, r.id)
			}
		}
		s.check(began, "a full table")
	})
}

// Runs that end after a few pages make progress: eventually everything is read.
func TestShortRunsMakeProgress(t *testing.T) {
	stream := simStream(t, 1)
	proto := protocols(stream)["singer"]
	s := &simulation{
		simulator: newSimulator(1, 900, 1), t: t, stream: stream, proto: proto,
		loaded: map[string]string{}, told: map[string]bool{},
	}
	s.quiet = true
	for n := range 400 {
		s.stopAt = s.reads + 5
		if s.run(0) {
			s.check(s.living(false), fmt.Sprintf("after %d runs", n+1))
			return
		}
	}
	assert.Fail(t, "400 runs of five pages each never got through")
}

// ledgers is a store that can be lost or set back.
type ledgers struct {
	mu     *sync.Mutex // two runs may use it at once
	files  map[string][]byte
	logs   map[string]map[string][]byte // by stream and run
	before []ledgers
	calls  int
	loads  int
	slow   bool // each call costs a request
	parts  int  // appended
}

func newLedgers() *ledgers {
	return &ledgers{mu: &sync.Mutex{}, files: map[string][]byte{}, logs: map[string]map[string][]byte{}}
}

func (l *ledgers) Load(_ context.Context, stream string) ([]byte, []gone.Log, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loads++
	log := gone.Log{Changed: time.Now(), Parts: 1}
	if l.loads%3 == 0 {
		log.Parts = 1000 // it becomes part of the file
	}
	var logs []gone.Log
	for run, data := range l.logs[stream] {
		log.Run, log.Data = run, bytes.Clone(data)
		logs = append(logs, log)
	}
	return bytes.Clone(l.files[stream]), logs, nil
}

func (l *ledgers) Append(_ context.Context, stream, run string, _ uint64, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep()
	if l.logs[stream] == nil {
		l.logs[stream] = map[string][]byte{}
	}
	l.logs[stream][run] = append(l.logs[stream][run], data...)
	l.parts++
	return nil
}

func (l *ledgers) Replace(_ context.Context, stream string, file []byte, old []gone.Log) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep()
	l.files[stream] = bytes.Clone(file)
	for _, log := range old {
		delete(l.logs[stream], log.Run)
	}
	return nil
}

func (*ledgers) Name(stream string) string { return stream }
func (l *ledgers) Slow() bool              { return l.slow }

// keep remembers the store as it is now, at times.
func (l *ledgers) keep() {
	if l.calls++; l.calls%7 == 1 {
		l.before = append(l.before, ledgers{files: maps.Clone(l.files), logs: l.copyLogs()})
	}
}

func (l *ledgers) copyLogs() map[string]map[string][]byte {
	logs := map[string]map[string][]byte{}
	for stream, of := range l.logs {
		logs[stream] = map[string][]byte{}
		for run, data := range of {
			logs[stream][run] = bytes.Clone(data)
		}
	}
	return logs
}

// lose empties the store.
func (l *ledgers) lose() { l.files, l.logs = map[string][]byte{}, map[string]map[string][]byte{} }

// setBack makes the store as it was at some time.
func (l *ledgers) setBack(random *rand.Rand) {
	if n := len(l.before); n > 0 {
		old := l.before[random.IntN(n)]
		l.files, l.logs = maps.Clone(old.files), old.copyLogs()
	}
}

// With deletes, whatever changes, is late or killed, and with a ledger that is lost or reset: no
// living row is reported as gone, and after a sweep completes, every row that was loaded and
// deleted has been reported, unless the ledger forgot it.
func TestDeletedRowsAreReportedAndLivingOnesNever(t *testing.T) {
	simulate(t, func(_ *testing.T, s *simulation, random *rand.Rand) {
		ledger := newLedgers()
		s.deletes = &engine.Deletes{Store: ledger, Every: time.Minute, MaxShare: 1}
		if random.IntN(3) == 0 {
			s.rows = s.rows[:3+random.IntN(5)] // a list of one page
			s.perPage = 10
		}
		forgot := false
		check := func() {
			s.check(nil, "")
			for id := range s.told {
				for _, r := range s.rows {
					if fmt.Sprint(r.id) == id {
						assert.True(s.t, r.gone, "row %s lives and was told as gone", id)
					}
				}
			}
		}
		for range random.IntN(8) {
			s.run(1 + random.IntN(120_000))
			check()
			switch random.IntN(12) {
			case 0:
				ledger.lose()
				forgot = true
			case 1:
				ledger.setBack(random)
				forgot = true
			}
		}
		s.run(0)
		check()
		s.quiet = true
		s.now += 3600 * 1000
		s.run(0)
		s.now += 3600 * 1000
		s.run(0)
		check()
		s.check(s.living(false), "with deletes")
		if forgot {
			return
		}
		for _, r := range s.rows {
			if _, loaded := s.loaded[fmt.Sprint(r.id)]; r.gone && loaded {
				assert.True(s.t, s.told[fmt.Sprint(r.id)], "row %d is gone, and nobody was told",
					r.id)
			}
		}
	})
}
