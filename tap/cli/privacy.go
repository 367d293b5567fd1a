package cli

import (
	"encoding/csv"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

type privacyFlags struct {
	Config string `help:"Config file, with the policy and the streams." placeholder:"FILE"`
	Format string `help:"Format: text, json or csv." enum:"text,json,csv" default:"text"`
	By     string `help:"What the text has a line for: column, class, stream or treatment. Default: class in a terminal, else column." enum:",column,class,stream,treatment" default:""`
}

// privacy shows what leaves Greenhouse: the class and the treatment of every column.
func (p *program) privacy(flags privacyFlags) error {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return err
	}
	streams, err := schemas.Load(cfg.Streams...)
	if err != nil {
		return err
	}
	rows := privacy.Table(streams, cfg.Policy, cfg.Exclude)
	i := slices.IndexFunc(rows,
		func(r privacy.Row) bool { return r.Stream == attachments.Stream && r.Column == "*" })
	if i >= 0 {
		contents := privacy.Row{
			Stream: attachments.Stream, Column: "(contents)",
			Class: privacy.FreeText, Treatment: "drop",
		}
		if cfg.Attachments != nil {
			contents.Treatment = "keep"
		}
		rows = slices.Insert(rows, i, contents)
	}
	switch flags.Format {
	case "json":
		err = writeJSON(p.Out, rows)
	case "csv":
		w := csv.NewWriter(p.Out)
		_ = w.Write([]string{"stream", "column", "class", "treatment"}) // Flush reports the error
		for _, r := range rows {
			// Flush reports the error
			_ = w.Write([]string{
				cellOf(r.Stream), cellOf(r.Column), cellOf(r.Class), cellOf(r.Treatment),
			})
		}
		w.Flush()
		err = w.Error()
	default:
		by := flags.By
		if by == "" && isTerminal(p.Out) {
			by = "class"
		}
		switch by {
		case "class":
			err = privacyByClass(p.Out, rows)
		case "stream":
			err = privacyByStream(p.Out, rows)
		case "treatment":
			err = privacyByTreatment(p.Out, rows)
		default:
			err = privacyByColumn(p.Out, rows)
		}
	}
	return err
}

// cellOf returns a text for a cell of a table that a spreadsheet may open: one that would be a
// formula begins with an apostrophe.
func cellOf(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
