package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
)

// warehouse is what a loader has stored. It stores a prefix of what a run writes, and its state is
// the last one in that prefix. It is both kinds of loaders at once: rows that were reported as gone
// are dead, and ACTIVATE_VERSION removes what has a lower version, or none.
type warehouse struct {
	rows  map[string]stored
	state []byte
}

type stored struct {
	updated string
	version int64
	dead    bool
}

// store takes the lines of a run up to a byte.
func (w *warehouse) store(s *simulation, out string, upTo int) {
	for line := range strings.Lines(out[:min(len(out), upTo)]) {
		if !strings.HasSuffix(line, "\n") {
			return
		}
		var m struct {
			Type    string
			Version int64
		}
		if json.Unmarshal([]byte(line), &m) != nil {
			continue
		}
		if m.Type == "ACTIVATE_VERSION" {
			w.activate(s, m.Version)
		}
		id, updated, state := s.proto.take([]byte(line))
		switch {
		case id != "" && strings.Contains(line, "deleted_at"):
			w.rows[id] = stored{version: m.Version, dead: true}
			assert.True(s.t, s.absent(id), "row %s exists, and is reported as gone", id)
		case id != "":
			w.rows[id] = stored{updated: updated, version: m.Version}
		}
		if state != nil {
			w.state = state
		}
	}
}

func (w *warehouse) activate(s *simulation, version int64) {
	for id, row := range w.rows {
		if row.version < version {
			assert.True(s.t, row.dead, "row %s goes, and was not reported as gone", id)
			delete(w.rows, id)
		}
	}
}

// living returns the rows that are not dead.
func (w *warehouse) living() map[string]string {
	rows := map[string]string{}
	for id, row := range w.rows {
		if !row.dead {
			rows[id] = row.updated
		}
	}
	return rows
}

// absent reports whether the API shows a row to nobody.
func (s *simulator) absent(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if fmt.Sprint(r.id) == id {
			return r.gone || s.visible(r) == nil
		}
	}
	return true
}

// hide hides rows, as a permission that is lost does, or shows them again. Neither moves
// updated_at.
func (s *simulator) hide(random *rand.Rand, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range rows {
		r := s.rows[random.IntN(len(s.rows))]
		r.hidden = !r.hidden
	}
}

func (s *simulator) showAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		r.hidden = false
	}
}

// fortune is a series of events around a stream and its warehouse.
type fortune struct {
	*simulation
	random *rand.Rand
	ledger *ledgers
	w      *warehouse
	runs   int
	// forgot means that rows were stored which no ledger knows: those of them that are deleted
	// stay.
	forgot bool
}

// sync makes a run from the warehouse's state, and returns how many bytes of its output the loader
// stores.
func (f *fortune) sync() (out string, upTo int, whole bool) {
	kill := 1 + f.random.IntN(120_000)
	if f.random.IntN(2) == 0 {
		kill = math.MaxInt // it is not killed
	}
	if f.random.IntN(3) == 0 { // it is stopped, maybe in the middle of a listing
		f.stopAfter(1 + f.random.IntN(400))
	}
	f.begin()
	f.run(kill)
	stopped := f.stopped()
	if until := f.report.VerifiedUntil; !until.IsZero() {
		assert.Contains(f.t, f.out, until.Format(time.RFC3339Nano), "the state says so, too")
	}
	upTo = len(f.out)
	switch f.random.IntN(4) { // the loader dies first, often near the end
	case 0:
		upTo = f.random.IntN(len(f.out) + 1)
	case 1, 2:
		upTo -= f.random.IntN(min(len(f.out), 1500) + 1)
	}
	return f.out, upTo, kill == math.MaxInt && !stopped && upTo == len(f.out)
}

func (f *fortune) begin() {
	f.runs++
	f.state = f.w.state
	if f.deletes != nil {
		f.deletes.Nonce = fmt.Sprint(f.runs)
	}
}

// round is a run, or two of them at once, whose outputs the loaders store in some order.
func (f *fortune) round() {
	switch f.random.IntN(8) {
	case 0: // one after the other, from the same state
		first, n, _ := f.sync()
		second, m, _ := f.sync()
		f.w.store(f.simulation, first, n)
		f.w.store(f.simulation, second, m)
	case 1: // one within the other
		var inner string
		var n int
		f.pauseAt = f.reads + 1 + f.random.IntN(60)
		f.pause = func() { inner, n, _ = f.inner() }
		outer, m, _ := f.sync()
		f.pauseAt = 0
		if f.random.IntN(2) == 0 {
			f.w.store(f.simulation, inner, n)
			f.w.store(f.simulation, outer, m)
			return
		}
		f.w.store(f.simulation, outer, m)
		f.w.store(f.simulation, inner, n)
	default:
		out, upTo, whole := f.sync()
		f.w.store(f.simulation, out, upTo)
		if whole && !f.report.VerifiedUntil.IsZero() {
			f.checkVerified(f.report.VerifiedUntil)
		}
	}
}

// inner makes a run while another one waits for its page.
func (f *fortune) inner() (string, int, bool) {
	f.mu.Lock()
	own, stop := f.simulation, f.stop
	f.mu.Unlock()
	copied := *own
	if own.deletes != nil {
		deletes := *own.deletes
		copied.deletes = &deletes
	}
	f.simulation = &copied
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.simulation, f.stop = own, stop
	}()
	return f.sync()
}

// checkVerified asserts that rows that did not change since a time are in the warehouse, and rows
// that were gone by then are not.
func (f *fortune) checkVerified(until time.Time) {
	have := f.w.living()
	for _, r := range f.rows {
		if r.gone && r.seen <= simMS(until) && !f.forgot {
			assert.NotContains(f.t, have, fmt.Sprint(r.id), "row %d is gone, and is verified", r.id)
		}
		if v := f.visible(r); v == nil || v != r || r.hidden || r.updated > simMS(until) ||
			r.seen > simMS(until) || r.updated < simMS(f.start) || r.switched > simMS(until) {
			continue
		}
		assert.Equal(f.t, tap.FormatTime(simTime(r.updated)), have[fmt.Sprint(r.id)],
			"row %d is verified", r.id)
	}
}

// happens makes one of the things that happen between runs.
func (f *fortune) happens() {
	f.hide(f.random, f.random.IntN(6))
	switch f.random.IntN(24) {
	case 0:
		f.ledger.lose()
		f.forgot = true
	case 1:
		f.ledger.setBack(f.random)
		f.forgot = true
	case 2:
		f.w.state = nil
	case 3:
		f.start = simTime(f.random.Int64N(f.now))
	case 4:
		f.start = time.Time{}
	case 5: // another credential: nobody knows what became of rows that it does not see
		f.readAs = fmt.Sprint(f.random.IntN(2))
		f.forgot = true
	case 6: // a run without deletes; one without a state would be a table of another origin
		if f.w.state == nil {
			return
		}
		deletes := f.deletes
		f.deletes = nil
		f.round()
		f.deletes = deletes
		f.forgot = true
	case 7:
		f.w.state = f.edited()
	}
}

// edited is the state with a bookmark that somebody moved forward.
func (f *fortune) edited() []byte {
	at := tap.FormatTime(simTime(f.now))
	for _, key := range []string{`"replication_key_value":"`, `"updated_at":"`} {
		before, rest, ok := strings.Cut(string(f.w.state), key)
		if ok {
			_, rest, _ = strings.Cut(rest, `"`)
			return []byte(before + key + at + `"` + rest)
		}
	}
	return f.w.state
}

// Whatever changes, is deleted, hidden and shown again without a trace, is late or killed on either
// side, with states and ledgers that are lost, set back or edited, with two runs at once, another
// credential, another start date, and deletes turned off and on: no row that exists is reported as
// gone or removed, a stream is only called verified if it is, and a last quiet run leaves exactly
// the rows that exist in the warehouse, as they are.
func TestTheWarehouseIsProvenRight(t *testing.T) {
	simulate(t, func(_ *testing.T, s *simulation, random *rand.Rand) {
		f := &fortune{
			simulation: s, random: random, ledger: newLedgers(),
			w: &warehouse{rows: map[string]stored{}},
		}
		s.deletes = &engine.Deletes{Store: f.ledger, Every: time.Minute, MaxShare: 1}
		if random.IntN(3) == 0 {
			s.rows = s.rows[:3+random.IntN(5)] // a list of one page
			s.perPage = 10
		}
		for range random.IntN(12) {
			f.round()
			f.happens()
			if t.Failed() {
				return
			}
		}
		f.settle()
	})
}

// settle makes quiet runs, and checks what they leave.
func (f *fortune) settle() {
	f.showAll()
	f.quiet = true
	for range 3 {
		f.now += 3600 * 1000
		f.begin()
		f.run(0)
		f.w.store(f.simulation, f.out, len(f.out))
	}
	assert.False(f.t, f.report.VerifiedUntil.IsZero(), "the list is verified")
	have := f.w.living()
	sum, rows := int64(0), 0
	for id, updated := range f.living(false) {
		if _, ok := have[fmt.Sprint(id)]; ok || updated >= simMS(f.start) {
			assert.Equal(f.t, tap.FormatTime(simTime(updated)), have[fmt.Sprint(id)],
				"row %d is in the warehouse as it is", id)
			sum, rows = sum+id, rows+1
		}
	}
	if f.forgot {
		return // rows that were deleted before then stay
	}
	assert.Equal(f.t, rows, len(have), "no dead row is left")
	assert.Equal(f.t, rows, *f.report.VerifiedRows)
	assert.Equal(f.t, fmt.Sprint(sum), f.report.VerifiedSum)
	if newest := f.report.VerifiedNewest; rows > 0 {
		assert.Equal(f.t, slices.Max(slices.Collect(maps.Values(have))), tap.FormatTime(newest))
	}
}

// A stream is not called verified if the state that says so could not be written.
func TestAStreamIsVerifiedOnceTheStateSaysSo(t *testing.T) {
	stream := simStream(t, 1)
	verified := func(kill int) (bool, int) {
		s := &simulation{
			simulator: newSimulator(1, 4, 1), t: t, stream: stream,
			proto: protocols(stream)["singer"], loaded: map[string]string{},
			told: map[string]bool{},
		}
		s.deletes = &engine.Deletes{Store: newLedgers(), Every: time.Hour, MaxShare: 1}
		s.quiet = true
		s.run(kill)
		return !s.report.VerifiedUntil.IsZero(), len(s.out)
	}
	is, length := verified(0)
	assert.True(t, is)
	is, _ = verified(length - 20)
	assert.False(t, is)
}

// In a store where each call costs a request, a ledger grows by one part for a state, or for twenty
// pages of a listing, and by one if the list outgrows a page.
func TestLedgersCostOneRequestAState(t *testing.T) {
	simulate(t, func(_ *testing.T, s *simulation, random *rand.Rand) {
		ledger := newLedgers()
		ledger.slow = true
		s.deletes = &engine.Deletes{Store: ledger, Every: time.Minute, MaxShare: 1}
		for range 4 {
			s.hide(random, 3000)
			parts := ledger.parts
			s.run(0)
			states := strings.Count(s.out, `"STATE"`)
			assert.LessOrEqual(t, ledger.parts-parts, states+s.report.Pages/20+1)
		}
	})
}
