package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// Of all that want an account one has it. Who comes late stores nothing, whatever delayed it: a
// blocked loader, a job that was rescued meanwhile, or a backup that was restored.
func TestLateAttemptsStoreNothing(t *testing.T) {
	databases(t, func(t *testing.T, address string) {
		f := newFleet(t, address)
		f.add("one", sandbox.Options{Candidates: 5}, nil)
		ctx := t.Context()
		late, _, err := f.db.take(ctx, "one", time.Hour)
		require.NoError(t, err)
		_, free, err := f.db.take(ctx, "one", time.Hour)
		require.ErrorIs(t, err, errTaken)
		assert.Greater(t, free, 50*time.Minute)
		require.NoError(t, late.keepState(ctx, []byte(`{"n":1}`)))

		// Its time is over by the clock of the database, whatever the clock of its machine says.
		_, err = f.db.exec(ctx, `update accounts set lease_until = {now} - 1`)
		require.NoError(t, err)
		next, _, err := f.db.take(ctx, "one", time.Hour)
		require.NoError(t, err)
		require.ErrorIs(t, late.keepState(ctx, []byte(`{"n":2}`)), errTaken)
		require.ErrorIs(t, late.renew(ctx), errTaken)
		require.ErrorIs(t, f.db.conclude(ctx, late, "late", &ending{
			account: f.account("one"), said: &tail{}, kind: "complete", outcome: outcome{complete: true},
		}), errTaken)
		assert.Equal(t, int64(0), f.account("one").runs, "only the run itself is stored")
		require.NoError(t, next.keepState(ctx, []byte(`{"n":3}`)))
		assert.Equal(t, `{"n":3}`, f.account("one").state)
		require.NoError(t, f.db.conclude(ctx, next, "next", &ending{
			account: f.account("one"), began: time.Now(), said: &tail{}, kind: "complete",
			outcome: outcome{complete: true},
		}))
		_, _, err = f.db.take(ctx, "one", time.Hour)
		require.ErrorIs(t, err, errNotDue)
		_, _, err = f.db.take(ctx, "nobody", time.Hour)
		assert.True(t, isMissing(err))
	})
}

// A worker may die between its job and its lease. The job is rescued, and the account is read, long
// before it would be triggered again.
func TestJobOfADeadWorkerIsRescued(t *testing.T) {
	databases(t, func(t *testing.T, address string) {
		f := newFleet(t, address)
		f.add("one", sandbox.Options{Candidates: 5}, nil)
		c, err := client(f.db, workSettings{}, nil, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.NoError(t, triggerDue(t.Context(), f.db, c))
		jobs, err := f.db.exec(t.Context(), `update river_job set state = 'running', attempt = 1,
			attempted_at = '2026-01-01 00:00:00+00:00'`)
		require.NoError(t, err)
		require.Equal(t, int64(1), jobs)
		f.work()
		f.until(2 * time.Minute)
		assert.Equal(t, int64(1), f.account("one").runs)
	})
}

// A lease that cannot be renewed is lost in time, though the worker does not notice anything else.
func TestLostLeaseEndsTheRun(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	l, _, err := f.db.take(t.Context(), "one", 40*time.Millisecond)
	require.NoError(t, err)
	_, err = f.db.exec(t.Context(), `update accounts set lease = 'another'`)
	require.NoError(t, err)
	lost := make(chan error, 1)
	l.hold(t.Context(), func(err error) { lost <- err })
	require.ErrorIs(t, <-lost, errTaken)
}

// worker is a worker in this process.
func (f *fleet) worker(loader string) *reader {
	return &reader{
		db: f.db, log: slog.New(slog.DiscardHandler), stats: newStats(f.db), worker: "test",
		settings: workSettings{
			loader: loader, maxRun: 5 * time.Second, flush: time.Second, lease: 10 * time.Second,
		},
	}
}

// run reads the account "one" as a job does.
func (f *fleet) run(ctx context.Context, r *reader) *account {
	f.t.Helper()
	l, _, err := f.db.take(ctx, "one", r.settings.lease)
	require.NoError(f.t, err)
	e := &ending{account: f.account("one"), began: time.Now(), said: &tail{}}
	e.result, err = r.read(ctx, e.account, l, e.said)
	e.judge(ctx, err)
	require.NoError(f.t, r.conclude(ctx, l, e))
	return f.account("one")
}

// script makes a loader of a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "loader")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return path
}

// A loader that hangs, with a child that holds its output, keeps a slot no longer than the worker
// allows: the run ends with the context, and the loader is killed with its child.
func TestHungLoaderIsKilled(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 500}, nil)
	r := f.worker(script(t, "sleep 1000 &\nsleep 1000"))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	began := time.Now()
	a := f.run(ctx, r)
	assert.Less(t, time.Since(began), time.Minute)
	assert.Empty(t, a.lease)
	assert.Zero(t, a.failures, "the worker was stopped: that is not the account's fault")
	assert.Equal(t, "due", strings.Fields(a.when(time.Now().Add(time.Second)))[0])
}

// The loader sees neither the key nor the database, its failure is the run's, and its last words
// are kept.
func TestLoaderThatFailsIsExplained(t *testing.T) {
	f := newFleet(t, "")
	t.Setenv("FLEET_KEY", strings.Repeat("5a", 32))
	t.Setenv("FLEET_DATABASE", "sqlite:secret.db")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	a := f.run(t.Context(), f.worker(script(t,
		`cat > /dev/null; echo "key=$FLEET_KEY database=$FLEET_DATABASE" >&2; exit 7`)))
	assert.Equal(t, 1, a.failures)
	assert.Contains(t, a.outcome, "exit status 7")
	assert.Empty(t, a.stopped)
	var out bytes.Buffer
	require.NoError(t, showRuns(t.Context(), f.db, "one", &out))
	assert.Contains(t, out.String(), "loader key= database=\n")
	assert.Contains(t, out.String(), "exit status 7")
}

// What a loader writes that is no state replaces none.
func TestOnlyStatesAreKept(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 5}, map[string]any{"streams": []string{"users"}})
	a := f.run(t.Context(), f.worker(script(t,
		`grep STATE | tail -n 1; echo '{"level":"info"}'; echo '{}'; printf '{"bookmarks":{"us'`)))
	var state struct{ Bookmarks map[string]any }
	require.NoError(t, json.Unmarshal([]byte(a.state), &state))
	assert.Contains(t, state.Bookmarks, "users")
	assert.False(t, a.fresh.IsZero())

	require.NoError(t, reread(t.Context(), f.db, "one", []string{"users"}))
	assert.NotContains(t, f.account("one").state, "replication_key_value")
	require.ErrorContains(t, reread(t.Context(), f.db, "one", []string{"jbos"}), "never read")
}
