package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// table prints what an operator asks first: how fresh each account is, what went wrong, and what is
// next.
func table(ctx context.Context, db *store, out io.Writer, now time.Time) error {
	accounts, err := db.accounts(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACCOUNT\tFRESH\tRUNS\tFAILED\tROWS\tREQUESTS\tNEXT RUN\tLAST OUTCOME")
	counts := map[string]int{}
	for _, a := range accounts {
		counts[a.status(now)]++
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%.90s\n", a.name, ago(a.fresh, now), a.runs,
			a.failures, a.records, a.requests, a.when(now), a.outcome)
	}
	fmt.Fprintf(w, "\naccounts: %d, of which %d stopped for a person to look at, %d paused, %d failing\n",
		len(accounts), counts["stopped"], counts["paused"], counts["failing"])
	return w.Flush()
}

// stats are the metrics of a worker, and of the accounts in the database.
type stats struct {
	db       *store
	ended    *prometheus.CounterVec
	records  prometheus.Counter
	requests prometheus.Counter
	limited  prometheus.Counter
	up       *prometheus.Desc
	accounts *prometheus.Desc
	oldest   *prometheus.Desc
	due      *prometheus.Desc
	overdue  *prometheus.Desc
}

func newStats(db *store) *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &stats{
		db: db,
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fleet_ended_total",
			Help: "Ends of this worker's runs: complete, continued, failed, stopped, too long, handed back, lost, taken, database, not stored.",
		}, []string{"end"}),
		records:  counter("fleet_records_total", "Records that this worker read."),
		requests: counter("fleet_requests_total", "Requests to lists that this worker made."),
		limited:  counter("fleet_limited_total", "Answers with 429."),
		up:       desc("fleet_database_up", "Whether the database answers."),
		accounts: desc("fleet_accounts",
			"Accounts: active, failing (their last run failed), paused, and stopped for a person to look at.",
			"status"),
		oldest: desc("fleet_oldest_seconds",
			"How long ago the last complete run of the stalest account began, or it was added; paused and stopped ones left out."),
		due: desc("fleet_due", "Accounts that are due and not being read."),
		overdue: desc("fleet_overdue_seconds",
			"How long the account has been due that waits longest."),
	}
}

// ran counts a run; result is nil if it did not start.
func (s *stats) ran(result *tap.Report, end string) {
	s.ended.WithLabelValues(end).Inc()
	if result == nil {
		return
	}
	s.requests.Add(float64(result.Requests.Lists))
	s.limited.Add(float64(result.Requests.Limited))
	for _, stream := range result.Streams {
		s.records.Add(float64(stream.Records))
	}
}

// Describe implements prometheus.Collector.
func (s *stats) Describe(d chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.up, s.accounts, s.oldest, s.due, s.overdue} {
		d <- desc
	}
}

// Collect queries the database once per scrape.
func (s *stats) Collect(m chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		m <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	const active = `stopped = '' and paused = 0`
	const waiting = isDue + ` and ` + isFree
	var all, stopped, paused, failing, due, oldest, overdue int64
	err := s.db.QueryRowContext(ctx, s.db.q(`select count(*),
		coalesce(sum(case when stopped <> '' then 1 else 0 end), 0),
		coalesce(sum(case when stopped = '' and paused <> 0 then 1 else 0 end), 0),
		coalesce(sum(case when `+active+` and failures > 0 then 1 else 0 end), 0),
		coalesce(sum(case when `+waiting+` then 1 else 0 end), 0),
		coalesce(max(case when `+active+` then {now} - (case when fresh > 0 then fresh else added end) end), 0),
		coalesce(max(case when `+waiting+` then {now} - next end), 0) from accounts`)).
		Scan(&all, &stopped, &paused, &failing, &due, &oldest, &overdue)
	if err != nil {
		gauge(s.up, 0)
		return
	}
	gauge(s.up, 1)
	gauge(s.accounts, float64(all-stopped-paused-failing), "active")
	gauge(s.accounts, float64(failing), "failing")
	gauge(s.accounts, float64(paused), "paused")
	gauge(s.accounts, float64(stopped), "stopped")
	gauge(s.due, float64(due))
	gauge(s.oldest, float64(oldest)/1000)
	gauge(s.overdue, float64(overdue)/1000)
}

// serve serves Prometheus metrics at /metrics.
func (s *stats) serve(addr string) (stop func(), err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(s, s.ended, s.records, s.requests, s.limited)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // it ends with stop
	return func() { _ = server.Close() }, nil
}
