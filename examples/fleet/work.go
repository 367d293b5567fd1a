package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/riverqueue/river"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// readArgs is a job: try to read an account. It is only a trigger: who reads is decided by the
// account's lease, and when by its row. So a job that is lost, doubled or late does no harm.
type readArgs struct {
	Account string `json:"account"`
}

func (readArgs) Kind() string { return "read" }

func (readArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: 2, // a job whose worker died before it had a lease is rescued
	}
}

type workSettings struct {
	loader        string
	workers       int
	maxRun, flush time.Duration
	metrics       string
	lease         time.Duration // how long a lease lasts if it is not renewed
}

// timeout is how long a job may take; shortly after that, its worker is considered lost.
func (w workSettings) timeout() time.Duration {
	return w.maxRun + overtime + w.flush + patience
}

// client returns a River client, which works if workers is not nil.
func client(db *store, w workSettings, workers *river.Workers,
	log *slog.Logger,
) (*river.Client[*sql.Tx], error) {
	cfg := &river.Config{Logger: log}
	if workers != nil {
		cfg.Workers, cfg.FetchPollInterval = workers, 500*time.Millisecond
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: w.workers}}
		cfg.JobTimeout, cfg.RescueStuckJobsAfter = w.timeout(), w.timeout()+10*time.Second
	}
	return river.NewClient(db.driver, cfg)
}

// work reads accounts until the context ends, and then releases those under way.
func work(ctx context.Context, db *store, settings workSettings, log *slog.Logger) error {
	workers := river.NewWorkers()
	stats := newStats(db)
	r := &reader{db: db, settings: settings, log: log, stats: stats, worker: workerName()}
	river.AddWorker(workers, r)
	c, err := client(db, settings, workers,
		slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	if settings.metrics != "" {
		stop, err := stats.serve(settings.metrics)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := c.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	log.Info("working", "accounts at once", settings.workers)
	trigger(ctx, db, c, log)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.flush+patience)
	defer cancel()
	return c.StopAndCancel(stop)
}

func workerName() string {
	host, _ := os.Hostname()
	return host + "/" + strconv.Itoa(os.Getpid())
}

// triggerEvery is how often accounts that are due are looked for, and retrigger after how long a
// job that has done nothing is taken for lost.
const (
	triggerEvery = time.Second
	retrigger    = 10 * time.Minute
)

// trigger inserts jobs for accounts that are due, until the context ends. All workers do so; the
// accounts' rows say for which one there is a job.
func trigger(ctx context.Context, db *store, c *river.Client[*sql.Tx], log *slog.Logger) {
	for {
		if err := triggerDue(ctx, db, c); err != nil && ctx.Err() == nil {
			log.Error("looking for accounts that are due: " + err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(triggerEvery):
		}
	}
}

// triggered is how many accounts are looked at in a transaction.
const triggered = 500

func triggerDue(ctx context.Context, db *store, c *river.Client[*sql.Tx]) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	locked := db.forUpdate()
	if locked != "" {
		locked += " skip locked"
	}
	rows, err := tx.QueryContext(ctx, db.q(`select name from accounts where `+isDue+` and `+isFree+`
		and (queued = 0 or queued < {now} - $1) order by next limit $2`+locked),
		retrigger.Milliseconds(), triggered)
	if err != nil {
		return err
	}
	var jobs []river.InsertManyParams
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		jobs = append(jobs, river.InsertManyParams{Args: readArgs{name}})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(jobs) == 0 {
		return err
	}
	for _, job := range jobs {
		if _, err := tx.ExecContext(ctx, db.q(`update accounts set queued = {now} where name = $1`),
			job.Args.(readArgs).Account); err != nil {
			return err
		}
	}
	if _, err := c.InsertManyTx(ctx, tx, jobs); err != nil {
		return err
	}
	return tx.Commit()
}

// reader works the jobs.
type reader struct {
	river.WorkerDefaults[readArgs]
	db       *store
	settings workSettings
	log      *slog.Logger
	stats    *stats
	worker   string
}

// hiccup is after how long an account is tried again that could not be taken.
const hiccup = 5 * time.Second

// Work reads one account, if nobody else does and it is due. Every end is counted, logged and
// stored; the only error that River is given is to try again after a hiccup of the database.
func (r *reader) Work(ctx context.Context, job *river.Job[readArgs]) error {
	name := job.Args.Account
	l, free, err := r.db.take(ctx, name, r.settings.lease)
	switch {
	case isMissing(err):
		return nil // the account was removed
	case errors.Is(err, errNotDue):
		return nil // another job was faster
	case errors.Is(err, errTaken):
		r.stats.ended.WithLabelValues("taken").Inc()
		r.log.Warn("somebody else reads the account", "account", name, "for", free)
		return nil // the account's row says when it is due again
	case err != nil:
		r.stats.ended.WithLabelValues("database").Inc()
		r.log.Error("taking the account: "+err.Error(), "account", name)
		return river.JobSnooze(hiccup) // otherwise the account would wait until it is triggered again
	}
	e := &ending{began: time.Now(), said: &tail{}}
	err = persist(ctx, func(ctx context.Context) (err error) {
		e.account, err = r.db.account(ctx, name)
		return err
	})
	if err == nil {
		e.result, err = r.read(ctx, e.account, l, e.said)
	} else {
		e.account = &account{name: name}
	}
	e.judge(ctx, err)
	return r.conclude(ctx, l, e)
}

// ending is how a run ended.
type ending struct {
	account *account
	began   time.Time
	result  *tap.Report // nil if it did not start
	said    *tail
	outcome outcome
	kind    string // for metrics
	words   string
}

// exitHandedBack is the code of a run that ended because its worker is stopping, as by a signal.
const exitHandedBack = 143

// judge says how a run ended whose context is ctx.
func (e *ending) judge(ctx context.Context, err error) {
	e.outcome = outcome{code: greenhouse.ExitCode(err, false)}
	if e.result != nil {
		e.outcome = outcome{code: e.result.ExitCode, complete: !e.result.Overtime}
		e.words = e.result.Outcome
		if err != nil && e.outcome.code == greenhouse.ExitOK {
			e.outcome.code = greenhouse.ExitIncomplete
		}
	}
	if err != nil {
		e.words = err.Error()
	}
	switch {
	case errors.Is(err, errTaken):
		e.kind = "lost"
	case errors.Is(err, errTooLong), errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.kind, e.outcome.code = "too long", greenhouse.ExitIncomplete
	case ctx.Err() != nil:
		e.kind, e.outcome.code = "handed back", exitHandedBack
	case e.outcome.code == greenhouse.ExitOK && !e.outcome.complete:
		e.kind = "continued"
	case e.outcome.code == greenhouse.ExitOK:
		e.kind = "complete"
	case e.outcome.code == greenhouse.ExitNothingRead:
		e.kind = "stopped"
	default:
		e.kind = "failed"
	}
}

// conclude counts, logs and stores the end of a run. If its lease was lost, only the run is stored:
// the account belongs to somebody else.
func (r *reader) conclude(ctx context.Context, l *lease, e *ending) error {
	r.stats.ran(e.result, e.kind)
	r.log.Info("read", "account", e.account.name, "end", e.kind, "code", e.outcome.code,
		"took", time.Since(e.began).Round(time.Millisecond), "outcome", e.words)
	err := persist(ctx, func(ctx context.Context) error { return r.db.conclude(ctx, l, r.worker, e) })
	if err != nil && !errors.Is(err, errTaken) {
		r.stats.ended.WithLabelValues("not stored").Inc()
		r.log.Error("storing the end of a run: "+err.Error(), "account", e.account.name)
	}
	return nil
}
