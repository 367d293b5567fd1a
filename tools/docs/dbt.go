package main

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// The parts of a dbt source file that are used:
// https://docs.getdbt.com/reference/source-properties.
type (
	dbtFile struct {
		Version int         `yaml:"version"`
		Sources []dbtSource `yaml:"sources"`
	}
	dbtSource struct {
		Name        string     `yaml:"name"`
		Description string     `yaml:"description"`
		Schema      string     `yaml:"schema"`
		Tables      []dbtTable `yaml:"tables"`
	}
	dbtTable struct {
		Name        string      `yaml:"name"`
		Description string      `yaml:"description"`
		Columns     []dbtColumn `yaml:"columns"`
	}
	dbtColumn struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description,omitempty"`
		Tests       []any  `yaml:"data_tests,omitempty"`
	}
)

const dbtHead = `# Made by tools/docs from schemas/. The schema is that of the loader: --vars 'greenhouse_schema: NAME'.
# A reference that leads nowhere only warns: Greenhouse hides rows from some users, and removes others.
`

// dbtSources returns the sources of dbt: each stream with tests of its key and of the columns that
// refer to one row of another stream.
func dbtSources(streams []*tap.Stream) ([]byte, error) {
	source := dbtSource{
		Name: "greenhouse", Description: "Greenhouse, as tap-greenhouse reads it.",
		Schema: "{{ var('greenhouse_schema', 'greenhouse') }}",
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
					column.Tests = append(column.Tests, "unique")
				}
				column.Tests = append(column.Tests, "not_null")
			}
			to := s.References[c.Name]
			if to != "" && !holdsMany(streams, reference{s.Name, c.Name, to}) {
				column.Tests = append(column.Tests, relationship(to))
			}
			table.Columns = append(table.Columns, column)
		}
		source.Tables = append(source.Tables, table)
	}
	b := bytes.NewBufferString(dbtHead)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := e.Encode(dbtFile{Version: 2, Sources: []dbtSource{source}}); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// relationship tests that a column's values are ids of that stream's rows.
func relationship(to string) any {
	type arguments struct {
		To    string `yaml:"to"`
		Field string `yaml:"field"`
	}
	type config struct {
		Severity string `yaml:"severity"`
	}
	type test struct {
		Arguments arguments `yaml:"arguments"`
		Config    config    `yaml:"config"`
	}
	return map[string]test{"relationships": {
		arguments{"source('greenhouse', '" + to + "')", "id"},
		config{"warn"},
	}}
}
