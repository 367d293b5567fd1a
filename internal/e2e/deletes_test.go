package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// goneIn lists the rows that a run reported as gone, by stream, and checks the messages against
// promise 11.
func goneIn(t *testing.T, out string, versions map[string]int64) map[string][]int64 {
	t.Helper()
	gone := map[string][]int64{}
	pending := map[string]bool{}
	for line := range strings.Lines(out) {
		var m struct {
			Type, Stream string
			Version      *int64
			Record       map[string]any
			Schema       struct{ Properties map[string]any }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		switch m.Type {
		case "SCHEMA":
			assert.Contains(t, m.Schema.Properties, "_sdc_deleted_at")
		case "RECORD":
			require.NotNil(t, m.Version, "every record carries the version")
			if m.Record["_sdc_deleted_at"] == nil {
				if v, ok := versions[m.Stream]; ok {
					assert.Equal(t, v, *m.Version, "the version stays")
				}
				versions[m.Stream] = *m.Version
				continue
			}
			assert.Equal(t, versions[m.Stream]-1, *m.Version)
			assert.Len(t, m.Record, 2, "the key, and when")
			gone[m.Stream] = append(gone[m.Stream], int64(m.Record["id"].(float64)))
			pending[m.Stream] = true
		case "ACTIVATE_VERSION":
			assert.Equal(t, versions[m.Stream], *m.Version)
			assert.True(t, pending[m.Stream])
			delete(pending, m.Stream)
		}
	}
	assert.Empty(t, pending, "ACTIVATE_VERSION follows")
	return gone
}

func TestDeletes(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 800})
	dir := t.TempDir()
	cfg := With(s, map[string]any{
		"streams": []string{
			"users", "candidates", "job_posts", "demographic_questions",
			"applications",
		},
		"deletes": map[string]any{"store": "file://" + dir, "every": "0s"},
	})
	versions := map[string]int64{}
	var state []byte
	sync := func(args ...string) (Result, map[string][]int64) {
		call := []string{"--config", File(t, "c.json", cfg)}
		if state != nil {
			call = append(call, "--state", File(t, "s.json", state))
		}
		r := Run(t, append(call, args...)...)
		if st := LastState(t, r.Out); st != nil {
			state = st
		}
		return r, goneIn(t, r.Out, versions)
	}
	r, gone := sync()
	require.Zero(t, r.Code, r.Err)
	assert.Empty(t, gone)
	r, gone = sync()
	require.Zero(t, r.Code, r.Err)
	assert.Empty(t, gone, "nothing changed")

	changed := []string{"users", "candidates", "job_posts", "demographic_questions"}
	read := slices.Concat(changed, []string{"applications"}) // which go with their candidates
	before, removed := map[string]map[int64]bool{}, map[string][]int64{}
	for _, stream := range read {
		before[stream] = ids(t, s, stream)
	}
	for _, stream := range changed {
		s.Change(stream, rand.New(rand.NewPCG(1, 2)), 1, 2, 3)
	}
	for _, stream := range read {
		after := ids(t, s, stream)
		for id := range before[stream] {
			if !after[id] {
				removed[stream] = append(removed[stream], id)
			}
		}
		require.NotEmpty(t, removed[stream], stream)
	}
	r, gone = sync()
	require.Zero(t, r.Code, r.Err)
	for stream, want := range removed {
		assert.ElementsMatch(t, want, gone[stream], stream)
	}
	assert.Contains(t, r.Err, "gone from Greenhouse")
	_, gone = sync()
	assert.Empty(t, gone, "told once")

	t.Run("too many", func(t *testing.T) {
		s.Change("candidates", rand.New(rand.NewPCG(3, 4)), 0, 0, 400)
		r, gone := sync()
		assert.Equal(t, 1, r.Code)
		assert.Empty(t, gone["candidates"])
		assert.Contains(t, r.Err, "--accept-deletes candidates")
		r, gone = sync("--accept-deletes", "candidates", "--accept-deletes", "applications")
		assert.Zero(t, r.Code, r.Err)
		assert.Greater(t, len(gone["candidates"]), 160)
	})
	t.Run("rights lost are no deletes", func(t *testing.T) {
		s.Grant([]string{"harvest:users:list"})
		_, gone := sync()
		assert.Empty(t, gone)
		s.Grant(nil)
		_, gone = sync()
		assert.Empty(t, gone)
	})
	t.Run("a damaged store", func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "users.ids"), []byte("nonsense"), 0o600))
		r, _ := sync()
		assert.Equal(t, 1, r.Code)
		assert.Contains(t, r.Err, "is damaged")
	})
}

func ids(t *testing.T, s *sandbox.Server, stream string) map[int64]bool {
	t.Helper()
	data, err := s.Rows(stream)
	require.NoError(t, err)
	var rows []struct{ ID int64 }
	require.NoError(t, json.Unmarshal(data, &rows))
	all := map[int64]bool{}
	for _, r := range rows {
		all[r.ID] = true
	}
	return all
}

// Rows that a permission hides for a while are told as gone, with those that belong to them, and
// are loaded again once it is back, although nothing of them has changed.
func TestRowsThatAreHiddenForAWhile(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 700})
	config := File(t, "c.json", With(s, map[string]any{
		"streams": []string{"users", "candidates", "applications", "job_posts"},
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "0s"},
	}))
	versions, state := map[string]int64{}, []byte("{}")
	have := map[string]map[int64]bool{} // the warehouse
	sync := func() (gone map[string][]int64) {
		r := Run(t, "--config", config, "--state", File(t, "s.json", state))
		require.Zero(t, r.Code, r.Err)
		state, gone = LastState(t, r.Out), goneIn(t, r.Out, versions)
		for line := range strings.Lines(r.Out) {
			var m struct {
				Type, Stream string
				Record       struct {
					ID   int64
					Gone *string `json:"_sdc_deleted_at"`
				}
			}
			require.NoError(t, json.Unmarshal([]byte(line), &m))
			if have[m.Stream] == nil {
				have[m.Stream] = map[int64]bool{}
			}
			if m.Type == "RECORD" {
				have[m.Stream][m.Record.ID] = m.Record.Gone == nil
			}
		}
		delete(have, "") // of states
		for stream, rows := range have {
			maps.DeleteFunc(rows, func(_ int64, lives bool) bool { return !lives })
			assert.Equal(t, ids(t, s, stream), rows, stream)
		}
		return gone
	}
	change := func(what string) int {
		answer, err := http.Get(s.URL() + "/sandbox/change?" + what)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	sync()
	require.Equal(t, http.StatusOK, change("hide=3&streams=users,candidates,job_posts"))
	gone := sync()
	assert.Len(t, gone["users"], 3)
	assert.Len(t, gone["candidates"], 3)
	assert.NotEmpty(t, gone["applications"], "they belong to their candidates")
	assert.NotEmpty(t, gone["job_posts"])
	require.Equal(t, http.StatusOK, change("show=2&hide=1&update=2&streams=users,candidates"))
	gone = sync()
	assert.Len(t, gone["users"], 1)
	require.Equal(t, http.StatusOK, change("show=99&streams=users,candidates,job_posts"))
	assert.Empty(t, sync())
	for _, wrong := range []string{"hidden=3", "hide=x", "hide=-1", "show="} {
		assert.Equal(t, http.StatusUnprocessableEntity, change(wrong), wrong)
	}
	assert.Equal(t, http.StatusNotFound, change("hide=1&streams=nope"))
}

// The log, the report and the state say until when a stream is verified, how many rows it has, and
// how many were repaired, also if it has none.
func TestProofsAreReported(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	report := filepath.Join(t.TempDir(), "r.json")
	r := Run(t, "--report", report, "--config", File(t, "c.json", With(s, map[string]any{
		"streams": []string{"users"},
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "0s"},
	})))
	require.Zero(t, r.Code, r.Err)
	rows := len(ids(t, s, "users"))
	assert.Regexp(t, fmt.Sprintf(`"stream is complete" stream=users records=%d verified_until=\S+ verified_rows=%d verified_id_sum=\d+ verified_max_updated_at=\S+ gone=0 repaired=0`, rows, rows), r.Err)
	data, err := os.ReadFile(report)
	require.NoError(t, err)
	assert.Contains(t, string(data), fmt.Sprintf(`"verified_rows": %d`, rows))
	assert.Contains(t, string(data), `"repaired": 0`)
	assert.Contains(t, string(LastState(t, r.Out)), fmt.Sprintf(`"rows":%d`, rows))
}

// A stream that was loaded before deletes were turned on is read whole once, so that every row has
// the version.
func TestDeletesSwitchedOnLater(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 700})
	cfg := With(s, map[string]any{"streams": []string{"candidates"}})
	r := Run(t, "--config", File(t, "c.json", cfg))
	state := LastState(t, r.Out)
	cfg["deletes"] = map[string]any{"store": "file://" + t.TempDir(), "every": "0s"}
	cfg["start_date"] = "2026-10-01"
	r = Run(t, "--config", File(t, "c.json", cfg), "--state", File(t, "s.json", state))
	require.Zero(t, r.Code, r.Err)
	versions := map[string]int64{}
	assert.Empty(t, goneIn(t, r.Out, versions))
	assert.Equal(t, 700, strings.Count(r.Out, `"type":"RECORD"`),
		"rows from before a later start date have no version yet, either")
	s.Change("candidates", rand.New(rand.NewPCG(5, 6)), 0, 0, 5)
	r = Run(t, "--config", File(t, "c.json", cfg), "--state",
		File(t, "s.json", LastState(t, r.Out)))
	require.Zero(t, r.Code, r.Err)
	assert.NotEmpty(t, goneIn(t, r.Out, versions)["candidates"])
}

// The cost of a run with nothing new, with deletes: one request for a short list, and as many as
// their ids fill for long ones.
func TestCostOfDeletes(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 2600})
	cfg := With(s, map[string]any{
		"streams": []string{"users", "candidates"},
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "0s"},
	})
	r := Run(t, "--config", File(t, "c.json", cfg))
	require.Zero(t, r.Code, r.Err)
	s.ResetRequests()
	r = Run(t, "--config", File(t, "c.json", cfg), "--state",
		File(t, "s.json", LastState(t, r.Out)))
	require.Zero(t, r.Code, r.Err)
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"users": 1, "candidates": 1 + 6}, lists)
	assert.Zero(t, strings.Count(r.Out, `"type":"RECORD"`), fmt.Sprint(lists))
}

// An anonymized candidate makes the lists of candidates' children due at once.
func TestAnonymizedCandidatesMakeTheirChildrenDue(t *testing.T) {
	t.Parallel()
	anonymous := false
	s := Serve(t, sandbox.Options{
		Candidates: 1200,
		Row: func(stream string, _ int64, row []byte) []byte {
			if anonymous && stream == "candidates" {
				return []byte(strings.Replace(string(row), `"first_name":"`,
					`"first_name":"Anonymized","was":"`, 1))
			}
			return row
		},
	})
	cfg := With(s, map[string]any{
		"streams": []string{"candidates", "attachments", "jobs"},
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "7d"},
	})
	r := Run(t, "--config", File(t, "c.json", cfg))
	require.Zero(t, r.Code, r.Err)
	state := LastState(t, r.Out)
	s.Change("attachments", rand.New(rand.NewPCG(1, 1)), 0, 0, 4)
	versions := map[string]int64{}
	r = Run(t, "--config", File(t, "c.json", cfg), "--state", File(t, "s.json", state))
	assert.Empty(t, goneIn(t, r.Out, versions), "a long list is not due yet")
	anonymous = true
	s.Change("candidates", rand.New(rand.NewPCG(1, 1)), 0, 1, 0)
	r = Run(t, "--config", File(t, "c.json", cfg), "--state", File(t, "s.json", state))
	require.Zero(t, r.Code, r.Err)
	assert.Equal(t, 4, strings.Count(r.Out, `"_sdc_deleted_at":"2`))
}

// What the store of deletes knows of a stream can be looked at, with the state and without it.
func TestShowingWhatIsKnownOfAStream(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 100})
	config := File(t, "c.json", With(s, map[string]any{
		"streams": []string{"users"},
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "0s"},
	}))
	show := func(args ...string) Result {
		return Run(t, append([]string{"deletes", "show", "users", "--config", config}, args...)...)
	}
	r := show()
	require.Zero(t, r.Code, r.Err)
	assert.Regexp(t, `rows known +0,`, r.Out)
	assert.Regexp(t, `last sweep +never`, r.Out)

	first := Run(t, "--config", config)
	require.Zero(t, first.Code, first.Err)
	state := File(t, "s.json", LastState(t, first.Out))
	known := len(ids(t, s, "users"))
	r = show("--state", state)
	require.Zero(t, r.Code, r.Err)
	assert.Regexp(t, fmt.Sprintf(`rows known +%d, of which 0 are unsure`, known), r.Out)
	assert.Regexp(t, `version +2`, r.Out)
	assert.Contains(t, r.Out, "belongs to this ledger")
	assert.Contains(t, r.Out, "no row that a state has not acknowledged")

	s.Change("users", rand.New(rand.NewPCG(1, 2)), 0, 0, 3)
	require.Zero(t, Run(t, "--config", config, "--state", state).Code)
	var told struct {
		Rows     int
		Reported []int64
		Belongs  bool
	}
	r = show("--state", state, "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(r.Out), &told))
	assert.Equal(t, known-3, told.Rows)
	assert.Len(t, told.Reported, 3, "no state has acknowledged them")
	assert.True(t, told.Belongs)

	for args, message := range map[string]string{
		"deletes show nope --config " + config:                           `there is no stream \"nope\"`,
		"deletes show users --config " + File(t, "d.json", With(s, nil)): "deletes is not set in the config",
	} {
		r := Run(t, strings.Fields(args)...)
		assert.Equal(t, 2, r.Code)
		assert.Contains(t, r.Err, message)
	}
}
