package main

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The simulated fleet: ten thousand accounts that are added within the first hour, and read every
// 15 minutes. The workers' rule decides when an account is due; only the runs are made up.
const (
	simulated  = 10_000
	simEvery   = 15 * time.Minute
	simDay     = 24 * time.Hour
	simTakeOn  = time.Hour
	simMaxRun  = 2 * time.Minute
	simSample  = 5 * time.Minute
	statements = 22 // per run, counted on SQLite: River's own, the row, three states
)

var simSlots = []int{240, 300, 600}

// simulatedAccount is an account of which only the runs' lengths and ends matter.
type simulatedAccount struct {
	firstLoad time.Duration // the rest of it
	took      time.Duration // duration of a run with little news
	bad       float64       // probability that a run fails
	failures  int
	fresh     time.Time // when the last complete run began
}

// makeAccounts makes the kinds of accounts. With the usual limit of 50 requests in 30 s, a run over
// all lists waits for a second window; with refresh_every for lists that seldom change, it does
// not. First loads take from seconds to hours.
func makeAccounts(random *rand.Rand) []*simulatedAccount {
	accounts := make([]*simulatedAccount, simulated)
	for i := range accounts {
		a := &simulatedAccount{took: 32 * time.Second, bad: 0.005}
		if random.Float64() < 0.4 {
			a.took = 4 * time.Second
		}
		a.took += time.Duration(random.ExpFloat64() * float64(3*time.Second))
		a.firstLoad = time.Duration(math.Exp(random.NormFloat64()*1.6) * float64(90*time.Second))
		if random.Float64() < 0.01 {
			a.bad = 0.5
		}
		accounts[i] = a
	}
	return accounts
}

// event is when an account becomes due, or its run ends.
type event struct {
	at      time.Time
	account int
	run     *outcome // how the run ended; nil for an account that becomes due
	began   time.Time
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// sample describes the fleet at one moment.
type sample struct {
	Hours      float64 `json:"hours"`
	Worst      float64 `json:"worst"`      // minutes since the last complete run began, of 99% of accounts
	Queue      int     `json:"queue"`      // accounts that are due and wait for a slot
	Statements float64 `json:"statements"` // to the database, each second
}

// day simulates a day with a number of slots.
func day(slots int, seed uint64) []sample {
	random := rand.New(rand.NewPCG(seed, 0))
	accounts := makeAccounts(random)
	start := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	var soon events
	for i := range accounts {
		heap.Push(&soon, event{
			at:      start.Add(time.Duration(random.Int64N(int64(simTakeOn)))),
			account: i,
		})
	}
	var waiting []int
	var samples []sample
	free, runs := slots, 0
	next := start.Add(simSample)
	for now := start; len(soon) > 0 && now.Before(start.Add(simDay)); {
		for free > 0 && len(waiting) > 0 {
			i := waiting[0]
			waiting = waiting[1:]
			free--
			a := accounts[i]
			took, o := a.took, outcome{complete: true}
			if a.firstLoad > 0 {
				part := min(a.firstLoad, simMaxRun)
				a.firstLoad -= part
				took, o.complete = a.took+part, a.firstLoad == 0
			}
			if random.Float64() < a.bad {
				o.code = 1
			}
			runs++
			heap.Push(&soon, event{at: now.Add(took), account: i, run: &o, began: now})
		}
		e := heap.Pop(&soon).(event)
		for !e.at.Before(next) {
			samples = append(samples, look(accounts, next, start, len(waiting), runs))
			runs = 0
			next = next.Add(simSample)
		}
		now = e.at
		if e.run == nil {
			waiting = append(waiting, e.account)
			continue
		}
		free++
		a := accounts[e.account]
		d := decide(now, simEvery, a.failures, *e.run)
		a.failures++
		if e.run.code == 0 {
			a.failures = 0
			if e.run.complete {
				a.fresh = e.began
			}
		}
		heap.Push(&soon, event{at: d.next, account: e.account})
	}
	return samples
}

func look(accounts []*simulatedAccount, now, start time.Time, waiting, runs int) sample {
	var ages []time.Duration
	for _, a := range accounts {
		if !a.fresh.IsZero() {
			ages = append(ages, now.Sub(a.fresh))
		}
	}
	slices.Sort(ages)
	s := sample{
		Hours: now.Sub(start).Hours(), Queue: waiting,
		Statements: float64(runs*statements) / simSample.Seconds(),
	}
	if n := len(ages); n > 0 {
		s.Worst = ages[n*99/100].Minutes()
	}
	return s
}

// BenchmarkDay simulates a day with each number of slots. FLEET_DAY names a file for the samples, of
// which bench/fleet_plot.py draws docs/fleet.svg.
func BenchmarkDay(b *testing.B) {
	found := map[int][]sample{}
	for _, slots := range simSlots {
		b.Run(fmt.Sprintf("slots=%d", slots), func(b *testing.B) {
			for b.Loop() {
				found[slots] = day(slots, 1)
			}
			end := found[slots][len(found[slots])-1]
			b.ReportMetric(end.Worst, "minutes-old-at-the-end")
			b.ReportMetric(float64(end.Queue), "due-at-the-end")
			b.ReportMetric(end.Statements, "statements/s")
		})
	}
	if file := os.Getenv("FLEET_DAY"); file != "" {
		data, err := json.Marshal(found)
		require.NoError(b, err)
		require.NoError(b, os.WriteFile(file, data, 0o600))
	}
}

// With the rule of the workers, ten thousand accounts need 300 slots: with fewer, accounts wait for
// ever; with more, the first loads are over sooner.
func TestTenThousandAccountsNeedThreeHundredSlots(t *testing.T) {
	emptied := map[int]float64{}
	for _, slots := range simSlots {
		emptied[slots] = math.Inf(1)
		for _, s := range day(slots, 1) {
			if s.Hours > simTakeOn.Hours() && s.Queue == 0 {
				emptied[slots] = s.Hours
				break
			}
		}
	}
	assert.True(t, math.IsInf(emptied[240], 1), "240 slots are too few")
	assert.InDelta(t, 7, emptied[300], 2)
	assert.InDelta(t, 2, emptied[600], 1)
}
