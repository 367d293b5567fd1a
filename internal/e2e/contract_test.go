package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// drift changes users and jobs in each way that Greenhouse changes its lists.
func drift(stream string, _ int64, row []byte) []byte {
	text := string(row)
	switch stream {
	case "users":
		text = strings.Replace(text, `"deactivated":`, `"nickname":"x","deactivated":"maybe","was":`, 1)
		text = strings.Replace(text, `"employee_id":`, `"employee_no":`, 1)
	case "jobs":
		text = strings.NewReplacer(`"status":"open"`, `"status":"paused"`).Replace(text)
	}
	return []byte(text)
}

func reported(t *testing.T, args ...string) (Result, map[string]tap.StreamReport) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "r.json")
	r := Run(t, append(args, "--report", name)...)
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	var report tap.Report
	require.NoError(t, json.Unmarshal(data, &report))
	streams := map[string]tap.StreamReport{}
	for _, s := range report.Streams {
		streams[s.Stream] = s
	}
	return r, streams
}

// A run says what differs from the contract, and what it learnt stands in log, report and sync_log.
func TestRunsSayWhatDiffersFromTheContract(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Row: drift})
	cfg := File(t, "c.json", With(s, map[string]any{"streams": []string{"users", "jobs", "sync_log"}}))
	agreed := Run(t, "contract", "--config", cfg)
	require.Zero(t, agreed.Code, agreed.Err)
	lists, _, _ := s.Requests()
	assert.Empty(t, lists, "it makes no request")
	contract := File(t, "contract.json", agreed.Out)

	r, streams := reported(t, "--config", cfg, "--contract", contract)
	require.Zero(t, r.Code, r.Err)
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	Complete(t, s, &l, "users", "jobs")
	want := map[string][]string{
		"users": {
			"deactivated: the type is boolean or string, and was boolean",
			"employee_id: no row has this column",
			"employee_no: a new column, string", "nickname: a new column, string",
			"was: a new column, boolean",
		},
		"jobs": {"status=paused: not among the values of the contract"},
	}
	for name, differences := range want {
		assert.Equal(t, differences, streams[name].Differences)
		for _, d := range differences {
			assert.Contains(t, r.Err, `msg="differs from the contract: `+d+`" stream=`+name)
		}
	}
	assert.Contains(t, r.Err, "; different from the contract: jobs, users")
	assert.Equal(t, []string{"status=paused"}, streams["jobs"].NewValues)
	changed := map[string]string{}
	for _, row := range l.Rows["sync_log"] {
		var log tap.LogRow
		require.NoError(t, json.Unmarshal(row, &log))
		changed[log.Stream] = strings.Join(append(log.NewColumns, log.ChangedColumns...), " ")
	}
	assert.Equal(t, map[string]string{
		"jobs": "status", "users": "nickname was employee_no deactivated",
	}, changed)

	failing := File(t, "c.json", With(s, map[string]any{
		"streams": []string{"users", "jobs"}, "contract_changes": "fail",
	}))
	r = Run(t, "--config", failing, "--contract", contract)
	assert.Equal(t, 1, r.Code, r.Err)
	var all loader.Loader
	require.NoError(t, all.Load(strings.NewReader(r.Out), false))
	Complete(t, s, &all, "users", "jobs")
	catalog := configuredAll(t, Run(t, "discover").Out)
	catalog["streams"] = slices.DeleteFunc(catalog["streams"].([]any), func(s any) bool {
		return s.(map[string]any)["stream"].(map[string]any)["name"] != "jobs"
	})
	r = Run(t, "read", "--config", failing, "--catalog", File(t, "catalog.json", catalog), "--contract", contract)
	assert.Equal(t, 1, r.Code, r.Out)

	renewed := Run(t, "contract", "--config", cfg, "--state", File(t, "s.json", all.LastState()))
	require.Zero(t, renewed.Code, renewed.Err)
	_, streams = reported(t, "--config", cfg, "--contract", File(t, "contract.json", renewed.Out),
		"--state", File(t, "s.json", all.LastState()))
	assert.NotContains(t, strings.Join(streams["users"].Differences, " "), "nickname",
		"what was learnt is agreed now")
}

// Streams that a run does not read differ in nothing, and columns that it leaves out are missing.
func TestOnlySelectedStreamsAreCompared(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	contract := File(t, "contract.json", Run(t, "contract").Out)
	config := func(more map[string]any) string {
		return File(t, "c.json", With(s, more))
	}
	r := Run(t, "--config", config(map[string]any{"streams": []string{"users"}, "contract_changes": "fail"}),
		"--contract", contract)
	assert.Zero(t, r.Code, r.Err)
	assert.NotContains(t, r.Err, "differs")
	r = Run(t, "--config", config(map[string]any{"streams": []string{"users", "degrees"}, "exclude": []string{"users.last_name"}}),
		"--contract", contract)
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, `last_name: the column is missing" stream=users`)
	assert.Contains(t, r.Err, `the contract does not have this stream" stream=degrees`)
	r = Run(t, "contract", "--config", config(map[string]any{"streams": []string{"users"}, "exclude": []string{"users.last_name"}}))
	assert.NotContains(t, r.Out, `"last_name"`)
}
