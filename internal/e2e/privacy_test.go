package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

const privacyKey = "a key of more than sixteen bytes"

func hashOf(text string) string {
	mac := hmac.New(sha256.New, []byte(privacyKey))
	mac.Write([]byte(strings.ToLower(strings.TrimSpace(text))))
	return hex.EncodeToString(mac.Sum(nil))
}

// canaries puts a unique text in every text of every row.
func canaries(t *testing.T) func(stream string, id int64, row []byte) []byte {
	return func(stream string, id int64, row []byte) []byte {
		var v map[string]any
		require.NoError(t, json.Unmarshal(row, &v))
		var plant func(path string, v any) any
		plant = func(path string, v any) any {
			switch v := v.(type) {
			case string:
				if strings.HasSuffix(path, "_at") || strings.HasSuffix(path, "date") ||
					strings.HasSuffix(path, "_on") {
					return v
				}
				return fmt.Sprintf(" Canary-%s-%s-%d \n", stream, path, id)
			case []any:
				for i := range v {
					v[i] = plant(path, v[i])
				}
			case map[string]any:
				for k := range v {
					v[k] = plant(path+"."+k, v[k])
				}
			}
			return v
		}
		for k := range v {
			v[k] = plant(k, v[k])
		}
		out, err := json.Marshal(v)
		require.NoError(t, err)
		return out
	}
}

// With canaries in every text, none of a treated column appears anywhere, at any log level, in
// either protocol, with faults.
func TestTreatedValuesAppearNowhere(t *testing.T) {
	t.Parallel()
	verbose := func(t *testing.T, args ...string) Result {
		return Run(t, append(args, "--log-level", "debug")...)
	}
	policy := map[string]any{
		"privacy": map[string]any{
			"contact": "hash", "free_text": "drop", "demographic": "mask",
			"pay": "drop", "assessment": "mask", "credential": "drop",
		},
		"privacy_key": privacyKey,
	}
	s := Serve(t, sandbox.Options{
		Candidates: 40, Row: canaries(t),
		Fault: sandbox.Chaos(3, 0.1, sandbox.Status500, sandbox.CutBody, sandbox.HTML200),
	})
	cfg := File(t, "c.json", With(s, policy))
	var rows []struct{ Stream, Column, Class, Treatment string }
	table := verbose(t, "privacy", "--config", cfg, "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(table.Out), &rows))
	catalog := verbose(t, "discover", "--config", cfg)
	singer, test := verbose(t, "--config", cfg), verbose(t, "--config", cfg, "--test")
	require.Zero(t, singer.Code, singer.Err)
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(singer.Out), false))
	report, page := filepath.Join(t.TempDir(), "run.json"), filepath.Join(t.TempDir(), "run.html")
	verbose(t, "--config", cfg, "--report", report)
	verbose(t, "--config", cfg, "--report", page, "--log-format", "json")
	airbyte := verbose(t, "read", "--config", cfg, "--catalog",
		File(t, "catalog.json", configuredAll(t, catalog.Out)))
	accounts := ""
	for _, path := range []string{report, page} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		accounts += string(text)
	}
	assert.Contains(t, airbyte.Out, "Canary-", "what is kept is there")
	outputs := strings.Join([]string{
		accounts, airbyte.Out, airbyte.Err, singer.Out, singer.Err,
		test.Out, test.Err, catalog.Out, verbose(t, "--config", cfg, "--discover").Out,
	}, "\n")
	treated := 0
	for _, row := range rows {
		if row.Treatment == "keep" || row.Column == "*" {
			continue
		}
		treated++
		assert.NotContains(t, outputs, "Canary-"+row.Stream+"-"+row.Column+"-", "%s", row)
		assert.NotContains(t, outputs, "Canary-"+row.Stream+"-"+row.Column+".", "%s", row)
		if row.Treatment == "drop" && !strings.Contains(row.Column, ".") &&
			l.LastSchema[row.Stream] != nil {
			var schema struct{ Properties map[string]any }
			require.NoError(t, json.Unmarshal(l.LastSchema[row.Stream], &schema))
			assert.NotContains(t, schema.Properties, row.Column, row.Stream)
		}
	}
	assert.Greater(t, treated, 60)
	for id, row := range l.Rows["candidates"] {
		var c map[string]any
		require.NoError(t, json.Unmarshal(row, &c))
		if c["first_name"] != nil {
			assert.Equal(t, hashOf(fmt.Sprintf("Canary-candidates-first_name-%s",
				strings.TrimSuffix(id, "/"))), c["first_name"])
		}
	}
	assert.NotContains(t, outputs, privacyKey)
}

// configuredAll returns a configured catalog that reads everything in a discovered one.
func configuredAll(t *testing.T, discovered string) map[string]any {
	t.Helper()
	var streams []any
	for line := range strings.Lines(discovered) {
		var m struct {
			Catalog struct{ Streams []map[string]any }
		}
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		for _, s := range m.Catalog.Streams {
			streams = append(streams, map[string]any{
				"stream": s, "sync_mode": "full_refresh",
				"destination_sync_mode": "overwrite",
			})
		}
	}
	return map[string]any{"streams": streams}
}

// Dropped columns are not requested.
func TestDroppedColumnsAreNotRequested(t *testing.T) {
	t.Parallel()
	var fields []string
	s := Serve(t, sandbox.Options{})
	s.SetFault(func(r *http.Request) sandbox.Fault {
		if r.URL.Path == "/v3/candidates" {
			fields = strings.Split(r.URL.Query().Get("fields"), ",")
		}
		return sandbox.NoFault
	})
	r := Run(t, "--config", File(t, "c.json", With(s, map[string]any{
		"streams": []string{"candidates"}, "privacy": map[string]any{"contact": "drop"},
		"privacy_columns": map[string]any{
			"candidates.phone_numbers": "drop",
			"candidates.last_name":     "keep",
		},
	})))
	require.Zero(t, r.Code, r.Err)
	assert.NotContains(t, fields, "first_name")
	assert.NotContains(t, fields, "phone_numbers")
	assert.Contains(t, fields, "last_name", "the name goes before the class")
	assert.NotContains(t, r.Out, `"first_name"`)
}

// Columns that this program adds are never requested, whatever else is on: the API would refuse the
// list of columns, and send those that were dropped.
func TestOnlyColumnsOfTheAPIAreRequested(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"raw", "columns", "both"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := Serve(t, sandbox.Options{})
			var l loader.Loader
			store := "file://" + filepath.ToSlash(t.TempDir())
			for range 2 { // the second run knows what the first one learnt
				r := Load(t, &l, With(s, map[string]any{
					"streams":       []string{"candidates", "users", "offers", "openings", "attachments"},
					"custom_fields": mode,
					"privacy":       map[string]any{"contact": "drop", "pay": "drop"},
					"exclude":       []string{"openings.opened_at"},
					"deletes":       map[string]any{"store": store},
					"attachments":   map[string]any{"store": store + "/files"},
				}), l.LastState())
				require.Zero(t, r.Code, r.Err)
			}
			_, status, _ := s.Requests()
			assert.Zero(t, status[http.StatusUnprocessableEntity])
		})
	}
}

// An unknown column is dropped with a policy, and kept without one.
func TestUnclassifiedColumns(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Row: func(_ string, _ int64, row []byte) []byte {
		return append(row[:len(row)-1], `,"shoe_size":"forty-two"}`...)
	}})
	for want, cfg := range map[string]map[string]any{
		"forty-two": {},
		"":          {"privacy": map[string]any{"pay": "mask"}},
		hashOf("forty-two"): {
			"privacy":     map[string]any{"unclassified": "hash"},
			"privacy_key": privacyKey,
		},
		`"shoe_size":null`: {"privacy": map[string]any{"unclassified": "mask"}},
	} {
		cfg["streams"] = []string{"jobs"}
		var l loader.Loader
		r := Load(t, &l, With(s, cfg), nil)
		require.Zero(t, r.Code, r.Err)
		if want == "" {
			assert.NotContains(t, r.Out, "shoe_size")
			continue
		}
		assert.Contains(t, r.Out, want)
	}
}

func TestChangedPolicyIsReportedOnce(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	var l loader.Loader
	cfg := map[string]any{"streams": []string{"demographic_questions", "users"}}
	Load(t, &l, With(s, cfg), nil)
	cfg["privacy"], cfg["privacy_key"] = map[string]any{"contact": "hash"}, privacyKey
	r := Load(t, &l, With(s, cfg), l.LastState())
	assert.Contains(t, r.Err, "keep their old values")
	assert.Contains(t, r.Err, "users")
	assert.NotContains(t, string(l.LastState()), privacyKey)
	assert.NotContains(t, Load(t, &l, With(s, cfg), l.LastState()).Err, "keep their old values")
}

func TestTypeChanges(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Row: func(_ string, id int64, row []byte) []byte {
		if id%3 == 0 {
			return []byte(strings.Replace(string(row), `"confidential":`,
				`"confidential":"yes and no","was":`, 1))
		}
		return row
	}})
	for _, mode := range []string{"widen", "null"} {
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{"streams": []string{"jobs"}, "type_changes": mode}),
			nil)
		require.Zero(t, r.Code, r.Err)
		var schema struct {
			Properties map[string]struct{ Type any }
		}
		require.NoError(t, json.Unmarshal(l.LastSchema["jobs"], &schema))
		assert.Equal(t, mode == "widen",
			strings.Contains(fmt.Sprint(schema.Properties["confidential"].Type), "string"))
		assert.Equal(t, mode == "widen", strings.Contains(r.Out, "yes and no"))
		assert.Equal(t, mode == "null", strings.Contains(r.Err, "was replaced by null"))
		assert.Contains(t, schema.Properties, "was", "new columns come in either way")
	}
}
