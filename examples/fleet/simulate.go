package main

import (
	"cmp"
	"container/heap"
	"fmt"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
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

// made is a simulated account.
type made struct {
	firstLoad time.Duration // the rest of it
	took      time.Duration // duration of a run with little news
	bad       float64       // probability that a run fails
	failures  int
	fresh     time.Time // when the last complete run began
}

// makeAccounts makes the kinds of accounts. With the usual limit of 50 requests in 30 s, a run over
// all lists waits for a second window; with refresh_every for lists that seldom change, it does
// not. First loads take from seconds to hours.
func makeAccounts(random *rand.Rand) []*made {
	accounts := make([]*made, simulated)
	for i := range accounts {
		a := &made{took: 32 * time.Second, bad: 0.005}
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
	hours                float64
	median, worst        float64 // minutes since the start of an account's last complete run
	queue                int     // accounts that are due and wait for a slot
	statementsEachSecond float64
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

func look(accounts []*made, now, start time.Time, waiting, runs int) sample {
	var ages []time.Duration
	for _, a := range accounts {
		if !a.fresh.IsZero() {
			ages = append(ages, now.Sub(a.fresh))
		}
	}
	slices.Sort(ages)
	s := sample{
		hours: now.Sub(start).Hours(), queue: waiting,
		statementsEachSecond: float64(runs*statements) / simSample.Seconds(),
	}
	if n := len(ages); n > 0 {
		s.median, s.worst = ages[n/2].Minutes(), ages[n*99/100].Minutes()
	}
	return s
}

// simulate plots a day with each number of slots, and prints the results.
func simulate(file string) error {
	panels := []struct {
		title string
		of    func(sample) float64
	}{
		{
			"Minutes since the last complete run began, of 99% of accounts",
			func(s sample) float64 { return s.worst },
		},
		{"Accounts that are due and wait", func(s sample) float64 { return float64(s.queue) }},
		{
			"Statements to the database, each second",
			func(s sample) float64 { return s.statementsEachSecond },
		},
	}
	colors := []color.Color{
		color.RGBA{R: 200, G: 60, B: 50, A: 255},
		color.RGBA{R: 40, G: 110, B: 190, A: 255},
		color.RGBA{R: 40, G: 150, B: 90, A: 255},
	}
	plots := make([][]*plot.Plot, len(panels))
	for i, panel := range panels {
		p := plot.New()
		p.Title.Text, p.X.Label.Text, p.Y.Min = panel.title, "hours", 0
		p.Legend.Top = true
		p.X.Tick.Marker = plot.TickerFunc(everySixHours)
		plots[i] = []*plot.Plot{p}
	}
	fmt.Printf("%d accounts, each every %s\n\nslots  median  99%%     due at most  due at the end  statements/s\n", simulated, simEvery)
	for n, slots := range simSlots {
		samples := day(slots, 1)
		for i, panel := range panels {
			points := make(plotter.XYs, len(samples))
			for k, s := range samples {
				points[k].X, points[k].Y = s.hours, panel.of(s)
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				return err
			}
			line.Color, line.Width = colors[n], vg.Points(1.5)
			plots[i][0].Add(line)
			plots[i][0].Legend.Add(fmt.Sprintf("%d slots", slots), line)
		}
		end := samples[len(samples)-1]
		most := slices.MaxFunc(samples,
			func(a, b sample) int { return cmp.Compare(a.queue, b.queue) })
		fmt.Printf("%5d  %4.1f m  %5.1f m  %11d  %14d  %12.0f\n", slots, end.median, end.worst,
			most.queue, end.queue, end.statementsEachSecond)
	}
	canvas := vgsvg.New(9*vg.Inch, 9*vg.Inch)
	tiles := draw.Tiles{
		Rows: len(panels), Cols: 1, PadTop: 10, PadBottom: 10, PadLeft: 10,
		PadRight: 10, PadY: 16,
	}
	for i, c := range plot.Align(plots, tiles, draw.New(canvas)) {
		plots[i][0].Draw(c[0])
	}
	return writeTo(file, canvas)
}
