package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
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
	fmt.Fprintln(w, "ACCOUNT\tFRESH\tRUNS\tROWS\tREQUESTS\tNEXT RUN\tLAST OUTCOME")
	stopped := 0
	for _, a := range accounts {
		fresh, next := "never", "now"
		if !a.fresh.IsZero() {
			fresh = now.Sub(a.fresh).Round(time.Second).String() + " ago"
		}
		if a.next.After(now) {
			next = "in " + a.next.Sub(now).Round(time.Second).String()
		}
		if a.stopped != "" {
			next = "stopped"
			stopped++
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%.90s\n", a.name, fresh, a.runs, a.records,
			a.requests, next, a.outcome)
	}
	fmt.Fprintf(w, "\naccounts: %d, of which %d stopped for a person to look at\n", len(accounts),
		stopped)
	return w.Flush()
}

// stats are the metrics of a worker, and of the accounts in the database.
type stats struct {
	db       *store
	runs     *prometheus.CounterVec
	records  prometheus.Counter
	requests prometheus.Counter
	limited  prometheus.Counter
	accounts *prometheus.Desc
	oldest   *prometheus.Desc
	due      *prometheus.Desc
}

func newStats(db *store) *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &stats{
		db: db,
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fleet_runs_total",
			Help: "Runs of this worker, by exit code.",
		}, []string{"code"}),
		records:  counter("fleet_records_total", "Records that this worker read."),
		requests: counter("fleet_requests_total", "Requests to lists that this worker made."),
		limited:  counter("fleet_limited_total", "Answers with 429."),
		accounts: prometheus.NewDesc("fleet_accounts",
			"Accounts, by whether they are read or stopped for a person to look at.",
			[]string{"status"}, nil),
		oldest: prometheus.NewDesc("fleet_oldest_seconds",
			"How long ago the last complete run of the stalest account began, stopped ones and new ones left out.", nil, nil),
		due: prometheus.NewDesc("fleet_due", "Accounts that are due and not being read.", nil, nil),
	}
}

// ran counts a run; result is nil if it did not start.
func (s *stats) ran(result *tap.Account, code int) {
	s.runs.WithLabelValues(strconv.Itoa(code)).Inc()
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
	d <- s.accounts
	d <- s.oldest
	d <- s.due
}

// Collect queries the database once per scrape.
func (s *stats) Collect(m chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all, stopped, due, oldest int64
	now := time.Now().UnixMilli()
	err := s.db.QueryRowContext(ctx, s.db.q(`select count(*), coalesce(sum(case when stopped <> '' then 1 else 0 end), 0),
		coalesce(sum(case when stopped = '' and holder = '' and next <= $1 then 1 else 0 end), 0),
		coalesce(min(case when stopped = '' and fresh > 0 then fresh end), $2) from accounts`), now, now).Scan(&all, &stopped, &due, &oldest)
	if err != nil {
		m <- prometheus.NewInvalidMetric(s.accounts, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		m <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(s.accounts, float64(all-stopped), "read")
	gauge(s.accounts, float64(stopped), "stopped")
	gauge(s.due, float64(due))
	gauge(s.oldest, float64(now-oldest)/1000)
}

// serve serves Prometheus metrics at /metrics.
func (s *stats) serve(addr string) (stop func(), err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(s, s.runs, s.records, s.requests, s.limited)
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
