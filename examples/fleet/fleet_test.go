package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// This binary is also the loader: with FLEET_TEST_LOADER, it appends records to a file of the
// account in that folder, and echoes states after the records they cover are on disk.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FLEET_TEST_LOADER"); dir != "" {
		if err := load(dir, os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func load(dir, account string) error {
	f, err := os.OpenFile(filepath.Join(dir, account), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	file := bufio.NewWriterSize(f, 1<<20)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return file.Flush()
		}
		if err != nil {
			return err
		}
		if bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) {
			if _, err := file.Write(line); err != nil {
				return err
			}
		}
		var m struct{ Value json.RawMessage }
		if bytes.HasPrefix(line, []byte(`{"type":"STATE"`)) {
			if err := json.Unmarshal(line, &m); err != nil {
				return err
			}
			if err := file.Flush(); err != nil {
				return err
			}
			fmt.Printf("%s\n", m.Value)
		}
	}
}

// fleet is a fleet under test: a database, accounts with their own sandboxes, and worker processes.
type fleet struct {
	t        *testing.T
	dir      string
	env      []string
	db       *store
	accounts map[string]*sandbox.Server
	workers  []*exec.Cmd
	binary   string
}

func newFleet(t *testing.T, address string) *fleet {
	t.Helper()
	dir := t.TempDir()
	if address == "" {
		address = "sqlite:" + filepath.Join(dir, "fleet.db")
	}
	key := strings.Repeat("5a", 32)
	db, err := open(t.Context(), address, key)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	for _, emptied := range []string{"accounts", "runs", "river_job"} {
		_, err = db.Exec("delete from " + emptied)
		require.NoError(t, err)
	}
	f := &fleet{
		t: t, dir: dir, db: db, accounts: map[string]*sandbox.Server{},
		binary: filepath.Join(dir, "fleet"),
	}
	f.env = append(os.Environ(), "FLEET_DATABASE="+address, "FLEET_KEY="+key,
		"FLEET_TEST_LOADER="+filepath.Join(dir, "loaded"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "loaded"), 0o700))
	out, err := exec.Command("go", "build", "-o", f.binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() {
		for _, w := range f.workers {
			_ = w.Process.Kill()
			_ = w.Wait()
		}
	})
	return f
}

// add adds an account with its own sandbox.
func (f *fleet) add(name string, opts sandbox.Options, more map[string]any) {
	f.t.Helper()
	opts.Seed, opts.OneReader = uint64(len(f.accounts)+1), true
	if opts.Limit == 0 {
		opts.Limit = -1
	}
	s, err := sandbox.New(opts)
	require.NoError(f.t, err)
	require.NoError(f.t, s.Start("127.0.0.1:0"))
	f.t.Cleanup(func() { _ = s.Close() })
	cfg := s.Config()
	for k, v := range more {
		cfg[k] = v
	}
	text, err := json.Marshal(cfg)
	require.NoError(f.t, err)
	require.NoError(f.t, add(f.t.Context(), f.db, name, text, time.Hour))
	f.accounts[name] = s
}

func (f *fleet) account(name string) *account {
	f.t.Helper()
	a, err := f.db.account(f.t.Context(), name)
	require.NoError(f.t, err)
	return a
}

// config is the config of an account, in clear.
func (f *fleet) config(name string) string {
	f.t.Helper()
	config, _, err := f.db.keys.unseal(name, f.account(name).sealed)
	require.NoError(f.t, err)
	return string(config)
}

func (f *fleet) work() *exec.Cmd {
	f.t.Helper()
	w := exec.Command(f.binary, "work", "--workers", "6", "--max-run", "4s", "--flush", "5s", "--lease", "3s",
		"--loader", os.Args[0]+" {account}")
	w.Env = f.env
	log, err := os.OpenFile(filepath.Join(f.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(f.t, err)
	w.Stdout, w.Stderr = log, log
	require.NoError(f.t, w.Start())
	require.NoError(f.t, log.Close())
	f.workers = append(f.workers, w)
	return w
}

// until waits until every account is complete or stopped.
func (f *fleet) until(patience time.Duration) {
	f.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		accounts, err := f.db.accounts(f.t.Context())
		require.NoError(f.t, err)
		var open []string
		for _, a := range accounts {
			if a.fresh.IsZero() && a.stopped == "" {
				open = append(open, a.name+": "+a.outcome)
			}
		}
		if len(open) == 0 {
			return
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(f.dir, "log"))
			f.t.Fatalf("%d accounts are not complete: %v\n%s", len(open), open[:min(5, len(open))],
				log[max(0, len(log)-3000):])
		}
	}
}

// missing returns the number of rows of an account that never arrived.
func (f *fleet) missing(name string) (missing, rows int) {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "loaded", name))
	require.NoError(f.t, err)
	arrived := map[string]bool{}
	streams := map[string]bool{}
	for line := range bytes.Lines(text) {
		var m struct {
			Stream string
			Record struct{ ID json.Number }
		}
		if json.Unmarshal(line, &m) != nil {
			continue // a loader was killed in the middle of a line
		}
		arrived[m.Stream+"/"+m.Record.ID.String()] = true
		streams[m.Stream] = true
	}
	for stream := range streams {
		body, err := f.accounts[name].Rows(stream)
		require.NoError(f.t, err)
		var all []struct{ ID json.Number }
		require.NoError(f.t, json.Unmarshal(body, &all))
		for _, row := range all {
			if rows++; !arrived[stream+"/"+row.ID.String()] {
				missing++
			}
		}
	}
	return missing, rows
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// databases runs a test on SQLite, and on PostgreSQL if FLEET_TEST_POSTGRES has its address.
func databases(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) {
		address := os.Getenv("FLEET_TEST_POSTGRES")
		if address == "" {
			t.Skip("FLEET_TEST_POSTGRES is not set")
		}
		test(t, address)
	})
}

// Workers are killed at random while they read many accounts: one is huge, one is slow, one has
// invalid credentials. Every row of the others arrives, nothing is read twice at the same time, and
// the invalid one waits for a person.
func TestKilledWorkersLoseNothing(t *testing.T) {
	databases(t, func(t *testing.T, address string) {
		f := newFleet(t, address)
		n := number("FLEET_TEST_ACCOUNTS", 30)
		f.add("dead", sandbox.Options{Candidates: 5}, map[string]any{"client_secret": "revoked"})
		f.add("huge", sandbox.Options{Candidates: 5000, Latency: 300 * time.Millisecond}, nil)
		f.add("slow", sandbox.Options{Candidates: 20, Latency: 200 * time.Millisecond}, nil)
		for i := range n {
			f.add(fmt.Sprintf("account-%03d", i), sandbox.Options{Candidates: 10 + i%40}, nil)
		}
		random := rand.New(rand.NewPCG(7, 7))
		workers := []*exec.Cmd{f.work(), f.work()}
		for range number("FLEET_TEST_KILLS", 4) {
			time.Sleep(time.Duration(500+random.IntN(1500)) * time.Millisecond)
			i := random.IntN(len(workers))
			_ = workers[i].Process.Kill()
			_ = workers[i].Wait()
			workers[i] = f.work()
		}
		f.until(5 * time.Minute)
		total := 0
		for name, s := range f.accounts {
			assert.Zero(t, s.Overlaps(), "%s was read by two at once", name)
			if name == "dead" {
				continue
			}
			missing, rows := f.missing(name)
			assert.Zero(t, missing, "rows of %s", name)
			total += rows
		}
		accounts, err := f.db.accounts(t.Context())
		require.NoError(t, err)
		for _, a := range accounts {
			switch a.name {
			case "dead":
				assert.Contains(t, a.stopped, "client_secret")
				assert.Equal(t, int64(1), a.runs, "it is not tried again")
			case "huge":
				assert.Greater(t, a.runs, int64(1), "it gives way to others, and goes on")
				fallthrough
			default:
				assert.Empty(t, a.stopped)
				assert.Zero(t, a.failures, a.outcome)
			}
		}
		t.Logf("%d accounts, %d rows", len(f.accounts), total)
		var out bytes.Buffer
		require.NoError(t, table(t.Context(), f.db, &out, time.Now()))
		assert.Contains(t, out.String(), "of which 1 stopped")
	})
}

// Stopped workers release their accounts, and no refresh token is lost: each works once, so a lost
// one would stop its account.
func TestStoppedWorkersLoseNoToken(t *testing.T) {
	databases(t, func(t *testing.T, address string) {
		f := newFleet(t, address)
		n := number("FLEET_TEST_ACCOUNTS", 30) / 3
		for i := range n {
			f.add(fmt.Sprintf("partner-%03d", i),
				sandbox.Options{Candidates: 20, Latency: 30 * time.Millisecond, TokenUses: 20},
				map[string]any{"refresh_token": sandbox.RefreshToken})
		}
		random := rand.New(rand.NewPCG(8, 8))
		worker := f.work()
		for range number("FLEET_TEST_KILLS", 4) {
			time.Sleep(time.Duration(300+random.IntN(1200)) * time.Millisecond)
			require.NoError(t, worker.Process.Signal(syscall.SIGTERM))
			require.NoError(t, worker.Wait())
			worker = f.work()
		}
		f.until(3 * time.Minute)
		f.checkTokens()
	})
}

// checkTokens asserts that each account still has a refresh token that works, and all its rows.
func (f *fleet) checkTokens() {
	f.t.Helper()
	for name, s := range f.accounts {
		assert.Empty(f.t, f.account(name).stopped, name)
		assert.Contains(f.t, f.config(name), s.CurrentRefreshToken(),
			"the token that works is the one that is kept")
		missing, _ := f.missing(name)
		assert.Zero(f.t, missing, "rows of %s", name)
		assert.Zero(f.t, s.Overlaps(), "%s was read by two at once", name)
	}
}

// keep-token is killed at random, many times: a token that it reports as saved is saved.
func TestKilledKeepTokenSavesOrFails(t *testing.T) {
	f := newFleet(t, "")
	f.add("partner", sandbox.Options{Candidates: 5}, map[string]any{"refresh_token": "first"})
	random := rand.New(rand.NewPCG(9, 9))
	kept := "first"
	for n := range 25 {
		token := fmt.Sprintf("token-%d", n)
		keep := exec.Command(f.binary, "keep-token", "partner")
		keep.Env, keep.Stdin = f.env, strings.NewReader(token)
		require.NoError(t, keep.Start())
		kill := time.AfterFunc(time.Duration(random.IntN(60))*time.Millisecond,
			func() { _ = keep.Process.Kill() })
		err := keep.Wait()
		kill.Stop()
		if config := f.config("partner"); err == nil {
			require.Contains(t, config, `"`+token+`"`)
		} else if !strings.Contains(config, `"`+token+`"`) {
			require.Contains(t, config, `"`+kept+`"`,
				"the config is whole, with the one before")
			continue
		}
		kept = token
	}
}

func TestDecisions(t *testing.T) {
	now := time.Now()
	near := func(want, got time.Duration) {
		t.Helper()
		assert.InDelta(t, want.Seconds(), got.Seconds(), want.Seconds()/9)
	}
	d := decide(now, time.Hour, 0, outcome{code: 0, complete: true})
	near(time.Hour, d.next.Sub(now))
	d = decide(now, time.Hour, 0, outcome{code: 0})
	assert.Equal(t, now, d.next, "what is not complete goes on as soon as it is its turn")
	near(time.Minute, decide(now, time.Hour, 0, outcome{code: 1}).next.Sub(now))
	near(8*time.Minute, decide(now, time.Hour, 3, outcome{code: 1}).next.Sub(now))
	near(time.Hour, decide(now, 24*time.Hour, 40, outcome{code: 1}).next.Sub(now))
	near(5*time.Minute, decide(now, 5*time.Minute, 40, outcome{code: 1}).next.Sub(now))
	assert.True(t, decide(now, time.Hour, 0, outcome{code: 2}).stop)
	assert.True(t, decide(now, time.Hour, 0, outcome{code: 143}).again)
	assert.True(t, decide(now, time.Hour, 0, outcome{code: 130}).again)
}

// idle does everything that a reader does for a job, except reading.
type idle struct {
	river.WorkerDefaults[readArgs]
	r    *reader
	done chan struct{}
}

func (w idle) Work(ctx context.Context, job *river.Job[readArgs]) error {
	l, _, err := w.r.db.take(ctx, job.Args.Account, time.Minute)
	if err != nil {
		return err
	}
	a, err := w.r.db.account(ctx, job.Args.Account)
	if err != nil {
		return err
	}
	for n := range 3 {
		if err := l.keepState(ctx, fmt.Appendf(nil, `{"bookmarks":{"n":%d}}`, n)); err != nil {
			return err
		}
	}
	err = w.r.db.conclude(ctx, l, "bench", &ending{
		account: a, began: time.Now(), result: &tap.Report{}, said: &tail{},
		outcome: outcome{complete: true}, kind: "complete", words: "complete",
	})
	w.done <- struct{}{}
	return err
}

// BenchmarkRuns measures the number of runs per second that the database handles, if they cost
// nothing else.
func BenchmarkRuns(b *testing.B) {
	for name, address := range map[string]string{
		"SQLite":     "",
		"PostgreSQL": os.Getenv("FLEET_TEST_POSTGRES"),
	} {
		b.Run(name, func(b *testing.B) {
			if name == "PostgreSQL" && address == "" {
				b.Skip("FLEET_TEST_POSTGRES is not set")
			}
			at := address
			if at == "" {
				at = "sqlite:" + filepath.Join(b.TempDir(), "fleet.db")
			}
			db, err := open(b.Context(), at, strings.Repeat("5a", 32))
			require.NoError(b, err)
			defer func() { _ = db.Close() }()
			for _, emptied := range []string{"accounts", "runs", "river_job"} {
				_, err = db.Exec("delete from " + emptied)
				require.NoError(b, err)
			}
			for i := range b.N {
				require.NoError(b, add(b.Context(), db, fmt.Sprint("account-", i),
					fmt.Appendf(nil, `{"client_id":"x%d","client_secret":"y"}`, i), time.Hour))
			}
			workers := river.NewWorkers()
			done := make(chan struct{}, b.N)
			river.AddWorker(workers, &idle{r: &reader{db: db}, done: done})
			c, err := client(db, workSettings{workers: 50, maxRun: time.Minute}, workers,
				slog.New(slog.DiscardHandler))
			require.NoError(b, err)
			b.ResetTimer()
			require.NoError(b, c.Start(b.Context()))
			ctx, cancel := context.WithCancel(b.Context())
			go trigger(ctx, db, c, slog.New(slog.DiscardHandler))
			for range b.N {
				<-done
			}
			cancel()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
			require.NoError(b, c.StopAndCancel(context.Background()))
		})
	}
}
