package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// keptRuns is how long runs are kept.
const keptRuns = 30 * 24 * time.Hour

// conclude stores the end of a run and what follows from it, and gives the lease up.
func (s *store) conclude(ctx context.Context, l *lease, worker string, e *ending) error {
	a := e.account
	d := decide(time.Now(), a.every, a.failures, e.outcome)
	failed, fresh, stopped := a.failures+1, a.fresh, ""
	if e.outcome.code == 0 {
		failed = 0
		if e.outcome.complete {
			fresh = e.began
		}
	}
	if d.again {
		failed, d.next = a.failures, time.Now()
	}
	if d.stop {
		stopped = e.words
	}
	var records, requests int64
	if e.result != nil {
		requests = e.result.Requests.Lists
		for _, stream := range e.result.Streams {
			records += int64(stream.Records)
		}
	}
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	exec := func(statement string, args ...any) (int64, error) {
		done, err := tx.ExecContext(ctx, s.q(statement), args...)
		if err != nil {
			return 0, err
		}
		return done.RowsAffected()
	}
	if _, err := exec(`insert into runs (lease, account, worker, began, ended, code, outcome, failed, loader, records, requests)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (lease) do nothing`,
		l.word, a.name, worker, milliseconds(e.began), time.Now().UnixMilli(), e.outcome.code,
		e.kind+": "+e.words, failures(e.result), e.said.String(), records, requests); err != nil {
		return err
	}
	if _, err := exec(`delete from runs where account = $1 and began < $2`, a.name,
		time.Now().Add(-keptRuns).UnixMilli()); err != nil {
		return err
	}
	n, err := exec(`update accounts set outcome = $1, failures = $2, fresh = $3, ended = $4, next = $5,
		stopped = $6, records = records + $7, requests = requests + $8, runs = runs + 1, queued = 0,
		lease = '' where name = $9 and lease = $10`,
		e.words, failed, milliseconds(fresh), time.Now().UnixMilli(), milliseconds(d.next), stopped,
		records, requests, a.name, l.word)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if n == 0 {
		return errTaken
	}
	return nil
}

// showRuns prints the last runs of an account, the latest first.
func showRuns(ctx context.Context, db *store, name string, out io.Writer) error {
	if _, err := db.account(ctx, name); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, db.q(`select began, ended, code, records, requests, outcome,
		failed, loader from runs where account = $1 order by began desc limit 20`), name)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var began, ended, code, records, requests int64
		var outcome, failed, loader string
		if err := rows.Scan(&began, &ended, &code, &records, &requests, &outcome, &failed,
			&loader); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  %s  code %d, %d rows, %d requests\n  %s\n",
			moment(began).UTC().Format(time.RFC3339),
			(time.Duration(ended-began) * time.Millisecond).Round(time.Millisecond),
			code, records, requests, outcome)
		indented(out, "failed ", failed)
		if code != 0 {
			indented(out, "loader ", lastLines(loader, 5))
		}
	}
	return rows.Err()
}

func indented(out io.Writer, label, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(out, "  %s%s\n", label, strings.TrimRight(line, "\n"))
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// show prints what is known of an account, without secrets.
func show(ctx context.Context, db *store, name string, out io.Writer, now time.Time) error {
	a, err := db.account(ctx, name)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", label, fmt.Sprintf(format, args...))
	}
	line("account", "%s", a.name)
	line("status", "%s", a.status(now))
	if a.stopped != "" {
		line("stopped", "%s", a.stopped)
	}
	line("read every", "%s", a.every)
	line("fresh", "%s", ago(a.fresh, now))
	line("next run", "%s", a.when(now))
	line("runs", "%d; failed since the last good one: %d", a.runs, a.failures)
	line("rows, requests", "%d, %d", a.records, a.requests)
	line("state", "%d bytes", len(a.state))
	line("last outcome", "%s", a.outcome)
	_, _, err = db.keys.unseal(a.name, a.sealed)
	if err != nil {
		line("config", "%s", err)
	}
	return errors.Join(w.Flush())
}

// status says in a word what is done with an account.
func (a *account) status(now time.Time) string {
	switch {
	case a.stopped != "":
		return "stopped"
	case a.paused:
		return "paused"
	case a.lease != "" && a.leaseEnds.After(now):
		return "being read"
	case a.failures > 0:
		return "failing"
	}
	return "active"
}

// when says when an account is read next.
func (a *account) when(now time.Time) string {
	switch s := a.status(now); {
	case s == "stopped", s == "paused":
		return s
	case s == "being read":
		return "now"
	case a.next.After(now):
		return "in " + a.next.Sub(now).Round(time.Second).String()
	default:
		return "due for " + now.Sub(a.next).Round(time.Second).String()
	}
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return now.Sub(t).Round(time.Second).String() + " ago"
}
