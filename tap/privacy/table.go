package privacy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Row says what becomes of one column.
type Row struct {
	Stream    string `json:"stream"`
	Column    string `json:"column"` // a path, for the members of an object
	Class     string `json:"class"`
	Treatment string `json:"treatment"`

	path      []string
	protected bool
}

// Table tells the treatment of every column of the streams that their files know, in the order of
// the files, that of custom fields that a policy names, and that of columns that no file knows. Of
// several policies the strictest counts.
func Table(streams []*tap.Stream, policies ...*Policy) []Row {
	var rows []Row
	for _, s := range streams {
		var of []Row
		add := func(row Row) {
			i := slices.IndexFunc(of, func(r Row) bool { return r.Column == row.Column })
			switch {
			case i < 0:
				of = append(of, row)
			case treatments[row.Treatment] > treatments[of[i].Treatment]:
				of[i].Treatment = row.Treatment
			}
		}
		for _, list := range []func(*Policy) []Row{
			func(p *Policy) []Row { return p.columns(s) },
			func(p *Policy) []Row { return p.namedFields(s) },
			func(p *Policy) []Row {
				return []Row{{
					Stream: s.Name, Column: "*", Class: Unclassified, Treatment: wordOf(p.Unknown(s)),
				}}
			},
		} {
			for _, p := range policies {
				for _, row := range list(p) {
					add(row)
				}
			}
		}
		rows = append(rows, of...)
	}
	return rows
}

// namedFields lists the custom fields of a stream that the policy names.
func (p *Policy) namedFields(s *tap.Stream) []Row {
	if p == nil {
		return nil
	}
	var rows []Row
	for _, r := range p.rules {
		if !r.namesField(s) || strings.ContainsAny(strings.Join(r.parts()[1:], ""), "*?[") {
			continue
		}
		class := s.PersonalData[s.CustomFields.Column]
		rows = append(rows, Row{
			Stream: s.Name, Column: strings.Join(r.parts()[1:], "."), Class: class,
			Treatment: wordOf(hashable(r.treatment, class)),
		})
	}
	return rows
}

// columns lists the columns of a stream, each before its members.
func (p *Policy) columns(s *tap.Stream) []Row {
	shape, err := s.Shape()
	if err != nil {
		return nil // it was read before
	}
	var rows []Row
	var visit func(at []string, shape *record.Shape)
	visit = func(at []string, shape *record.Shape) {
		for i := range shape.Columns {
			c := &shape.Columns[i]
			path := append(slices.Clone(at), c.Name)
			t, class := p.Of(s, path, true)
			if p != nil && c.Members().Columns != nil {
				t, _ = p.column(s, path, c, true, nil)
			}
			rows = append(rows, Row{
				Stream: s.Name, Column: strings.Join(path, "."), Class: class, Treatment: wordOf(t),
				path: path, protected: p != nil && len(path) == 1 && p.protects(s, c.Name),
			})
			visit(path, c.Members())
		}
	}
	visit(nil, shape)
	return rows
}

// Words returns the policy as a person reads it: a phrase for each class, and how many columns are
// treated by name. It is empty for a policy that keeps everything.
func (p *Policy) Words() []string {
	if p == nil {
		return nil
	}
	var words []string
	for _, class := range allClasses {
		if t, ok := p.classes[class]; ok {
			words = append(words, strings.ReplaceAll(class, "_", " ")+": "+wordOf(t))
		}
	}
	if n := len(p.rules); n > 0 {
		words = append(words, fmt.Sprintf("by name: %d", n))
	}
	return words
}
