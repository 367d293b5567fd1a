//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// logged returns the rows of the log among Singer or Airbyte messages, by stream. They must come
// before the last state, and after all other records.
func logged(t testing.TB, out string) map[string]map[string]any {
	t.Helper()
	rows := map[string]map[string]any{}
	stateAfter := false
	for line := range strings.Lines(out) {
		var m struct {
			Type   string
			Stream string
			Record struct {
				Stream string
				Data   map[string]any
			}
		}
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		row := m.Record.Data
		switch {
		case m.Type == "STATE":
			stateAfter = true
			continue
		case m.Type != "RECORD":
			continue
		case m.Stream == tap.SyncLog:
			var singer struct{ Record map[string]any }
			require.NoError(t, json.Unmarshal([]byte(line), &singer))
			row = singer.Record
		case m.Record.Stream != tap.SyncLog:
			assert.Empty(t, rows, "a record after the log")
			continue
		}
		stateAfter = false
		name, _ := row["stream"].(string)
		assert.NotContains(t, rows, name, "two rows of a stream")
		rows[name] = row
	}
	assert.True(t, stateAfter, "no state follows the log")
	return rows
}

// The log has a row for each stream, however it ended, and says the same as the report.
func TestLogHasARowForEachStream(t *testing.T) {
	t.Parallel()
	columns := strings.Fields(`id run_id stream started_at ended_at status reason records gone repaired
		pages requests retries bytes seconds complete_until verified_until verified_rows verified_id_sum
		new_columns changed_columns dropped_columns tap_version organization_id organization_name`)
	chosen := []string{"users", "jobs", "offers", "candidates", "demographic_questions", tap.SyncLog}
	for _, protocol := range []string{"singer", "airbyte"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{Scopes: []string{
				"harvest:users:list", "harvest:jobs:list",
				"harvest:candidates:list", "harvest:demographic_questions:list",
			}})
			config := With(s, map[string]any{
				"streams":       []string{"users", "jobs", "offers", "candidates", "demographic_questions", "sync_*"},
				"refresh_every": map[string]any{"jobs": "1h", "*": "0s"},
				"deletes":       map[string]any{"store": "file://" + filepath.ToSlash(t.TempDir())},
			})
			report := filepath.Join(t.TempDir(), "report.json")
			var read func(state []byte) Result
			var state func() []byte
			if protocol == "singer" {
				var l loader.Loader
				read = func(state []byte) Result {
					args := []string{"--config", File(t, "config.json", config), "--report", report}
					if state != nil {
						args = append(args, "--state", File(t, "state.json", state))
					}
					r := Run(t, args...)
					require.NoError(t, l.Load(strings.NewReader(r.Out), false), r.Err)
					return r
				}
				state = l.LastState
			} else {
				c := connect(t, s, config, "incremental", chosen...)
				read = func(state []byte) Result {
					r := Run(t, append(c.args(t, state), "--report", report)...)
					require.NoError(t, c.Read(strings.NewReader(r.Out), false))
					return r
				}
				state = c.State
			}
			first := logged(t, read(nil).Out)
			assert.Len(t, first, 5)
			s.SetFault(func(r *http.Request) sandbox.Fault {
				if strings.HasSuffix(r.URL.Path, "/users") {
					return sandbox.Status404
				}
				return sandbox.NoFault
			})
			s.ResetRequests()
			rows := logged(t, read(state()).Out)
			lists, _, _ := s.Requests()
			var r tap.Report
			data, err := os.ReadFile(report)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(data, &r))
			require.Len(t, rows, 5)
			want := map[string]string{
				"users": "failed", "jobs": "left_alone", "candidates": "complete",
				"demographic_questions": "complete", "offers": "skipped",
			}
			if protocol == "airbyte" {
				want["offers"] = "failed" // a person chose it
			}
			for _, result := range r.Streams {
				if result.Stream == tap.SyncLog {
					assert.Equal(t, 5, result.Records)
					continue
				}
				row := rows[result.Stream]
				assert.ElementsMatch(t, columns, slices.Collect(maps.Keys(row)))
				assert.Equal(t, r.RunID+":"+result.Stream, row["id"])
				assert.Equal(t, want[result.Stream], row["status"], result.Stream)
				assert.Equal(t, result.Status, row["status"], result.Stream)
				assert.Equal(t, want[result.Stream] == "complete" || want[result.Stream] == "left_alone",
					row["reason"] == nil, result.Stream)
				assert.EqualValues(t, lists[result.Stream], row["requests"], result.Stream)
				assert.EqualValues(t, result.Records, row["records"], result.Stream)
				assert.Equal(t, "4001", row["organization_id"])
				assert.Equal(t, result.Stream == "offers", row["complete_until"] == nil, result.Stream)
				assert.Equal(t, result.VerifiedUntil.IsZero(), row["verified_until"] == nil)
				assert.NotEqual(t, first[result.Stream]["id"], row["id"])
			}
			assert.Equal(t, "20", jsonNumber(rows["candidates"]["verified_rows"]))
			assert.NotContains(t, string(state()), `"sync_log":{"repl`)
			assert.NotContains(t, lists, tap.SyncLog)
		})
	}
}

func jsonNumber(v any) string {
	out, _ := json.Marshal(v)
	return string(out)
}

// The log follows the catalog's columns and the policy like any other stream.
func TestLogFollowsSelectionAndPolicy(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	r := Run(t, "--config", File(t, "c.json", With(s, map[string]any{
		"streams": []string{"offices", tap.SyncLog}, "exclude": []string{"sync_log.bytes"},
		"privacy": map[string]any{"contact": "drop"},
		"privacy_columns": map[string]any{
			"sync_log.organization_name": "hash", "sync_log.tap_version": "drop",
		},
		"privacy_key": "0123456789abcdef",
	})))
	require.Zero(t, r.Code, r.Err)
	row := logged(t, r.Out)["offices"]
	assert.NotContains(t, row, "bytes")
	assert.NotContains(t, row, "tap_version")
	assert.Len(t, row["organization_name"], 64)
	assert.Equal(t, "complete", row["status"])
}

// A run that is stopped says so in the log, and ends with a state all the same.
func TestLogOfAStoppedRun(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"singer", "airbyte"} {
		s := Serve(t, sandbox.Options{Candidates: long.Or(20, 600), Latency: 30 * time.Millisecond})
		config := With(s, map[string]any{
			"streams": append(ByDefault(t), tap.SyncLog),
		})
		args := []string{"--config", File(t, "config.json", config)}
		if protocol == "airbyte" {
			args = connect(t, s, config, "incremental").args(t, nil)
		}
		asked := NthRequest(s, 40)
		cmd := Command(t, args...)
		var out bytes.Buffer
		cmd.Stdout = &out
		require.NoError(t, cmd.Start())
		<-asked
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // the code is checked below
		assert.Equal(t, 143, cmd.ProcessState.ExitCode())
		var messages strings.Builder
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "{") {
				messages.WriteString(line)
			}
		}
		unfinished := 0
		rows := logged(t, messages.String())
		assert.GreaterOrEqual(t, len(rows), len(ByDefault(t)))
		for _, row := range rows {
			if row["status"] == "unfinished" {
				unfinished++
				assert.Contains(t, row["reason"], "the run was stopped")
			}
		}
		assert.NotZero(t, unfinished)
	}
}
