package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// dbtPages returns the pages of the dbt package that are made from its own files: the columns of
// the marts, and where the tables of Harvest v1 went.
func dbtPages(streams []*tap.Stream) (map[string][]byte, error) {
	columns, err := dbtColumnsPage()
	if err != nil {
		return nil, err
	}
	moving, err := dbtMovingPage(streams)
	return map[string][]byte{"dbt/docs/columns.md": columns, "dbt/docs/moving.md": moving}, err
}

// dbtColumnsPage describes every column of every mart, as dbt's own documentation does.
func dbtColumnsPage() ([]byte, error) {
	var marts dbtFile
	if err := readYAML("dbt/models/marts/marts.yml", &marts); err != nil {
		return nil, err
	}
	page := bytes.NewBufferString("# Marts and columns\n\n" +
		"<!-- Made by tools/docs from models/marts/marts.yml. -->\n\n" +
		"Times are in UTC and have no zone; days and months are those of `greenhouse_timezone`.\n")
	for _, mart := range marts.Models {
		fmt.Fprintf(page, "\n## %s\n\n%s\n\n| Column | Meaning |\n|---|---|\n", mart.Name, mart.Description)
		for _, c := range mart.Columns {
			fmt.Fprintf(page, "| `%s` | %s |\n", c.Name, c.Description)
		}
	}
	return page.Bytes(), nil
}

// move is a table or column of Harvest v1, and the streams or columns that have it now.
type move struct {
	From    string   `yaml:"from"`
	To      []string `yaml:"to"`
	Note    string   `yaml:"note"`
	Columns []move   `yaml:"columns"`
}

const dbtMovingMark = "<!-- tables -->\n"

// dbtMovingPage puts the table of moves into the text that a person wrote. Each stream and column
// that it names must exist.
func dbtMovingPage(streams []*tap.Stream) ([]byte, error) {
	const path = "dbt/docs/moving.md"
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(string(text), dbtMovingMark)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%s: the mark %q must be there twice", path, strings.TrimSpace(dbtMovingMark))
	}
	var moves []move
	if err := readYAML("dbt/docs/moving.yml", &moves); err != nil {
		return nil, err
	}
	known, err := dbtNames(streams)
	if err != nil {
		return nil, err
	}
	table := bytes.NewBufferString("\n| Harvest v1 | Harvest v3 | |\n|---|---|---|\n")
	for _, m := range moves {
		for _, row := range append([]move{m}, m.Columns...) {
			for _, to := range row.To {
				if !slices.Contains(known, to) {
					return nil, fmt.Errorf("dbt/docs/moving.yml: %s: there is no %s", row.From, to)
				}
			}
			from := "**" + row.From + "**"
			if row.From != m.From {
				from = row.From
			}
			to := "cannot be had"
			if len(row.To) > 0 {
				to = "`" + strings.Join(row.To, "`, `") + "`"
			}
			fmt.Fprintf(table, "| %s | %s | %s |\n", from, to, row.Note)
		}
	}
	table.WriteString("\n")
	return []byte(parts[0] + dbtMovingMark + table.String() + dbtMovingMark + parts[2]), nil
}

// dbtNames returns the names of all streams and their columns.
func dbtNames(streams []*tap.Stream) ([]string, error) {
	var names []string
	for _, s := range streams {
		shape, err := s.Shape()
		if err != nil {
			return nil, err
		}
		names = append(names, s.Name)
		for _, c := range shape.Columns {
			names = append(names, s.Name+"."+c.Name)
		}
	}
	return names, nil
}

func readYAML(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
