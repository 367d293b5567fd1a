// Command follow updates the stream files from a published description of the API: an OpenAPI
// document of Harvest v3, or a table of facts (a JSON array with an object per list: stream, path,
// scope, filters, fields, accepts_updated_at). It keeps what people wrote, and prints a table of
// what it changed.
//
// usage: go -C tools run ./follow DOCUMENT [FOLDER]; FOLDER is ../schemas by default.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	folder := "../schemas"
	switch len(os.Args) {
	case 2:
	case 3:
		folder = os.Args[2]
	default:
		fmt.Fprintln(os.Stderr, "usage: go -C tools run ./follow DOCUMENT [FOLDER]")
		os.Exit(2)
	}
	if err := run(os.Args[1], folder, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run updates the files of the folder, and prints the changes.
func run(document, folder string, out io.Writer) error {
	data, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	read := readOpenAPI
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		read = readFacts
	}
	lists, err := read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	if len(lists) == 0 {
		return fmt.Errorf("%s: there is no list in it", document)
	}
	files, err := readFiles(folder)
	if err != nil {
		return err
	}
	merged, gone, changes := merge(files, lists)
	for _, f := range merged {
		text, err := f.encode()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, f.Stream+".json"), text, 0o644); err != nil {
			return err
		}
	}
	for _, f := range gone {
		if err := os.Remove(filepath.Join(folder, f.Stream+".json")); err != nil {
			return err
		}
	}
	_, err = io.WriteString(out, table(changes))
	return err
}

// table formats the changes in Markdown, for a terminal and for the description of a change.
func table(changes []change) string {
	if len(changes) == 0 {
		return "The stream files are up to date.\n"
	}
	rows := [][]string{
		{"Stream", "Column or filter", "Change", "Before", "Now"},
		{"---", "---", "---", "---", "---"},
	}
	for _, c := range changes {
		rows = append(rows, []string{c.stream, c.what, c.kind, c.before, c.after})
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(cell, "|", " or ")
		}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}
