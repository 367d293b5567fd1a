package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// readArgs is a job: one account, read once. There is at most one that is due, waiting or running
// per account.
type readArgs struct {
	Account string `json:"account"`
}

func (readArgs) Kind() string { return "read" }

func (readArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: 1 << 14, // a killed worker is not the account's fault
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	}
}

// soon retries a job whose worker was lost.
type soon struct{}

func (soon) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(time.Second) }

type workSettings struct {
	loader        string
	workers       int
	maxRun, flush time.Duration
	metrics       string
}

// timeout is how long a job may take; shortly after that, its worker is considered lost.
func (w workSettings) timeout() time.Duration { return w.maxRun + w.flush + 10*time.Second }

// client returns a River client, which works if workers is not nil.
func client(db *store, w workSettings, workers *river.Workers,
	log *slog.Logger,
) (*river.Client[*sql.Tx], error) {
	cfg := &river.Config{Logger: log}
	if workers != nil {
		cfg.Workers, cfg.RetryPolicy, cfg.FetchPollInterval = workers, soon{}, 500*time.Millisecond
		cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: w.workers}}
		cfg.JobTimeout, cfg.RescueStuckJobsAfter = w.timeout(), w.timeout()+10*time.Second
	}
	return river.NewClient(db.driver, cfg)
}

// add adds an account; its first run is due at once.
func add(ctx context.Context, db *store, name string, cfg []byte, every time.Duration) error {
	if _, err := config.Parse(cfg); err != nil {
		return err
	}
	sealed, err := db.seal(name, cfg)
	if err != nil {
		return err
	}
	return enqueue(ctx, db, name, "there is one of that name already",
		db.q(`insert into accounts (name, config, every, next) values ($1, $2, $3, $4) on conflict (name) do nothing`),
		name, sealed, every.Milliseconds(), time.Now().UnixMilli())
}

// resume schedules an account that was stopped.
func resume(ctx context.Context, db *store, name string) error {
	return enqueue(ctx, db, name, "there is none of that name",
		db.q(`update accounts set stopped = '', failures = 0, next = $1 where name = $2`),
		time.Now().UnixMilli(), name)
}

// enqueue changes an account's row and inserts its job, both or neither. otherwise is the error if
// no row was changed.
func enqueue(ctx context.Context, db *store, name, otherwise, statement string, args ...any) error {
	river, err := client(db, workSettings{}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	done, err := tx.ExecContext(ctx, statement, args...)
	if err := changed(done, err); errors.Is(err, errTaken) {
		return fmt.Errorf("account %s: %s", name, otherwise)
	} else if err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	if _, err := river.InsertTx(ctx, tx, readArgs{name}, nil); err != nil {
		return err
	}
	return tx.Commit()
}

// work reads accounts until the context ends, and then releases those under way.
func work(ctx context.Context, db *store, settings workSettings, log *slog.Logger) error {
	workers := river.NewWorkers()
	stats := newStats(db)
	river.AddWorker(workers, &reader{db: db, settings: settings, log: log, stats: stats})
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
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.flush+10*time.Second)
	defer cancel()
	return c.StopAndCancel(stop)
}

// reader works the jobs.
type reader struct {
	river.WorkerDefaults[readArgs]
	db       *store
	settings workSettings
	log      *slog.Logger
	stats    *stats
}

// exitHandedBack is the code of a run that ended because its worker is stopping, as by a signal.
const exitHandedBack = 143

// exitCode returns how a run ended, including the loader.
func exitCode(ctx context.Context, result *tap.Account, err error) int {
	switch {
	case ctx.Err() != nil:
		return exitHandedBack
	case result == nil:
		return greenhouse.ExitCode(err, false)
	case err != nil && result.ExitCode == greenhouse.ExitOK:
		return greenhouse.ExitIncomplete // the loader failed
	}
	return result.ExitCode
}

// Work reads one account. The transaction that completes the job stores the result and the time of
// the next run.
func (r *reader) Work(ctx context.Context, job *river.Job[readArgs]) error {
	holder := fmt.Sprintf("%d/%d", job.ID, job.Attempt)
	account, err := r.db.take(ctx, job.Args.Account, holder)
	if errors.Is(err, sql.ErrNoRows) {
		return river.JobCancel(err) // the account was removed
	}
	if err != nil {
		return err
	}
	began := time.Now()
	result, err := r.read(ctx, account, holder)
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if errors.Is(err, errTaken) {
		return err
	}
	code := exitCode(ctx, result, err)
	d := decide(time.Now(), account.every, account.failures,
		outcome{code: code, complete: result != nil && !result.Overtime})
	r.stats.ran(result, code)
	words := "complete"
	if result != nil {
		words = result.Outcome
	}
	if err != nil {
		words = err.Error()
	}
	r.log.Info("read", "account", account.name, "code", code,
		"took", time.Since(began).Round(time.Millisecond), "outcome", words)
	if d.again {
		return river.JobSnooze(0)
	}
	return r.conclude(ended, job, account, holder, result, code, words, began, d)
}

// conclude stores the result of a run, completes its job and inserts the next, all or nothing.
func (r *reader) conclude(ctx context.Context, job *river.Job[readArgs], a *account, holder string,
	result *tap.Account, code int, words string, began time.Time, d decision,
) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	failures, fresh, stopped := a.failures+1, a.fresh, ""
	if code == greenhouse.ExitOK {
		failures = 0
		if !result.Overtime {
			fresh = began
		}
	}
	if d.stop {
		stopped = words
	}
	var records, requests int64
	if result != nil {
		requests = result.Requests.Lists
		for _, s := range result.Streams {
			records += int64(s.Records)
		}
	}
	done, err := tx.ExecContext(ctx, r.db.q(`update accounts set outcome = $1, failures = $2, fresh = $3, ended = $4, next = $5, stopped = $6,
		records = records + $7, requests = requests + $8, runs = runs + 1, holder = '' where name = $9 and holder = $10`),
		words, failures, milliseconds(fresh), time.Now().UnixMilli(), milliseconds(d.next), stopped,
		records, requests, a.name, holder)
	if err := changed(done, err); err != nil {
		return err
	}
	if err := r.db.complete(ctx, tx, job); err != nil {
		return err
	}
	if !d.stop {
		c := river.ClientFromContext[*sql.Tx](ctx)
		if _, err := c.InsertTx(ctx, tx, job.Args,
			&river.InsertOpts{ScheduledAt: d.next}); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// read pipes the account into the loader, and stores each state that the loader echoes. The account
// of the run is nil if it did not start.
func (r *reader) read(ctx context.Context, a *account, holder string) (*tap.Account, error) {
	limited, err := with(a.config, "max_run_time", r.settings.maxRun.String())
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(limited)
	if err != nil {
		return nil, err
	}
	greenhouseAccount := greenhouse.Open(cfg, greenhouse.Options{
		Version: "fleet",
		KeepToken: func(token string) error {
			return r.db.keepToken(context.WithoutCancel(ctx),
				a.name, token)
		},
	})
	defer greenhouseAccount.Close()
	var state []byte
	if a.state != "" {
		state = []byte(a.state)
	}
	run, err := greenhouseAccount.Prepare(ctx,
		greenhouse.Read{State: state, StateName: "of the account"})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	args := strings.Fields(strings.ReplaceAll(r.settings.loader, "{account}", a.name))
	loader := exec.Command(args[0], args[1:]...)
	loader.Stderr = os.Stderr
	in, err := loader.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := loader.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := loader.Start(); err != nil {
		return nil, fmt.Errorf("starting the loader: %w", err)
	}
	echoed := make(chan error, 1)
	go func() {
		err := r.keepStates(context.WithoutCancel(ctx), out, a.name, holder)
		cancel(errors.Join(err, errors.New("the loader has ended")))
		echoed <- err
	}()
	result, err := run.Do(ctx, in)
	_ = in.Close() // the loader finishes writing, echoes the last state, and exits
	kill := time.AfterFunc(r.settings.flush, func() { _ = loader.Process.Kill() })
	defer kill.Stop()
	kept := <-echoed
	ended := loader.Wait()
	switch {
	case kept != nil:
		return result, kept
	case ended != nil && err == nil:
		return result, fmt.Errorf("the loader failed: %w", ended)
	}
	return result, err
}

// keepStates stores each line that is a state, until the loader closes its output.
func (r *reader) keepStates(ctx context.Context, out io.Reader, name, holder string) error {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "{") {
			if err := r.db.keepState(ctx, name, holder, line); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}
