package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// dbtStreams are the streams that the marts of the dbt package read.
var dbtStreams = strings.Fields(`
	application_stages applications applied_candidate_tags approval_flows approver_groups attachments
	candidate_attribute_types candidate_tags candidates close_reasons demographic_answer_options
	demographic_answers demographic_questions departments eeoc interviewers interviews
	job_candidate_attributes job_hiring_managers job_interview_stages job_interviews job_owners
	job_post_locations job_posts jobs notes offers offices openings prospect_details
	prospect_pool_stages prospect_pools referrers rejection_details rejection_reasons
	scorecard_candidate_attributes scorecards sources users`)

// The parts of dbt's property files that are used:
// https://docs.getdbt.com/reference/configs-and-properties.
type (
	dbtFile struct {
		Version int         `yaml:"version"`
		Sources []dbtSource `yaml:"sources,omitempty"`
		Models  []dbtTable  `yaml:"models,omitempty"`
	}
	dbtSource struct {
		Name        string     `yaml:"name"`
		Description string     `yaml:"description"`
		Database    string     `yaml:"database"`
		Schema      string     `yaml:"schema"`
		Config      *dbtConfig `yaml:"config,omitempty"`
		Tables      []dbtTable `yaml:"tables"`
	}
	dbtTable struct {
		Name        string      `yaml:"name"`
		Description string      `yaml:"description"`
		Config      *dbtConfig  `yaml:"config,omitempty"`
		Columns     []dbtColumn `yaml:"columns,omitempty"`
	}
	dbtConfig struct {
		Enabled       string        `yaml:"enabled,omitempty"`
		LoadedAtQuery string        `yaml:"loaded_at_query,omitempty"`
		Freshness     *dbtFreshness `yaml:"freshness,omitempty"`
	}
	dbtFreshness struct {
		WarnAfter  dbtHours `yaml:"warn_after"`
		ErrorAfter dbtHours `yaml:"error_after"`
	}
	dbtHours struct {
		Count  int    `yaml:"count"`
		Period string `yaml:"period"`
	}
	dbtColumn struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description,omitempty"`
		Tests       []any  `yaml:"data_tests,omitempty"`
	}
)

const (
	dbtHead  = "# Made by tools/docs from schemas/.\n"
	dbtModel = "{{ greenhouse_v3.stage('%s') }}\n"
	// dbtSyncedAt asks until when a stream is complete.
	dbtSyncedAt = "select max(complete_until) from " +
		"{{ var('greenhouse_database') ~ '.' if var('greenhouse_database', none) else '' }}" +
		"{{ var('greenhouse_schema', 'greenhouse') }}.sync_log " +
		"where stream = '%s' and status = 'complete'"
)

// dbtPackage returns the files of the dbt package that follow from the schemas: its sources, the
// types of the columns, and the models of staging with their descriptions.
func dbtPackage(streams []*tap.Stream) (map[string][]byte, error) {
	files := map[string][]byte{}
	var err error
	if files["dbt/models/sources/sources.yml"], err = dbtSources(streams); err != nil {
		return nil, err
	}
	types := bytes.NewBufferString(
		"{# Made by tools/docs from schemas/: the streams that the marts read, and the columns of all. #}\n" +
			"{% macro streams() %}\n  {{ return([")
	for _, name := range dbtStreams {
		fmt.Fprintf(types, "\n    '%s',", name)
	}
	types.WriteString("\n  ]) }}\n{% endmacro %}\n\n\n" +
		"{% macro schema_of(stream=none) %}\n  {% set schemas = {")
	staging := dbtFile{Version: 2}
	for _, s := range streams {
		if !s.SelectedByDefault() && s.Name != tap.SyncLog {
			continue
		}
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		model := dbtTable{
			Name: "stg_greenhouse__" + s.Name, Description: s.Description,
			Columns: []dbtColumn{{Name: "source_relation", Description: "Name of the account."}},
		}
		fmt.Fprintf(types, "\n    '%s': {", s.Name)
		for _, c := range shape.Columns {
			model.Columns = append(model.Columns, dbtColumn{Name: c.Name, Description: c.Shape.Description})
			fmt.Fprintf(types, "\n      '%s': '%s',", c.Name, dbtKind(c.Shape))
		}
		types.WriteString("\n    },")
		if slices.Contains(dbtStreams, s.Name) {
			staging.Models = append(staging.Models, model)
			files["dbt/models/staging/"+model.Name+".sql"] = fmt.Appendf(nil, dbtModel, s.Name)
		}
	}
	types.WriteString("\n  } %}\n  {{ return(schemas if stream is none else schemas[stream]) }}\n{% endmacro %}\n")
	files["dbt/macros/staging/schemas.sql"] = types.Bytes()
	files["dbt/models/staging/staging.yml"], err = dbtYAML(staging)
	return files, err
}

// dbtKind names the kind of a column, as the package's macros call it.
func dbtKind(s *record.Shape) string {
	switch {
	case s.Kinds&(record.Object|record.Array) != 0:
		return "json"
	case s.Format == record.DateTime:
		return "time"
	case s.Format == record.Date:
		return "date"
	case s.Kinds&record.String != 0:
		return "text"
	case s.Kinds&record.Number != 0:
		return "number"
	case s.Kinds&record.Integer != 0:
		return "integer"
	}
	return "boolean"
}

// dbtSources returns the sources of dbt: each stream with tests of its key and of the columns that
// refer to one row of another stream.
func dbtSources(streams []*tap.Stream) ([]byte, error) {
	source := dbtSource{
		Name: "greenhouse", Description: "Greenhouse, as tap-greenhouse reads it.",
		Database: "{{ var('greenhouse_database', none) or target.database }}",
		Schema:   "{{ var('greenhouse_schema', 'greenhouse') }}",
	}
	for _, s := range streams {
		if !s.SelectedByDefault() {
			continue
		}
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		table := dbtTable{Name: s.Name, Description: s.Description}
		for _, c := range shape.Columns {
			column := dbtColumn{Name: c.Name, Description: c.Shape.Description}
			if c.Key {
				if len(s.Key) == 1 {
					column.Tests = append(column.Tests, dbtTest("unique", nil, "error"))
				}
				column.Tests = append(column.Tests, dbtTest("not_null", nil, "error"))
			}
			to := s.References[c.Name]
			if to != "" && !holdsMany(streams, reference{s.Name, c.Name, to}) {
				column.Tests = append(column.Tests, dbtTest("relationships", map[string]string{
					"to": "source('greenhouse', '" + to + "')", "field": "id",
				}, "warn"))
			}
			table.Columns = append(table.Columns, column)
		}
		source.Tables = append(source.Tables, table)
	}
	return dbtYAML(dbtFile{Version: 2, Sources: []dbtSource{source, dbtSynced(source)}})
}

// dbtSynced returns the same tables once more, with their freshness by sync_log, which not everyone
// loads.
func dbtSynced(source dbtSource) dbtSource {
	synced := dbtSource{
		Name: "greenhouse_synced", Description: "The same tables, as fresh as sync_log says.",
		Database: source.Database, Schema: source.Schema,
		Config: &dbtConfig{
			Enabled:   "{{ var('greenhouse_sync_log', false) }}",
			Freshness: &dbtFreshness{dbtHours{24, "hour"}, dbtHours{72, "hour"}},
		},
	}
	for _, t := range source.Tables {
		synced.Tables = append(synced.Tables, dbtTable{
			Name: t.Name, Description: t.Description,
			Config: &dbtConfig{LoadedAtQuery: fmt.Sprintf(dbtSyncedAt, t.Name)},
		})
	}
	return synced
}

// dbtTest is a test of a source. Those of the sources run only on demand: not everyone loads all
// tables. A reference that leads nowhere only warns, because Greenhouse hides rows from some users,
// and removes others.
func dbtTest(name string, arguments map[string]string, severity string) any {
	type config struct {
		Enabled  string `yaml:"enabled"`
		Severity string `yaml:"severity"`
	}
	type test struct {
		Arguments map[string]string `yaml:"arguments,omitempty"`
		Config    config            `yaml:"config"`
	}
	return map[string]test{name: {
		arguments, config{"{{ var('greenhouse_source_tests', false) }}", severity},
	}}
}

func dbtYAML(file dbtFile) ([]byte, error) {
	b := bytes.NewBufferString(dbtHead)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := e.Encode(file); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
