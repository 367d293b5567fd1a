// Command docs generates documents and parts of documents: the tables of README.md and docs/, the
// pages of docs/streams, and the sources and staging of the dbt package. With -check it only
// reports whether they are up to date.
//
//	go -C tools run ./docs [-check]
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
)

func main() {
	check := flag.Bool("check", false, "tell whether the documents are fresh, and change nothing")
	root := flag.String("root", "..", "the repository's folder")
	flag.Parse()
	err := os.Chdir(*root)
	if err == nil {
		err = run(*check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const streamFolder = "docs/streams"

func run(check bool) error {
	streams, err := schemas.Load()
	if err != nil {
		return err
	}
	documents, err := streamPages(streams)
	if err != nil {
		return err
	}
	written, err := parts(streams)
	if err != nil {
		return err
	}
	maps.Copy(documents, written)
	dbt, err := dbtPackage(streams)
	if err != nil {
		return err
	}
	maps.Copy(documents, dbt)
	pages, err := dbtPages(streams)
	if err != nil {
		return err
	}
	maps.Copy(documents, pages)
	if documents["packaging/meltano/tap-greenhouse.yml"],
		err = meltanoDefinition(streams); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		if err := refresh(check, name, documents[name]); err != nil {
			return err
		}
	}
	return sweep(check, documents)
}

// refresh writes a document, or reports that it is out of date.
func refresh(check bool, name string, text []byte) error {
	old, err := os.ReadFile(name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && bytes.Equal(old, text):
		return nil
	case check:
		return fmt.Errorf("%s is not fresh: go -C tools run ./docs makes it so", name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// sweep removes the pages of streams that no longer exist, or reports them.
func sweep(check bool, documents map[string][]byte) error {
	pages, err := filepath.Glob(streamFolder + "/*.md")
	if err != nil {
		return err
	}
	for _, page := range pages {
		if documents[filepath.ToSlash(page)] != nil {
			continue
		}
		if check {
			return fmt.Errorf("%s is of no stream: go -C tools run ./docs removes it", page)
		}
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	return nil
}
