package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// movedList is a list of Harvest v1 under its three names, and the streams that have its rows now.
type movedList struct {
	V1       string   `yaml:"v1"`
	Airbyte  string   `yaml:"airbyte"`
	Fivetran string   `yaml:"fivetran"`
	To       []string `yaml:"to"`
	Note     string   `yaml:"note"`
}

// movedTables returns two tables for those who come from v1: where its lists went, and its columns.
func movedTables(streams []*tap.Stream) (lists, columns string, err error) {
	var moved []movedList
	if err := readYAML("docs/from-v1.yml", &moved); err != nil {
		return "", "", err
	}
	var moves []move
	if err := readYAML("dbt/docs/moving.yml", &moves); err != nil {
		return "", "", err
	}
	known, err := dbtNames(streams)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	b.WriteString("| Harvest v1 | Airbyte before 1.0 | Fivetran | Streams | |\n|---|---|---|---|---|\n")
	for _, m := range moved {
		for _, to := range m.To {
			if !slices.Contains(known, to) {
				return "", "", fmt.Errorf("docs/from-v1.yml: %s: there is no %s", m.V1, to)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", m.V1, m.Airbyte, m.Fivetran, streamLinks(m.To), m.Note)
	}
	lists = b.String()
	b.Reset()
	b.WriteString("| Was | Is | |\n|---|---|---|\n")
	for _, m := range moves {
		for _, c := range m.Columns {
			fmt.Fprintf(&b, "| %s.%s | %s | %s |\n", m.From, c.From, streamLinks(c.To), c.Note)
		}
	}
	return lists, b.String(), nil
}

// streamLinks links streams, or columns of streams, to the streams' pages.
func streamLinks(names []string) string {
	if len(names) == 0 {
		return "cannot be had"
	}
	links := make([]string, len(names))
	for i, name := range names {
		stream, column, _ := strings.Cut(name, ".")
		links[i] = fmt.Sprintf("[%s](streams/%s.md)", stream, stream)
		if column != "" {
			links[i] += "`." + column + "`"
		}
	}
	return strings.Join(links, ", ")
}
