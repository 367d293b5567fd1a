package privacy

import (
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Field is a custom field of a stream's records.
type Field struct {
	Key    string // its name in the column that holds the fields
	Column string // the name of its own column
	Class  string // its class of personal data
}

// fieldPrefix precedes the names of columns of custom fields.
const fieldPrefix = "custom_"

// member reports whether the rule names members of the column with a stream's custom fields, such
// as candidates.custom_fields.salary.
func (r rule) member(s *tap.Stream) bool {
	parts := r.parts()
	return s.CustomFields != nil && len(parts) == 3 && glob(parts[0], s.Name) &&
		glob(parts[1], s.CustomFields.Column)
}

// column reports whether the rule names the columns of a stream's custom fields, such as
// candidates.custom_salary.
func (r rule) column(s *tap.Stream) bool {
	parts := r.parts()
	return s.CustomFields != nil && len(parts) == 2 && glob(parts[0], s.Name) &&
		strings.HasPrefix(parts[1], fieldPrefix) && parts[1] != s.CustomFields.Column
}

// namesField reports whether the rule names custom fields of a stream.
func (r rule) namesField(s *tap.Stream) bool { return r.member(s) || r.column(s) }

// names reports whether the rule names a custom field, in either way.
func (r rule) names(s *tap.Stream, f Field) bool {
	return r.member(s) && r.matches(s.Name, s.CustomFields.Column, f.Key) ||
		r.column(s) && r.matches(s.Name, f.Column)
}

// field returns the one custom field that the rule names, as far as that can be told without its
// definition.
func (r rule) field(s *tap.Stream) (f Field, one bool) {
	if !r.namesField(s) {
		return Field{}, false
	}
	name := r.parts()[len(r.parts())-1]
	key := name
	if r.column(s) {
		key = strings.TrimPrefix(name, fieldPrefix)
	}
	f = Field{Key: key, Column: fieldPrefix + key, Class: s.PersonalData[s.CustomFields.Column]}
	return f, !strings.ContainsAny(name, "*?[")
}

// NamesFields reports whether a rule names custom fields of one of the streams, so that their
// definitions are needed.
func (p *Policy) NamesFields(streams ...*tap.Stream) bool {
	return p.anyRule(func(r rule) bool {
		return slices.ContainsFunc(streams, r.namesField)
	})
}

// NeedsDefinitions reports whether a rule for a stream cannot be applied unless the definitions of
// custom fields are known: it names a field by its column, or by a glob.
func (p *Policy) NeedsDefinitions(s *tap.Stream) bool {
	return p.anyRule(func(r rule) bool {
		return r.column(s) || r.member(s) && strings.ContainsAny(r.parts()[2], "*?[")
	})
}

func (p *Policy) anyRule(is func(rule) bool) bool {
	return p != nil && slices.ContainsFunc(p.rules, is)
}

// CheckFields makes sure that each rule for custom fields matches one and allows the treatment, now
// that the definitions are known.
func (p *Policy) CheckFields(streams []*tap.Stream, fields func(*tap.Stream) []Field) error {
	if p == nil {
		return nil
	}
	for _, r := range p.rules {
		names, found := false, false
		for _, s := range streams {
			names = names || r.namesField(s)
			found = found || slices.ContainsFunc(p.columns(s), func(row Row) bool {
				return r.matches(s.Name, row.path...)
			})
			for _, f := range fields(s) {
				if !r.names(s, f) {
					continue
				}
				found = true
				if r.treatment == record.Hash && r.exact() && Guessable(f.Class) {
					return r.unhashable(Row{
						Stream: s.Name, Class: f.Class,
						Column: s.CustomFields.Column + "." + f.Key,
					})
				}
			}
		}
		if names && !found {
			return wrong(p.key, "no column or custom field matches %q", r.pattern)
		}
	}
	return nil
}

// fieldTreatment returns the treatment of a custom field in its own column. Its own name goes
// before that of the column with all fields, which goes before globs that match any column.
func (p *Policy) fieldTreatment(s *tap.Stream, f Field) record.Treatment {
	t, _ := p.fieldRule(s, f)
	return t
}

// memberTreatment returns the treatment of a custom field in the column with all fields, which has
// a class as well.
func (p *Policy) memberTreatment(s *tap.Stream, f Field) record.Treatment {
	t, named := p.fieldRule(s, f)
	if !named {
		t = hashable(max(t, p.classes[s.PersonalData[s.CustomFields.Column]]), f.Class)
	}
	return t
}

func (p *Policy) fieldRule(s *tap.Stream, f Field) (t record.Treatment, named bool) {
	all := s.CustomFields.Column
	r := p.best(func(r rule) bool { return r.names(s, f) })
	if r.pattern == "" {
		r = p.best(func(r rule) bool {
			return r.matches(s.Name, all) || r.matches(s.Name, f.Column)
		})
	}
	if r.pattern == "" {
		return hashable(p.classes[f.Class], f.Class), false
	}
	return hashable(r.treatment, f.Class), true
}

// UndefinedField returns the treatment of custom fields that are defined after the definitions were
// read: the strictest of all that could name one.
func (p *Policy) UndefinedField(s *tap.Stream) record.Treatment {
	if p == nil || s.CustomFields == nil {
		return record.Keep
	}
	t, _ := p.Of(s, []string{s.CustomFields.Column}, true)
	for _, r := range p.rules {
		if _, one := r.field(s); r.namesField(s) && !one {
			t = max(t, r.treatment)
		}
	}
	return t
}

// withFields returns the shape in which those custom fields are members of the column that holds
// all, whose treatment differs from that of the column. A rule can name a field that has no known
// definition.
func (p *Policy) withFields(s *tap.Stream, shape *record.Shape, fields []Field) *record.Shape {
	if s.CustomFields == nil {
		return shape
	}
	column := shape.Column(s.CustomFields.Column)
	if column == nil {
		return shape
	}
	for _, r := range p.rules {
		f, one := r.field(s)
		if one && !slices.ContainsFunc(fields,
			func(have Field) bool { return have.Key == f.Key || have.Column == f.Column }) {
			fields = append(slices.Clip(fields), f)
		}
	}
	var members []record.Column
	for _, f := range fields {
		if p.memberTreatment(s, f) != p.UndefinedField(s) {
			members = append(members, record.Column{
				Name: f.Key, Shape: &record.Shape{Kinds: record.Object | record.Null},
			})
		}
	}
	if members == nil {
		return shape
	}
	wide := *column
	all := record.NewObject(column.Shape.Columns).With(members...)
	all.Kinds, all.Description = column.Shape.Kinds, column.Shape.Description
	all.Unknown, all.Open = column.Shape.Unknown, true
	wide.Shape = all
	return shape.With(wide)
}
