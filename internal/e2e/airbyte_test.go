//go:build unix

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/internal/platform"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// configure selects streams from discover's output; all without names. change may be nil.
func configure(t testing.TB, config string, mode string, change func(stream map[string]any),
	names ...string,
) []byte {
	t.Helper()
	r := Run(t, "discover", "--config", config)
	require.Zero(t, r.Code, r.Out)
	var m struct {
		Catalog struct{ Streams []map[string]any }
	}
	for line := range strings.Lines(r.Out) {
		if strings.Contains(line, `"CATALOG"`) {
			require.NoError(t, json.Unmarshal([]byte(line), &m))
		}
	}
	var streams []map[string]any
	for _, s := range m.Catalog.Streams {
		name := s["name"].(string)
		if len(names) > 0 && !slices.Contains(names, name) || len(names) == 0 &&
			slices.Contains([]string{"degrees", "disciplines", "schools"}, name) {
			continue
		}
		c := map[string]any{
			"stream": s, "sync_mode": mode, "destination_sync_mode": "append_dedup",
			"generation_id": 1, "minimum_generation_id": 0, "sync_id": 1,
		}
		if mode == "incremental" && !slices.Contains(s["supported_sync_modes"].([]any),
			any("incremental")) {
			c["sync_mode"] = "full_refresh"
		}
		if change != nil {
			change(c)
		}
		streams = append(streams, c)
	}
	out, err := json.Marshal(map[string]any{"streams": streams})
	require.NoError(t, err)
	return out
}

// source is a platform's connection to a sandbox.
type source struct {
	platform.Platform
	server          *sandbox.Server
	config, catalog string
}

func connect(t testing.TB, s *sandbox.Server, config map[string]any, mode string,
	names ...string,
) *source {
	t.Helper()
	c := &source{server: s, config: File(t, "config.json", config)}
	c.choose(t, configure(t, c.config, mode, nil, names...))
	return c
}

func (c *source) choose(t testing.TB, catalog []byte) {
	t.Helper()
	require.NoError(t, c.Catalog(catalog))
	c.catalog = File(t, "catalog.json", catalog)
}

func (c *source) args(t testing.TB, state []byte) []string {
	t.Helper()
	args := []string{"read", "--config", c.config, "--catalog", c.catalog}
	if state != nil {
		args = append(args, "--state", File(t, "state.json", state))
	}
	return args
}

// read runs a sync and takes its messages; state may be nil.
func (c *source) read(t testing.TB, state []byte) Result {
	t.Helper()
	r := Run(t, c.args(t, state)...)
	NoSecrets(t, r)
	require.NoError(t, c.Read(strings.NewReader(r.Out), false))
	return r
}

// all asserts the last status of every stream.
func (c *source) all(t testing.TB, status string, but ...string) {
	t.Helper()
	for name, statuses := range c.Statuses {
		if !slices.Contains(but, name) {
			assert.Equal(t, status, statuses[len(statuses)-1], name)
		}
	}
}

func TestReadLoadsEveryStreamAndThenWhatChanged(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 501})
	c := connect(t, s, s.Config(), "incremental")
	r := c.read(t, nil)
	require.Zero(t, r.Code, r.Out)
	assert.Empty(t, r.Err)
	assert.Len(t, c.Statuses, len(Named(t, IsList)))
	c.all(t, "COMPLETE")
	Complete(t, s, &c.Loader)
	assert.Equal(t, int64(len(c.Rows["users"])), c.Estimates["users"])
	assert.GreaterOrEqual(t, c.Estimates["candidates"], int64(501),
		"a guess from the first page, and no less than there is more than a page")
	s.Change("candidates", rand.New(rand.NewPCG(1, 1)), 3, 5, 0)
	s.ResetRequests()
	require.Zero(t, c.read(t, c.State()).Code)
	Complete(t, s, &c.Loader)
	lists, _, tokens := s.Requests()
	assert.Equal(t, 1, tokens)
	assert.Equal(t, 1, lists["candidates"])
}

func TestReadRequestsOnlySelectedColumns(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	c := connect(t, s, s.Config(), "incremental", "users")
	c.choose(t, configure(t, c.config, "incremental", func(stream map[string]any) {
		delete(stream["stream"].(map[string]any)["json_schema"].(map[string]any)["properties"].(map[string]any), "primary_email")
	}, "users"))
	var asked string
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Path == "/v3/users" {
			asked = r.URL.Query().Get("fields")
		}
		return sandbox.NoFault
	})
	require.Zero(t, c.read(t, nil).Code)
	assert.Contains(t, asked, "first_name")
	assert.NotContains(t, asked, "primary_email")
	for _, row := range c.Rows["users"] {
		assert.NotContains(t, string(row), "primary_email")
	}
}

func TestReadWithAScopeMissing(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var scopes []string
	all, err := schemas.Load()
	require.NoError(t, err)
	for _, stream := range all {
		if stream.Name != "offers" {
			scopes = append(scopes, stream.Scope)
		}
	}
	s.Grant(scopes)
	c := connect(t, s, s.Config(), "incremental")
	r := c.read(t, nil)
	assert.Equal(t, 1, r.Code, r.Out)
	assert.Equal(t, []string{"STARTED", "INCOMPLETE"}, c.Statuses["offers"])
	c.all(t, "COMPLETE", "offers")
	require.Len(t, c.Errors, 1)
	assert.Equal(t, "config_error", c.Errors[0].FailureType)
	assert.Equal(t, "offers", c.Errors[0].Descriptor.Name)
	assert.Contains(t, c.Errors[0].Message, "harvest:offers:list")
	assert.Contains(t, c.Errors[0].InternalMessage, "403")
}

func TestReadWithFaults(t *testing.T) {
	t.Parallel()
	t.Run("that a repeat mends", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{
			Candidates: long.Or(120, 700), Fault: sandbox.Chaos(11, 0.05),
			TokenUses: 40,
		})
		c := connect(t, s, s.Config(), "incremental")
		r := c.read(t, nil)
		require.Zero(t, r.Code, r.Out)
		c.all(t, "COMPLETE")
		Complete(t, s, &c.Loader)
	})
	t.Run("of one list", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if r.URL.Path == "/v3/jobs" {
				return sandbox.Status500
			}
			return sandbox.NoFault
		})
		c := connect(t, s, With(s, map[string]any{"max_retry_time": "2s"}), "incremental")
		assert.Equal(t, 1, c.read(t, nil).Code)
		assert.Equal(t, []string{"STARTED", "INCOMPLETE"}, c.Statuses["jobs"])
		c.all(t, "COMPLETE", "jobs")
		require.Len(t, c.Errors, 1)
		assert.Equal(t, "transient_error", c.Errors[0].FailureType)
	})
	t.Run("of the credential", func(t *testing.T) {
		t.Parallel()
		s := Serve(t, sandbox.Options{})
		c := connect(t, s, With(s, map[string]any{"client_secret": "wrong"}), "incremental")
		assert.Equal(t, 2, c.read(t, nil).Code)
		require.Len(t, c.Errors, 1)
		assert.Equal(t, "config_error", c.Errors[0].FailureType)
		assert.Contains(t, c.Errors[0].Message, "client_secret")
		c.all(t, "INCOMPLETE", tap.SyncLog)
	})
}

func TestReadReportsTheRateLimit(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Limit: 30, Window: 2 * time.Second})
	c := connect(t, s, s.Config(), "incremental")
	require.Zero(t, c.read(t, nil).Code)
	assert.NotZero(t, c.Limited)
	_, status, _ := s.Requests()
	assert.Zero(t, status[http.StatusTooManyRequests])
	c.all(t, "COMPLETE")
	Complete(t, s, &c.Loader)
}

func TestReadSendsTheNewRefreshToken(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(s *sandbox.Server) map[string]any{
		"flat": func(s *sandbox.Server) map[string]any {
			return With(s, map[string]any{"refresh_token": sandbox.RefreshToken})
		},
		"nested": func(s *sandbox.Server) map[string]any {
			return With(s, map[string]any{
				"client_id": nil, "client_secret": nil,
				"credentials": map[string]any{
					"auth_type": "refresh_token", "client_id": sandbox.ClientID,
					"client_secret": sandbox.ClientSecret, "refresh_token": sandbox.RefreshToken,
				},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := Serve(t, sandbox.Options{})
			c := connect(t, s, config(s), "incremental", "users")
			require.NoError(t, os.Chmod(c.config, 0o400))
			require.Zero(t, c.read(t, nil).Code)
			require.Len(t, c.Configs, 1)
			// The config that the platform was asked to save works for the next run.
			c.config = File(t, "config.json", []byte(c.Configs[0]))
			assert.Contains(t, string(c.Configs[0]), s.CurrentRefreshToken())
			require.Zero(t, c.read(t, c.State()).Code)
			require.Len(t, c.Configs, 2)
			var kept map[string]any
			require.NoError(t, json.Unmarshal(c.Configs[1], &kept))
			kept["custom_fields"] = "columns"
			for _, command := range []string{"check", "discover"} {
				indented, err := json.MarshalIndent(kept, "", "  ")
				require.NoError(t, err)
				r := Run(t, command, "--config", File(t, "config.json", indented))
				require.Zero(t, r.Code, r.Out)
				var p platform.Platform
				require.NoError(t, p.Read(strings.NewReader(r.Out), false))
				require.Len(t, p.Configs, 1, command)
				require.NoError(t, json.Unmarshal(p.Configs[0], &kept))
			}
		})
	}
}

func TestReadContinuesAfterKills(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: long.Or(120, 1500), Latency: 4 * time.Millisecond})
	c := connect(t, s, s.Config(), "incremental")
	random := rand.New(rand.NewPCG(6, 6))
	var state []byte
	for range long.Or(4, 30) {
		cmd := Command(t, c.args(t, state)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		require.NoError(t, cmd.Start())
		kill := time.AfterFunc(time.Duration(random.IntN(250))*time.Millisecond,
			func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was killed, or has ended
		kill.Stop()
		require.NoError(t, c.Read(&out, true))
		state = c.State()
	}
	require.Zero(t, c.read(t, state).Code)
	c.all(t, "COMPLETE")
	Complete(t, s, &c.Loader)
}

func TestReadEndsStreamsAtASignal(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: long.Or(120, 600), Latency: 30 * time.Millisecond})
	c := connect(t, s, s.Config(), "incremental")
	asked := NthRequest(s, 40)
	cmd := Command(t, c.args(t, nil)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	<-asked
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait() // the code is checked below
	assert.Equal(t, 143, cmd.ProcessState.ExitCode())
	require.NoError(t, c.Read(&out, false))
	incomplete := 0
	for name, statuses := range c.Statuses {
		last := statuses[len(statuses)-1]
		assert.Contains(t, []string{"COMPLETE", "INCOMPLETE"}, last, name)
		if last == "INCOMPLETE" {
			incomplete++
		}
	}
	assert.NotZero(t, incomplete)
	require.Zero(t, c.read(t, c.State()).Code)
	Complete(t, s, &c.Loader)
}

func TestFullRefreshContinuesWithinItsGeneration(t *testing.T) {
	long.Only(t)
	generation := func(id int) func(map[string]any) {
		return func(stream map[string]any) {
			stream["generation_id"],
				stream["minimum_generation_id"] = id, id
		}
	}
	s := Serve(t, sandbox.Options{Candidates: 20000})
	c := connect(t, s, s.Config(), "full_refresh", "candidates")
	c.choose(t, configure(t, c.config, "full_refresh", generation(1), "candidates"))
	// The list breaks off after 20 of its 40 pages.
	broken := 0
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Path == "/v3/candidates" {
			if broken++; broken > 20 {
				return sandbox.Status500
			}
		}
		return sandbox.NoFault
	})
	c.config = File(t, "config.json",
		With(s, map[string]any{"concurrency": 1, "max_retry_time": "1s"}))
	require.Equal(t, 1, c.read(t, nil).Code)
	s.SetFault(nil)
	state, had := c.State(), len(c.Rows["candidates"])
	require.NotZero(t, had)

	s.ResetRequests()
	require.Zero(t, c.read(t, state).Code)
	Complete(t, s, &c.Loader, "candidates")
	lists, _, _ := s.Requests()
	assert.Less(t, lists["candidates"], 30, "what was read of this generation is not read again")

	// Another generation starts again, whatever the state.
	c.choose(t, configure(t, c.config, "full_refresh", generation(2), "candidates"))
	c.Rows = nil
	s.ResetRequests()
	require.Zero(t, c.read(t, state).Code)
	Complete(t, s, &c.Loader, "candidates")
	lists, _, _ = s.Requests()
	assert.GreaterOrEqual(t, lists["candidates"], 40)
}

func TestStateOfAirbytesOwnSourceIsAccepted(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	since := "2026-06-01T00:00:00.000Z"
	for name, streamState := range map[string]string{
		"plain":         fmt.Sprintf(`{"updated_at":%q}`, since),
		"per partition": fmt.Sprintf(`{"states":[{"partition":{"parent_id":1},"cursor":{"updated_at":"2026-09-01T00:00:00.000Z"}},{"partition":{"parent_id":2},"cursor":{"updated_at":%q}}]}`, since),
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, s, With(s, map[string]any{"lookback": "0s"}), "incremental",
				"candidates")
			var asked string
			s.SetFault(func(r *http.Request) sandbox.Fault {
				if r.URL.Path == "/v3/candidates" && asked == "" {
					asked = r.URL.Query().Get("updated_at")
				}
				return sandbox.NoFault
			})
			state := fmt.Sprintf(`[{"type":"STREAM","stream":{"stream_descriptor":{"name":"candidates"},"stream_state":%s}}]`, streamState)
			require.Zero(t, c.read(t, []byte(state)).Code)
			assert.Contains(t, asked, "2026-06-01T00:00:00",
				"the slowest partition is what is known to be read")
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   sandbox.Options
		config map[string]any
		says   string // empty if it is valid
		list   string // the one that is asked for, users unless set
	}{
		"good":             {},
		"no introspection": {opts: sandbox.Options{NoIntrospection: true}},
		"one list of all": {
			opts: sandbox.Options{Scopes: []string{"harvest:jobs:list"}}, list: "jobs",
		},
		"the one list that is chosen": {
			opts:   sandbox.Options{Scopes: []string{"harvest:jobs:list", "harvest:offers:list"}},
			config: map[string]any{"streams": []string{"offers"}}, list: "offers",
		},
		"another list than the one that is chosen": {
			opts:   sandbox.Options{Scopes: []string{"harvest:jobs:list"}},
			config: map[string]any{"streams": []string{"offers"}},
			says:   "grant the scope harvest:offers:list",
		},
		"wrong client": {
			config: map[string]any{"client_secret": "wrong"},
			says:   "check client_id and client_secret",
		},
		"not a Site Admin": {
			opts: sandbox.Options{NotAdmin: true},
			says: "make that user a Site Admin",
		},
		"one list, without introspection": {
			opts: sandbox.Options{Scopes: []string{"harvest:jobs:list"}, NoIntrospection: true},
			says: "grant the scope harvest:users:list",
		},
		"users, which is chosen, without introspection": {
			opts:   sandbox.Options{Scopes: []string{"harvest:jobs:list"}, NoIntrospection: true},
			config: map[string]any{"streams": []string{"users"}},
			says:   "grant the scope harvest:users:list",
		},
		"no scope at all": {
			opts: sandbox.Options{Scopes: []string{}},
			says: "harvest:users:list",
		},
		"address not reachable": {config: map[string]any{
			"api_url":        "http://127.0.0.1:1",
			"max_retry_time": "1s",
		}, says: "127.0.0.1:1 does not answer"},
		"no credential": {config: map[string]any{"client_id": nil}, says: "client_id is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, c.opts)
			r := Run(t, "check", "--config", File(t, "c.json", With(s, c.config)))
			NoSecrets(t, r)
			var p platform.Platform
			require.NoError(t, p.Read(strings.NewReader(r.Out), false))
			assert.Zero(t, r.Code, "a check that fails is no error of the program")
			lists, _, _ := s.Requests()
			assert.LessOrEqual(t, lists["users"], 1, "no list is asked twice")
			if c.says == "" {
				assert.Equal(t, "SUCCEEDED", p.Status.Status, p.Status.Message)
				assert.Equal(t, map[string]int{cmp.Or(c.list, "users"): 1}, lists)
				return
			}
			assert.Equal(t, "FAILED", p.Status.Status)
			assert.Contains(t, p.Status.Message, c.says)
		})
	}
}

// A catalog of Airbyte without the column that says that a row is gone: nothing is told, and
// nothing is forgotten. With the column, the rows are told.
func TestDeletesThatTheCatalogCannotSay(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	c := connect(t, s, With(s, map[string]any{
		"deletes": map[string]any{"store": "file://" + t.TempDir(), "every": "0s"},
	}), "incremental", "users")
	whole := c.catalog
	c.choose(t, configure(t, c.config, "incremental", func(stream map[string]any) {
		delete(stream["stream"].(map[string]any)["json_schema"].(map[string]any)["properties"].(map[string]any), "_ab_cdc_deleted_at")
	}, "users"))
	require.Zero(t, c.read(t, nil).Code)
	before := len(ids(t, s, "users"))
	s.Change("users", rand.New(rand.NewPCG(1, 2)), 0, 0, 3)
	for range 2 {
		r := c.read(t, c.State())
		require.Zero(t, r.Code, r.Out)
		assert.Contains(t, r.Out, "the catalog lacks the column that says so")
		assert.NotContains(t, string(c.State()), fmt.Sprintf(`"rows":%d`, before-3))
	}
	c.catalog = whole
	r := c.read(t, c.State())
	require.Zero(t, r.Code, r.Out)
	assert.Equal(t, 3, strings.Count(r.Out, `"_ab_cdc_deleted_at":"2`))
	assert.Contains(t, string(c.State()), fmt.Sprintf(`"rows":%d`, before-3))
}
