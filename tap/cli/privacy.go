package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

type privacyFlags struct {
	Config string `help:"Config file, with the policy and the streams." placeholder:"FILE"`
	Format string `help:"Format: text, json or csv." enum:"text,json,csv" default:"text"`
}

// privacy shows what leaves Greenhouse: the class and the treatment of every column.
func (p *program) privacy(flags privacyFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	streams, err := schemas.Load(cfg.Names...)
	if err != nil {
		return greenhouse.ExitIncomplete, err
	}
	rows := privacy.Table(streams, cfg.Policy, cfg.Excluded)
	if i := slices.IndexFunc(rows,
		func(r privacy.Row) bool {
			return r.Stream == attachments.Stream &&
				r.Column == "*"
		}); i >= 0 {
		contents := privacy.Row{
			Stream: attachments.Stream, Column: "(contents)",
			Class: privacy.FreeText, Treatment: "drop",
		}
		if cfg.Files != nil {
			contents.Treatment = "keep"
		}
		rows = slices.Insert(rows, i, contents)
	}
	switch flags.Format {
	case "json":
		var out []byte
		if out, err = json.Marshal(rows, jsontext.WithIndent("  ")); err == nil {
			_, err = p.Out.Write(append(out, '\n'))
		}
	case "csv":
		w := csv.NewWriter(p.Out)
		_ = w.Write([]string{"stream", "column", "class", "treatment"}) // Flush reports the error
		for _, r := range rows {
			// Flush reports the error
			_ = w.Write([]string{r.Stream, r.Column, r.Class, r.Treatment})
		}
		w.Flush()
		err = w.Error()
	default:
		err = privacyText(p.Out, rows)
	}
	return greenhouse.ExitCode(err, true), err
}

// privacyText writes the table by stream, with counts.
func privacyText(out io.Writer, rows []privacy.Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	total := map[string]int{}
	for i := 0; i < len(rows); {
		name := rows[i].Stream
		end, personal, treated := i, 0, 0
		for end < len(rows) && rows[end].Stream == name {
			if rows[end].Class != privacy.None {
				personal++
			}
			if rows[end].Treatment != "keep" {
				treated++
			}
			total[rows[end].Treatment]++
			end++
		}
		fmt.Fprintf(w, "%s: %d columns, %d with a class, %d treated\n", name, end-i, personal,
			treated)
		for _, r := range rows[i:end] {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", r.Column, r.Class, r.Treatment)
		}
		i = end
	}
	fmt.Fprintf(w, "\nall: %d columns: %d keep, %d hash, %d mask, %d drop (* stands for unknown columns)\n",
		len(rows), total["keep"], total["hash"], total["mask"], total["drop"])
	return w.Flush()
}
