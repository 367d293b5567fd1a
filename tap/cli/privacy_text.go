package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

// treatments are the words for treatments, in the order in which they are shown.
var treatments = []string{"keep", "hash", "mask", "drop"}

// privacyByColumn writes a line for each column, with counts for each stream.
func privacyByColumn(out io.Writer, rows []privacy.Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, of := range grouped(rows, func(r privacy.Row) string { return r.Stream }) {
		personal, treated := 0, 0
		for _, r := range of {
			if r.Class != privacy.None {
				personal++
			}
			if r.Treatment != "keep" {
				treated++
			}
		}
		fmt.Fprintf(w, "%s: %d columns, %d with a class, %d treated\n", of[0].Stream, len(of),
			personal, treated)
		for _, r := range of {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Column, r.Class, r.Treatment)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return privacyTotal(out, rows)
}

// privacyByClass writes a line for each class of personal data: how its columns are treated, and
// where most of them are.
func privacyByClass(out io.Writer, rows []privacy.Row) error {
	groups := grouped(rows, func(r privacy.Row) string { return r.Class })
	slices.SortStableFunc(groups, func(a, b []privacy.Row) int {
		return cmp.Compare(plainClass(a[0].Class), plainClass(b[0].Class))
	})
	err := privacyCounts(out, "CLASS", groups, func(of []privacy.Row) (string, string) {
		if plainClass(of[0].Class) > 0 {
			return of[0].Class, ""
		}
		return of[0].Class, most(of, func(r privacy.Row) string { return r.Stream }, 1)
	})
	if err != nil {
		return err
	}
	if err := privacyTotal(out, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out,
		"--by column lists each; --by stream and --by treatment sum up in other ways")
	return err
}

// plainClass orders classes: those of personal data come first.
func plainClass(class string) int {
	switch class {
	case privacy.Unclassified:
		return 1
	case privacy.None:
		return 2
	}
	return 0
}

// privacyByStream writes a line for each stream.
func privacyByStream(out io.Writer, rows []privacy.Row) error {
	groups := grouped(rows, func(r privacy.Row) string { return r.Stream })
	err := privacyCounts(out, "STREAM", groups, func(of []privacy.Row) (string, string) {
		return of[0].Stream, ""
	})
	if err != nil {
		return err
	}
	return privacyTotal(out, rows)
}

// privacyByTreatment lists the columns of each treatment, and counts those that are kept.
func privacyByTreatment(out io.Writer, rows []privacy.Row) error {
	for _, treatment := range treatments {
		var of []privacy.Row
		for _, r := range rows {
			if r.Treatment == treatment {
				of = append(of, r)
			}
		}
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s: %d columns\n", treatment, len(of))
		if treatment == "keep" {
			fmt.Fprintf(out, "%s\n", wrapped("  ", "    ", most(of,
				func(r privacy.Row) string { return r.Class }, len(of))))
			continue
		}
		unknown := len(of)
		of = slices.DeleteFunc(of, func(r privacy.Row) bool {
			return r.Class == privacy.Unclassified
		})
		if unknown -= len(of); unknown > 0 {
			fmt.Fprintf(out, "  columns that no file knows, of %d streams\n", unknown)
		}
		for _, group := range grouped(of, func(r privacy.Row) string { return r.Stream }) {
			names := make([]string, len(group))
			for i, r := range group {
				names[i] = r.Column
			}
			fmt.Fprintf(out, "%s\n", wrapped("  ", "    ", group[0].Stream+": "+strings.Join(names, ", ")))
		}
	}
	return privacyTotal(out, rows)
}

// privacyCounts writes a table of groups: how many columns of each are treated in which way.
func privacyCounts(out io.Writer, what string, groups [][]privacy.Row,
	name func([]privacy.Row) (title, note string),
) error {
	width := len(what)
	for _, of := range groups {
		title, _ := name(of)
		width = max(width, len(title))
	}
	fmt.Fprintf(out, "%-*s %6s %6s %6s %6s\n", width, what, "KEEP", "HASH", "MASK", "DROP")
	for _, of := range groups {
		title, note := name(of)
		line := fmt.Sprintf("%-*s", width, title)
		for _, treatment := range treatments {
			n := 0
			for _, r := range of {
				if r.Treatment == treatment {
					n++
				}
			}
			line += fmt.Sprintf(" %6d", n)
		}
		if note != "" {
			line += "  " + note
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

func privacyTotal(out io.Writer, rows []privacy.Row) error {
	total := map[string]int{}
	for _, r := range rows {
		total[r.Treatment]++
	}
	_, err := fmt.Fprintf(out,
		"\nall: %d columns: %d keep, %d hash, %d mask, %d drop (*: unknown columns)\n",
		len(rows), total["keep"], total["hash"], total["mask"], total["drop"])
	return err
}

// grouped returns the rows by a key, in the order in which the keys come.
func grouped(rows []privacy.Row, key func(privacy.Row) string) [][]privacy.Row {
	var groups [][]privacy.Row
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[key(r)]
		if !ok {
			i = len(groups)
			at[key(r)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// most names the most frequent keys of rows, with their numbers.
func most(rows []privacy.Row, key func(privacy.Row) string, n int) string {
	counts := map[string]int{}
	for _, r := range rows {
		counts[key(r)]++
	}
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	var parts []string
	for _, k := range keys[:min(n, len(keys))] {
		parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
	}
	if len(keys) > n {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}
