package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/internal/long"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// strange are values of every kind, each with a canary in place of %; # is the canary as a number.
var strange = []string{
	`"%"`, `["%"]`, `[["%"]]`, `{"v":"%"}`, `[{"v":"%"}]`, `{"value":"%"}`, `[{"value":"%"}]`,
	`[{"value":["%"],"type":["%"]}]`, `[{"type":{"value":"%"},"value":{"type":"%"}}]`,
	`{"id":"%","description":["%"]}`, `{"id":{"x":"%"},"description":{"x":"%"}}`, `[[{"value":"%"}]]`,
	`{"question":"%","answer":"%","options":"%"}`, `[{"question":["%"],"answer":{"a":"%"},"options":"%"}]`,
	`[{"options":[["%"]],"label":{"x":"%"},"name":["%"]}]`, `[{"options":[{"label":{"x":"%"},"value":"%"}]}]`,
	`{"key":["%"],"name":{"x":"%"}}`, `[{"name":{"name":"%"},"new":"%"}]`, `{"new":["%"]}`, `[null,"%",true,1]`,
	`{"a":{"name":"a","type":"short_text","value":{"x":["%"]}},"b":"%","c":["%"]}`, `#`, `[#]`, `{"id":#}`,
	`[{"value":#,"type":#}]`, `"\u0025%"`, `" % \n"`,
}

// canary is in every planted value: as a text, or as a number that appears nowhere else.
const (
	canary       = "CANARY"
	canaryNumber = "77665544332211"
)

// attack plants strange values in everything of a row that a policy with all classes treats, by the
// streams' files alone, and in columns that no file knows. choose picks a value.
func attack(t *testing.T, choose func(column int, id int64) string,
) func(stream string, id int64, row []byte) []byte {
	t.Helper()
	all, err := schemas.Load()
	require.NoError(t, err)
	streams := map[string]*tap.Stream{}
	for _, s := range all {
		streams[s.Name] = s
	}
	return func(stream string, id int64, row []byte) []byte {
		s := streams[stream]
		shape, err := s.Shape()
		var values map[string]json.RawMessage
		if err != nil || json.Unmarshal(row, &values) != nil {
			return row
		}
		for i, c := range shape.Columns {
			if personal(s, &c) {
				values[c.Name] = plant(choose(i, id))
			}
		}
		values["shoe_size"] = plant(choose(len(shape.Columns), id))
		out, err := json.Marshal(values)
		if err != nil {
			return row
		}
		return out
	}
}

func plant(value string) json.RawMessage {
	value = strings.ReplaceAll(value, "#", canaryNumber)
	return json.RawMessage(strings.ReplaceAll(value, "%", canary))
}

// personal reports whether a column, or a member of it, has a class.
func personal(s *tap.Stream, c *record.Column) bool {
	for path, class := range s.PersonalData {
		if class != "none" && (path == c.Name || strings.HasPrefix(path, c.Name+".")) {
			return true
		}
	}
	return false
}

// policyOf is a policy with one treatment for all classes; what cannot be hashed is masked.
func policyOf(treatment string) map[string]any {
	classes := map[string]any{}
	for _, class := range []string{
		"contact", "free_text", "demographic", "pay", "assessment", "credential", "unclassified",
	} {
		classes[class] = treatment
		if treatment == "hash" && slices.Contains([]string{"demographic", "pay", "assessment"}, class) {
			classes[class] = "mask"
		}
	}
	return map[string]any{"privacy": classes, "privacy_key": privacyKey}
}

// silent asserts that no canary is in what a call wrote.
func silent(t *testing.T, r Result, what string) {
	t.Helper()
	require.Zero(t, r.Code, "%s: %s", what, r.Err)
	for stream, text := range map[string]string{"stdout": r.Out, "stderr": r.Err} {
		for _, c := range []string{canary, strings.ToLower(canary), canaryNumber} {
			if i := strings.Index(text, c); i >= 0 {
				line := text[strings.LastIndexByte(text[:i], '\n')+1 : i]
				assert.Fail(t, "a canary came out", "%s: %s: %.100s … %s%s", what, stream, line,
					line[max(0, len(line)-200):], c)
				return
			}
		}
	}
}

// A canary in every column that a policy treats, as a value of every kind, in place of every list
// and object: none comes out, under any treatment, in either protocol, and what comes out fits its
// schema.
func TestNoStrangeValueComesOut(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 40, Row: attack(t, func(column int, id int64) string {
		return strange[(column+int(id))%len(strange)]
	})})
	for _, treatment := range []string{"drop", "mask", "hash"} {
		cfg := File(t, "c.json", With(s, policyOf(treatment)))
		r := Run(t, "--config", cfg)
		silent(t, r, treatment)
		var l loader.Loader
		require.NoError(t, l.Load(strings.NewReader(r.Out), false))
	}
}

// The same with each kind of value in every column, in both protocols, with all modes of custom
// fields, by class and by name, and from a state that learnt the shapes of the strange values.
func TestNoStrangeValueComesOutAnyWay(t *testing.T) {
	long.Only(t)
	var offset atomic.Int64
	s := Serve(t, sandbox.Options{Candidates: 12, Row: attack(t, func(column int, id int64) string {
		return strange[(column+int(id)+int(offset.Load()))%len(strange)]
	})})
	clear := Run(t, "--config", File(t, "c.json", With(s, nil)))
	require.Zero(t, clear.Code, clear.Err)
	require.Contains(t, clear.Out, canary, "without a policy they do come out")
	learnt := File(t, "state.json", withoutTimes(t, clear.Out))
	for round := range 4 { // ids follow each other: seven rows and four rounds show all values
		offset.Store(int64(7 * round))
		for i, treatment := range []string{"drop", "mask", "hash"} {
			policy := policyOf(treatment)
			policy["custom_fields"] = []string{"raw", "columns", "both"}[(round+i)%3]
			if round == 3 {
				policy = namesOf(t, treatment)
			}
			what := fmt.Sprintf("%s, round %d", treatment, round)
			cfg := File(t, "c.json", With(s, policy))
			r := Run(t, "--config", cfg)
			silent(t, r, "singer, "+what)
			var l loader.Loader
			require.NoError(t, l.Load(strings.NewReader(r.Out), false))
			silent(t, Run(t, "--config", cfg, "--state", learnt), "from a state, "+what)
			discovered := Run(t, "discover", "--config", cfg)
			silent(t, Run(t, "read", "--config", cfg, "--catalog",
				File(t, "catalog.json", configuredAll(t, discovered.Out))), "airbyte, "+what)
		}
	}
}

// namesOf is a policy that names each column and member with a class, and each container.
func namesOf(t *testing.T, treatment string) map[string]any {
	t.Helper()
	all, err := schemas.Load()
	require.NoError(t, err)
	columns := map[string]any{}
	for _, s := range all {
		shape, err := s.Shape()
		require.NoError(t, err)
		for _, c := range shape.Columns {
			if !personal(s, &c) {
				continue
			}
			how := treatment
			class := s.PersonalData[c.Name]
			if how == "hash" && slices.Contains([]string{"demographic", "pay", "assessment"}, class) {
				how = "mask"
			}
			columns[s.Name+"."+c.Name] = how
		}
	}
	return map[string]any{"privacy_columns": columns, "privacy_key": privacyKey}
}

// withoutTimes returns the last state of a run with what it learnt, but without bookmarks, so that
// everything is read again.
func withoutTimes(t *testing.T, out string) map[string]any {
	t.Helper()
	var l loader.Loader
	require.NoError(t, l.Load(strings.NewReader(out), false))
	var state struct {
		Bookmarks map[string]map[string]any `json:"bookmarks"`
	}
	require.NoError(t, json.Unmarshal(l.LastState(), &state))
	learnt := 0
	for _, b := range state.Bookmarks {
		if b["learnt"] != nil {
			learnt++
		}
		maps.DeleteFunc(b, func(key string, _ any) bool { return key != "learnt" })
	}
	require.Greater(t, learnt, 20)
	return map[string]any{"bookmarks": state.Bookmarks}
}
