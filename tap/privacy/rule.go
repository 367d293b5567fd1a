package privacy

import (
	"path"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// rule is a treatment by name. The zero rule has no pattern and stands for none.
type rule struct {
	pattern   string // stream.column or stream.column.member, with globs
	treatment record.Treatment
}

// parts returns the parts of the pattern between its dots: a wildcard does not match a dot.
func (r rule) parts() []string { return strings.Split(r.pattern, ".") }

// valid reports whether the pattern can name a column.
func (r rule) valid() bool {
	_, err := path.Match(r.pattern, "")
	return err == nil && len(r.parts()) > 1
}

// matches reports whether the rule names a column of a stream, by the path of names that leads to
// it.
func (r rule) matches(stream string, at ...string) bool {
	parts := r.parts()
	if len(parts) != len(at)+1 || !glob(parts[0], stream) {
		return false
	}
	for i, name := range at {
		if !glob(parts[i+1], name) {
			return false
		}
	}
	return true
}

// glob reports whether a pattern matches a name, in which a slash is a character like any other.
func glob(pattern, name string) bool {
	ok, err := path.Match(pattern, strings.ReplaceAll(name, "/", "_"))
	return err == nil && ok
}

// literal counts the characters of a pattern that are not wildcards: the more, the more specific.
func (r rule) literal() int {
	return len(r.pattern) - strings.Count(r.pattern, "*") - strings.Count(r.pattern, "?")
}

// exact reports whether the pattern has no wildcard.
func (r rule) exact() bool { return !strings.ContainsAny(r.pattern, "*?[") }

// over reports whether the rule goes before another one that matches as well: names go before
// globs, longer globs before shorter ones, and the stricter treatment decides a tie.
func (r rule) over(other rule) bool {
	switch {
	case other.pattern == "":
		return true
	case r.exact() != other.exact():
		return r.exact()
	case !r.exact() && r.literal() != other.literal():
		return r.literal() > other.literal()
	}
	return r.treatment > other.treatment
}

// best returns the rule that decides, of those for which match is true.
func (p *Policy) best(match func(rule) bool) (best rule) {
	for _, r := range p.rules {
		if match(r) && r.over(best) {
			best = r
		}
	}
	return best
}

// ruleFor returns the rule that decides about a column, which may name what holds the column.
func (p *Policy) ruleFor(stream string, at []string) rule {
	for n := len(at); n > 0; n-- {
		if r := p.best(func(r rule) bool { return r.matches(stream, at[:n]...) }); r.pattern != "" {
			return r
		}
	}
	return rule{}
}

// check makes sure that each rule matches a column that exists and allows the treatment. Custom
// fields are known only after their definitions are read: see [Policy.CheckFields].
func (p *Policy) check(streams []*tap.Stream) error {
	for _, r := range p.rules {
		if !r.valid() {
			return wrong(p.key, "%q is not a column name: write it as stream.column or stream.column.member", r.pattern)
		}
		found, free := false, false
		for _, s := range streams {
			if r.namesField(s) {
				found, free = true, true
			}
			for _, row := range p.columns(s) {
				if !r.matches(s.Name, row.path...) {
					continue
				}
				found = true
				free = free || !row.protected
				if !row.protected && p.ruleFor(s.Name, row.path) == r &&
					r.treatment == record.Hash && Guessable(row.Class) {
					return r.unhashable(row)
				}
			}
		}
		switch {
		case !found:
			return wrong(p.key, "no column matches %q%s", r.pattern, p.meant(streams, r))
		case !free && r.treatment != record.Keep:
			return wrong(p.key, "%s: %s", r.pattern, p.protection)
		}
	}
	return nil
}

// meant returns the column that a name was perhaps meant to be, for an error.
func (p *Policy) meant(streams []*tap.Stream, r rule) string {
	if !r.exact() {
		return ""
	}
	var names []string
	for _, s := range streams {
		for _, row := range p.columns(s) {
			names = append(names, s.Name+"."+strings.Join(row.path, "."))
		}
	}
	return nearest.Hint(r.pattern, names)
}

func (r rule) unhashable(row Row) error {
	return wrong("privacy_columns."+r.pattern, "%s.%s holds %s data and cannot be hashed: with so few values, a hash hides nothing; mask or drop it",
		row.Stream, row.Column, row.Class)
}
