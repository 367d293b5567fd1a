package e2e

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loader"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// field is a custom field of candidates: its definition, and each candidate's value.
type field struct {
	key, valueType string
	inactive       bool
	value          any
}

// defined serves candidates with custom fields; the test may change fields between runs.
func defined(t *testing.T, fields *[]field) *sandbox.Server {
	t.Helper()
	var first int64 // number of the oldest definition; 0 until it is known
	s := Serve(t, sandbox.Options{Row: func(stream string, id int64, row []byte) []byte {
		var r map[string]any
		if first == 0 || stream != "custom_fields" && stream != "candidates" ||
			json.Unmarshal(row, &r) != nil {
			return row
		}
		chosen := *fields
		if stream == "candidates" {
			values := map[string]any{}
			for _, f := range chosen {
				if f.value != nil || !f.inactive {
					values[f.key] = map[string]any{
						"name": f.key, "type": f.valueType,
						"value": f.value,
					}
				}
			}
			r["custom_fields"] = values
		} else {
			r["field_type"] = "form"
			if n := id - first; n < int64(len(chosen)) && chosen[n].valueType != "" {
				f := chosen[n]
				r["field_type"], r["name_key"], r["name"], r["value_type"],
					r["active"] = "candidate", f.key, strings.ToUpper(f.key), f.valueType,
					!f.inactive
			}
		}
		out, err := json.Marshal(r)
		if err != nil {
			return row
		}
		return out
	}})
	var rows []struct {
		ID int64 `json:"id"`
	}
	all, err := s.Rows("custom_fields")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(all, &rows))
	for _, r := range rows {
		if first == 0 || r.ID < first {
			first = r.ID
		}
	}
	return s
}

// customs returns the columns of custom fields in a schema of candidates.
func customs(t *testing.T, schema []byte) map[string]any {
	t.Helper()
	var s struct {
		Properties map[string]map[string]any `json:"properties"`
	}
	require.NoError(t, json.Unmarshal(schema, &s))
	found := map[string]any{}
	for name, column := range s.Properties {
		if strings.HasPrefix(name, "custom_") {
			delete(column, "description")
			found[name] = any(column)
		}
	}
	return found
}

// customValues returns the columns of custom fields of one loaded candidate.
func customValues(t *testing.T, l *loader.Loader) map[string]any {
	t.Helper()
	require.NotEmpty(t, l.Rows["candidates"])
	var row map[string]any
	for _, r := range l.Rows["candidates"] {
		require.NoError(t, json.Unmarshal(r, &row))
		break
	}
	maps.DeleteFunc(row, func(name string,
		_ any,
	) bool {
		return !strings.HasPrefix(name, "custom_")
	})
	return row
}

func columnsOf(s *sandbox.Server) map[string]any {
	return With(s, map[string]any{"streams": []string{"candidates"}, "custom_fields": "columns"})
}

func TestCustomFieldsAsColumns(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{})
	for _, mode := range []string{"columns", "both"} {
		var l loader.Loader
		r := Load(t, &l, With(s, map[string]any{
			"streams":       []string{"candidates"},
			"custom_fields": mode,
		}), nil)
		require.Zero(t, r.Code, r.Err)
		schema := string(l.LastSchema["candidates"])
		assert.Contains(t, schema, `"custom_candidate_multi_select"`)
		assert.Equal(t, mode == "both", strings.Contains(schema, `"custom_fields"`))
		assert.Equal(t, 1, l.Schemas["candidates"], "the definitions' types fit")
		for _, row := range l.Rows["candidates"] {
			assert.Contains(t, string(row), `"custom_candidate_user":`)
			assert.Equal(t, mode == "both", strings.Contains(string(row), `"custom_fields":`))
		}
	}
	r := Run(t, "--config", File(t, "c.json", With(s, map[string]any{"custom_fields": "columns"})),
		"--discover")
	require.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Out, "custom_offer_currency")
}

func TestCustomFieldsOfEveryValueType(t *testing.T) {
	t.Parallel()
	text, number, id := []any{"string", "null"}, []any{"number", "null"}, []any{"integer", "null"}
	object := []any{"object", "null"}
	amounts := map[string]any{"min_value": "1.0", "max_value": "2.0", "unit": "EUR"}
	cases := map[string]struct {
		value, loaded any
		kinds         []any
		format        any
	}{
		"short_text":    {value: "a", kinds: text},
		"long_text":     {value: "a\nb", kinds: text},
		"rich_text":     {value: "<p>a</p>", kinds: text},
		"url":           {value: "https://example.com", kinds: text},
		"header":        {value: "a", kinds: text},
		"statement":     {value: "a", kinds: text},
		"attachment":    {value: "https://example.com/a", kinds: text},
		"yes_no":        {value: true, kinds: []any{"boolean", "null"}},
		"number":        {value: 1.5, kinds: number},
		"single_select": {value: "IC5", kinds: text},
		"user":          {value: map[string]any{"id": 8, "name": "Ann"}, loaded: 8.0, kinds: id},
		"linked":        {value: 9, kinds: id},
		"multi_select": {
			value:  []any{"IC1", 1, map[string]any{"id": 2, "name": "Two"}},
			loaded: []any{"IC1", "1", "Two"}, kinds: []any{"array", "null"},
		},
		"date":           {value: "2026-01-31", kinds: text, format: "date"},
		"date_of_birth":  {value: "1970-12-01", kinds: text, format: "date"},
		"currency":       {value: map[string]any{"amount": "1.0", "unit": "EUR"}, kinds: object},
		"currency_range": {value: amounts, kinds: object},
		"number_range": {
			value: map[string]any{"min_value": 1.0, "max_value": 2.0},
			kinds: object,
		},

		"address_hris":               {value: "*****12", kinds: text},
		"date_of_birth_hris":         {value: "****-**-12", kinds: text},
		"phone_number_hris":          {value: "*****12", kinds: text},
		"national_tax_identity_hris": {value: "*****12", kinds: text},
	}
	var fields []field
	for _, valueType := range slices.Sorted(maps.Keys(cases)) {
		fields = append(fields, field{
			key: "my_" + valueType, valueType: valueType,
			value: cases[valueType].value,
		})
	}
	s := defined(t, &fields)
	var l loader.Loader
	require.Zero(t, Load(t, &l, columnsOf(s), nil).Code)
	assert.Equal(t, 1, l.Schemas["candidates"], "the definitions' types fit")
	columns, values := customs(t, l.LastSchema["candidates"]), customValues(t, &l)
	assert.Len(t, columns, len(cases))
	for valueType, c := range cases {
		column, _ := columns["custom_my_"+valueType].(map[string]any)
		assert.ElementsMatch(t, c.kinds, column["type"], valueType)
		assert.Equal(t, c.format, column["format"], valueType)
		want := c.loaded
		if want == nil {
			want = c.value
		}
		have, err := json.Marshal(values["custom_my_"+valueType])
		require.NoError(t, err)
		wanted, err := json.Marshal(want)
		require.NoError(t, err)
		assert.JSONEq(t, string(wanted), string(have), valueType)
	}
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].value = nil
	}
	require.Zero(t, Load(t, &l, columnsOf(s), nil).Code, "every column takes null")
}

func TestCustomFieldsWithClashingNames(t *testing.T) {
	t.Parallel()
	fields := []field{
		{key: "team-a", valueType: "short_text", value: "first"},
		{key: "team_a", valueType: "number", value: 2},
		{key: "Team A", valueType: "yes_no", value: true},
		{key: "fields", valueType: "short_text", value: "not the raw column"},
		{key: "team_a", valueType: "short_text", inactive: true, value: 2},
		{key: "größe", valueType: "short_text", value: "L"},
	}
	s := defined(t, &fields)
	cfg := columnsOf(s)
	cfg["custom_fields"] = "both"
	var first []string
	for range 2 {
		var l loader.Loader
		require.Zero(t, Load(t, &l, cfg, nil).Code)
		names := slices.Sorted(maps.Keys(customs(t, l.LastSchema["candidates"])))
		require.Len(t, names, 6, names)
		assert.Subset(t, names, []string{"custom_fields", "custom_team_a", "custom_gr__e"})
		values := customValues(t, &l)
		assert.Equal(t, "first", values["custom_team_a"], "the oldest definition has the name")
		assert.Len(t, values["custom_fields"], 5)
		assert.Contains(t, slices.Collect(maps.Values(values)), any(2.0))
		assert.Contains(t, slices.Collect(maps.Values(values)), any("not the raw column"))
		if first == nil {
			first = names
		}
		assert.Equal(t, first, names, "the same every time")
	}
}

func TestCustomFieldsThatChangeAreDrift(t *testing.T) {
	t.Parallel()
	fields := []field{
		{key: "stays", valueType: "number", value: 1},
		{key: "changes", valueType: "number", value: 1},
		{key: "vanishes", valueType: "short_text", value: "a"},
		{key: "lies", valueType: "number", value: "twelve"},
	}
	s := defined(t, &fields)
	cfg := File(t, "c.json", columnsOf(s))
	catalog := File(t, "catalog.json", Run(t, "--config", cfg, "--discover").Out)
	sync := func(args ...string) (l *loader.Loader, warnings string) {
		l = &loader.Loader{}
		r := Run(t, append([]string{"--config", cfg, "--catalog", catalog}, args...)...)
		require.Zero(t, r.Code, r.Err)
		require.NoError(t, l.Load(strings.NewReader(r.Out), false))
		return l, r.Err
	}
	l, warnings := sync()
	columns := customs(t, l.LastSchema["candidates"])
	assert.ElementsMatch(t, []any{"number", "string", "null"},
		columns["custom_lies"].(map[string]any)["type"])
	assert.Equal(t, 1, strings.Count(warnings, "column=custom_lies"), warnings)
	state := File(t, "state.json", l.LastState())

	fields = []field{
		{key: "stays", valueType: "number", value: 1},
		{key: "changes", valueType: "short_text", value: "one"},
		{key: "vanishes"},
		{key: "lies", valueType: "number", value: 12},
		{key: "comes", valueType: "user", value: 5},
		{key: "undefined", value: []any{"kept all the same"}},
	}
	s.Change("candidates", rand.New(rand.NewPCG(1, 1)), 1, 2, 0)
	l, _ = sync("--state", state)
	columns = customs(t, l.LastSchema["candidates"])
	values := customValues(t, l)
	assert.ElementsMatch(t, []any{"number", "string", "null"},
		columns["custom_lies"].(map[string]any)["type"], "what was learnt stays")
	assert.Contains(t, columns["custom_changes"].(map[string]any)["type"], "string")
	assert.Equal(t, "one", values["custom_changes"])
	assert.Equal(t, 5.0, values["custom_comes"])
	assert.Equal(t, []any{"kept all the same"}, values["custom_undefined"])
	assert.NotContains(t, values, "custom_vanishes", "nobody defines it, and no value is left")

	// After an administrator hides a field, its values disappear.
	fields[0].inactive = true
	l, _ = sync()
	assert.NotContains(t, customs(t, l.LastSchema["candidates"]), "custom_stays")
	assert.Contains(t, customs(t, l.LastSchema["candidates"]), "custom_comes")
}

func TestCustomFieldsAreSelectedIndividually(t *testing.T) {
	t.Parallel()
	fields := []field{
		{key: "wanted", valueType: "short_text", value: "a"},
		{key: "left_out", valueType: "short_text", value: "b"},
	}
	s := defined(t, &fields)
	cfg := File(t, "c.json", columnsOf(s))
	s.ResetRequests()
	r := Run(t, "--config", cfg, "--discover")
	require.Zero(t, r.Code, r.Err)
	lists, _, _ := s.Requests()
	assert.Equal(t, map[string]int{"custom_fields": 1}, lists)
	catalog := File(t, "catalog.json", without(t, r.Out, "candidates", "custom_left_out"))
	check := func() {
		var l loader.Loader
		r := Run(t, "--config", cfg, "--catalog", catalog)
		require.Zero(t, r.Code, r.Err)
		require.NoError(t, l.Load(strings.NewReader(r.Out), false))
		assert.Equal(t, "a", customValues(t, &l)["custom_wanted"])
		assert.NotContains(t, r.Out, "left_out")
	}
	check()
	// It stays deselected after its definition is gone, and others appear.
	fields = []field{
		fields[0],
		{key: "left_out", value: "b"},
		{key: "new", valueType: "short_text", value: "c"},
	}
	check()
}

// without returns a catalog that selects one stream and deselects one of its columns, which the
// catalog need not have.
func without(t *testing.T, catalog, stream, column string) map[string]any {
	t.Helper()
	var c struct {
		Streams []map[string]any `json:"streams"`
	}
	require.NoError(t, json.Unmarshal([]byte(catalog), &c))
	for _, e := range c.Streams {
		metadata := slices.DeleteFunc(e["metadata"].([]any), func(m any) bool {
			crumb := m.(map[string]any)["breadcrumb"].([]any)
			return len(crumb) == 0 || crumb[len(crumb)-1] == column
		})
		e["metadata"] = append(metadata,
			map[string]any{
				"breadcrumb": []any{},
				"metadata":   map[string]any{"selected": e["tap_stream_id"] == stream},
			},
			map[string]any{
				"breadcrumb": []any{"properties", column},
				"metadata":   map[string]any{"selected": false},
			})
	}
	return map[string]any{"streams": c.Streams}
}

func TestCustomFieldsWithoutTheirScope(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Scopes: []string{
		"harvest:candidates:list",
		"harvest:user_emails:list",
	}})
	cfg := With(s, map[string]any{
		"streams":       []string{"candidates", "user_emails"},
		"custom_fields": "columns",
	})
	var l loader.Loader
	r := Load(t, &l, cfg, nil)
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "skipped: candidates (needs harvest:custom_fields:list)")
	assert.Contains(t, r.Err, "grant the scope harvest:custom_fields:list")
	Complete(t, s, &l, "user_emails")
	assert.NotContains(t, l.Rows, "candidates",
		"rows without their columns would be lost: the next run does not read them again")
	cfg["on_forbidden"] = "fail"
	assert.Equal(t, 1, Load(t, &l, cfg, nil).Code)
	assert.Contains(t, Run(t, "scopes", "--config", File(t, "c.json", cfg)).Out,
		"harvest:custom_fields:list")

	s.Grant([]string{
		"harvest:candidates:list", "harvest:user_emails:list",
		"harvest:custom_fields:list",
	})
	require.Zero(t, Load(t, &l, cfg, l.LastState()).Code)
	assert.Len(t, l.Rows["candidates"], 20)

	r = Run(t, "--config", File(t, "c.json", map[string]any{"custom_fields": "columns"}),
		"--discover")
	assert.Zero(t, r.Code, r.Err)
	assert.Contains(t, r.Err, "client_id is missing",
		"discovery without a credential says what is left out")
}

// A catalog that lacks columns would deselect them: if the definitions cannot be read, there is
// none.
func TestDiscoveryIsNeverHalf(t *testing.T) {
	t.Parallel()
	s := Serve(t, sandbox.Options{Candidates: 5})
	cfg := File(t, "c.json", With(s, map[string]any{"custom_fields": "columns", "max_retry_time": "1ms"}))
	for _, fault := range []sandbox.Fault{sandbox.Status404, sandbox.Status500, sandbox.Object200, sandbox.Reset} {
		s.SetFault(func(r *http.Request) sandbox.Fault {
			if r.URL.Path == "/v3/custom_fields" {
				return fault
			}
			return sandbox.NoFault
		})
		for _, args := range [][]string{{"--config", cfg, "--discover"}, {"discover", "--config", cfg}} {
			r := Run(t, args...)
			assert.Equal(t, 1, r.Code, string(fault))
			assert.NotContains(t, r.Out, "candidates", "no catalog")
			assert.Contains(t, r.Err+r.Out, "definitions of custom fields")
		}
	}
}
