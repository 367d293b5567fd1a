package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

func TestMetrics(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	f.add("two", sandbox.Options{Candidates: 5}, map[string]any{"client_secret": "revoked"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	t.Setenv("FLEET_TEST_LOADER", filepath.Join(f.dir, "loaded"))
	go func() {
		done <- work(ctx, f.db, workSettings{
			loader: os.Args[0] + " {account}", workers: 2, maxRun: 10 * time.Second,
			flush: 5 * time.Second, metrics: "127.0.0.1:25464", lease: 10 * time.Second,
		}, slog.New(slog.DiscardHandler))
	}()
	f.until(time.Minute)
	answer, err := http.Get("http://127.0.0.1:25464/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	for _, want := range []string{
		`fleet_accounts{status="active"} 1`, `fleet_accounts{status="stopped"} 1`, "fleet_due 0",
		`fleet_ended_total{end="complete"} 1`, `fleet_ended_total{end="stopped"} 1`,
		"fleet_database_up 1",
	} {
		assert.Contains(t, string(body), want)
	}
	cancel()
	require.NoError(t, <-done)
}

// fires returns the alerts of alerts.yaml whose expression is true for the metrics, whatever their
// time to wait. The expressions are of the form metric > number.
func fires(t *testing.T, s *stats) (alerts []string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w,
		httptest.NewRequest(http.MethodGet, "/metrics", nil))
	values := map[string]float64{}
	for line := range strings.Lines(w.Body.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] = n
		}
	}
	rules, err := os.ReadFile("alerts.yaml")
	require.NoError(t, err)
	found := regexp.MustCompile(`alert: (\w+)\n\s+expr: (\S+) ([<>]) (\d+)\n`).
		FindAllStringSubmatch(string(rules), -1)
	require.Len(t, found, 5)
	for _, rule := range found {
		limit, err := strconv.ParseFloat(rule[4], 64)
		require.NoError(t, err)
		value, known := values[rule[2]]
		if known && (rule[3] == ">" && value > limit || rule[3] == "<" && value < limit) {
			alerts = append(alerts, rule[1])
		}
	}
	return alerts
}

// Each alert is raised by what it is for, and by nothing else.
func TestAlerts(t *testing.T) {
	f := newFleet(t, "")
	s := newStats(f.db)
	assert.Empty(t, fires(t, s), "an empty fleet is well")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	assert.Empty(t, fires(t, s), "a new account is well")
	const well = `lease = '', stopped = '', failures = 0, paused = 0, fresh = {now}, added = {now}, next = {now} + 1000`
	for set, want := range map[string][]string{
		`stopped = 'client_secret was refused'`:                               {"FleetAccountStopped"},
		`failures = 3`:                                                        {"FleetAccountFailing"},
		`fresh = {now} - 22000000`:                                            {"FleetAccountStale"},
		`fresh = 0, added = {now} - 22000000`:                                 {"FleetAccountStale"},
		`next = {now} - 2000000`:                                              {"FleetFallsBehind"},
		`paused = 1, fresh = {now} - 22000000, next = {now} - 2000000`:        nil,
		`lease = 'x', lease_until = {now} + 60000, next = {now} - 2000000`:    nil,
		`lease = 'dead', lease_until = {now} - 60000, next = {now} - 2000000`: {"FleetFallsBehind"},
	} {
		_, err := f.db.exec(t.Context(), "update accounts set "+well)
		require.NoError(t, err)
		_, err = f.db.exec(t.Context(), "update accounts set "+set)
		require.NoError(t, err)
		assert.Equal(t, want, fires(t, s), set)
	}
	require.NoError(t, f.db.Close())
	assert.Equal(t, []string{"FleetDatabaseAway"}, fires(t, s))
}

// A config that is not right is refused before it is stored.
func TestWhatCannotBeAdded(t *testing.T) {
	f := newFleet(t, "")
	good := `{"client_id":"x","client_secret":"y"}`
	require.NoError(t, add(t.Context(), f.db, "good", []byte(good), time.Hour))
	for _, c := range []struct {
		name, config string
		every        time.Duration
		want         string
	}{
		{"good", `{"client_id":"z","client_secret":"y"}`, time.Hour, "one of that name already"},
		{"other", good, time.Hour, "account good has the same credential"},
		{"typo", `{"client_id":"z","client_secrt":"y"}`, time.Hour, "client_secrt"},
		{"key", `{"client_id":"z","client_secret":"y","stream":["jobs"]}`, time.Hour, "unknown key"},
		{"late", `{"client_id":"z","client_secret":"y"}`, -5 * time.Minute, "--every"},
		{"../x", `{"client_id":"z","client_secret":"y"}`, time.Hour, "a name has"},
		{"x --config=y", `{"client_id":"z","client_secret":"y"}`, time.Hour, "a name has"},
		{"-x", `{"client_id":"z","client_secret":"y"}`, time.Hour, "a name has"},
	} {
		assert.ErrorContains(t, add(t.Context(), f.db, c.name, []byte(c.config), c.every), c.want)
	}
	f.add("dead", sandbox.Options{Candidates: 5}, map[string]any{"client_secret": "revoked"})
	require.ErrorContains(t, try(t.Context(), []byte(f.config("dead"))), "client_secret")
	f.add("live", sandbox.Options{Candidates: 5}, nil)
	require.NoError(t, try(t.Context(), []byte(f.config("live"))))
}

// The commands of an operator do what they say, and say if there is no such account.
func TestCommands(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	ctx, now := t.Context(), time.Now().Add(time.Second)
	do := func(command, name string) error {
		return onAccount[command](ctx, call{db: f.db, name: name, every: 2 * time.Hour})
	}
	status := func() string { return f.account("one").status(now) }
	require.NoError(t, do("pause", "one"))
	assert.Equal(t, "paused", status())
	_, _, err := f.db.take(ctx, "one", time.Minute)
	require.ErrorIs(t, err, errNotDue)
	require.NoError(t, do("resume", "one"))
	assert.Equal(t, "active", status())
	require.NoError(t, do("every", "one"))
	assert.Equal(t, 2*time.Hour, f.account("one").every)
	require.NoError(t, f.db.change(ctx, "one", "next = {now} + 100000, stopped = 'why'"))
	require.NoError(t, do("now", "one"))
	assert.Equal(t, "stopped", status())
	secret := strings.Replace(f.config("one"), sandbox.ClientSecret, "another", 1)
	require.NoError(t, replaceConfig(ctx, f.db, "one", []byte(secret)))
	assert.Equal(t, "active", status())
	assert.Contains(t, f.config("one"), "another")
	var out bytes.Buffer
	require.NoError(t, show(ctx, f.db, "one", &out, now))
	assert.Contains(t, out.String(), "read every")
	assert.NotContains(t, out.String(), "another", "no secret is shown")
	require.NoError(t, do("remove", "one"))
	for name := range onAccount {
		if name == "add" || name == "config" || name == "keep-token" {
			continue // they read standard input
		}
		assert.ErrorContains(t, do(name, "one"), "there is none of that name", name)
	}
}

// A key is replaced without a gap; a config of an unknown key hides no other account.
func TestKeysAreReplaced(t *testing.T) {
	f := newFleet(t, "")
	f.add("one", sandbox.Options{Candidates: 5}, nil)
	f.add("two", sandbox.Options{Candidates: 5}, nil)
	older, newer := strings.Repeat("5a", 32), strings.Repeat("6b", 32)
	sealed := f.account("one").sealed
	assert.NotContains(t, sealed, "client_secret")
	_, _, err := f.db.keys.unseal("two", sealed)
	require.ErrorContains(t, err, "FLEET_KEY", "it cannot be moved to another account")

	var kerr error
	f.db.keys, kerr = parseKeys(newer + "," + older)
	require.NoError(t, kerr)
	assert.Contains(t, f.config("one"), "client_secret", "the older key still opens")
	n, err := rekey(t.Context(), f.db)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	n, err = rekey(t.Context(), f.db)
	require.NoError(t, err)
	assert.Zero(t, n)
	f.db.keys, kerr = parseKeys(newer)
	require.NoError(t, kerr)
	assert.Contains(t, f.config("one"), "client_secret")

	f.db.keys, kerr = parseKeys(older)
	require.NoError(t, kerr)
	var out bytes.Buffer
	require.NoError(t, table(t.Context(), f.db, &out, time.Now()))
	assert.Contains(t, out.String(), "one ")
	a := f.run(t.Context(), f.worker("cat"))
	assert.Contains(t, a.stopped, "cannot be opened with this FLEET_KEY")
	for _, wrong := range []string{"", "short", older + ",x"} {
		_, err := parseKeys(wrong)
		assert.ErrorContains(t, err, "FLEET_KEY", fmt.Sprint(wrong))
	}
}

// The tables are made once; a database of an earlier version is brought up to date, with its
// accounts.
func TestMigrations(t *testing.T) {
	address, key := "sqlite:"+filepath.Join(t.TempDir(), "old.db"), strings.Repeat("5a", 32)
	db, err := open(t.Context(), address, key)
	require.NoError(t, err)
	for _, statement := range []string{
		`drop table accounts`, `drop table runs`, `drop table fleet_migrations`, migrations[0],
		`insert into accounts (name, config, every) values ('old', '', 60000)`,
	} {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
	for range 2 {
		db, err = open(t.Context(), address, key)
		require.NoError(t, err)
		a, err := db.account(t.Context(), "old")
		require.NoError(t, err)
		assert.Equal(t, time.Minute, a.every)
		require.NoError(t, db.Close())
	}
}
