// Package privacy reads a policy for personal data and returns the treatment of every column: by
// its class, which is in the stream's file, or by its name. It does not know how values are
// treated, which is up to tap/record, and makes no request.
package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// The classes of personal data. Unclassified is for columns that no file has.
const (
	Contact      = "contact"
	FreeText     = "free_text"
	Demographic  = "demographic"
	Pay          = "pay"
	Assessment   = "assessment"
	Credential   = "credential"
	Unclassified = "unclassified"
	// None is the class of columns that need no treatment.
	None = "none"
)

// allClasses lists the classes that a policy may contain.
var allClasses = []string{Contact, FreeText, Demographic, Pay, Assessment, Credential, Unclassified}

// treatments are the terms of a policy.
var treatments = map[string]record.Treatment{
	"keep": record.Keep, "hash": record.Hash,
	"mask": record.Mask, "drop": record.Drop,
}

// wordOf returns the term for a treatment.
func wordOf(t record.Treatment) string {
	for word, other := range treatments {
		if other == t {
			return word
		}
	}
	return ""
}

// guessable are the classes with so few values that a hash hides nothing.
var guessable = []string{Demographic, Pay, Assessment}

// minKey is the minimum length of the hash key, in bytes.
const minKey = 16

// Policy decides the treatment of columns. Nil keeps everything.
type Policy struct {
	classes map[string]record.Treatment
	rules   []rule
	key     []byte
	mark    string
}

// rule is a treatment by name.
type rule struct {
	pattern   string
	treatment record.Treatment
}

// New returns the policy of a config: classes and columns, each with a treatment. It returns nil if
// neither is set. An unknown class, stream, column or treatment is an error that names the key, and
// so is a treatment that the column does not allow.
func New(classes, columns map[string]string, key string, streams []*tap.Stream) (*Policy, error) {
	if len(classes) == 0 && len(columns) == 0 {
		return nil, nil //nolint:nilnil // nothing is a policy of its own: all is kept
	}
	p := &Policy{classes: map[string]record.Treatment{Unclassified: record.Drop}, key: []byte(key)}
	hashes := false
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		if !slices.Contains(allClasses, class) {
			return nil, fmt.Errorf("privacy: unknown class %q: the classes are %s", class,
				strings.Join(allClasses, ", "))
		}
		t, err := parse("privacy."+class, classes[class])
		if err != nil {
			return nil, err
		}
		if t == record.Hash && slices.Contains(guessable, class) {
			return nil, fmt.Errorf("privacy.%s: it cannot be hashed: with so few values, a hash hides nothing; mask or drop it", class)
		}
		p.classes[class] = t
		hashes = hashes || t == record.Hash
	}
	for _, pattern := range slices.Sorted(maps.Keys(columns)) {
		t, err := parse("privacy_columns."+pattern, columns[pattern])
		if err != nil {
			return nil, err
		}
		p.rules = append(p.rules, rule{pattern, t})
		hashes = hashes || t == record.Hash
	}
	if err := p.check(streams); err != nil {
		return nil, err
	}
	if hashes && len(key) < minKey {
		return nil, fmt.Errorf("privacy_key: hashing requires a key of at least %d bytes", minKey)
	}
	sum := sha256.New()
	for _, class := range slices.Sorted(maps.Keys(p.classes)) {
		fmt.Fprintf(sum, "%s=%d\n", class, p.classes[class])
	}
	for _, r := range p.rules {
		fmt.Fprintf(sum, "%s=%d\n", r.pattern, r.treatment)
	}
	if hashes {
		inner := sha256.Sum256(p.key)
		sum.Write(inner[:])
	}
	p.mark = hex.EncodeToString(sum.Sum(nil)[:8])
	return p, nil
}

func parse(key, word string) (record.Treatment, error) {
	t, ok := treatments[word]
	if !ok {
		return 0, fmt.Errorf("%s: unknown treatment %q: the treatments are keep, hash, mask and drop", key, word)
	}
	return t, nil
}

// check makes sure that each rule matches a column that exists and allows the treatment.
func (p *Policy) check(streams []*tap.Stream) error {
	for _, r := range p.rules {
		if _, err := path.Match(r.pattern, ""); err != nil || strings.Count(r.pattern, ".") == 0 {
			return fmt.Errorf("privacy_columns: %q is not a column name: write it as stream.column or stream.column.member", r.pattern)
		}
		found, free := false, false
		for _, s := range streams {
			if s.CustomFields != nil && customColumn(r.pattern, s.Name) {
				// the columns of custom fields are known only after their definitions are read
				found, free = true, true
			}
			for _, row := range p.columns(s) {
				if !r.matches(row.Stream + "." + row.Column) {
					continue
				}
				found = true
				if row.protected {
					continue
				}
				free = true
				if r.treatment == record.Hash && slices.Contains(guessable, row.Class) &&
					p.ruleFor(row.Stream+"."+row.Column) == r {
					return fmt.Errorf("privacy_columns.%s: %s.%s holds %s data and cannot be hashed: with so few values, a hash hides nothing; mask or drop it",
						r.pattern, row.Stream, row.Column, row.Class)
				}
			}
		}
		switch {
		case !found:
			return fmt.Errorf("privacy_columns: no column matches %q", r.pattern)
		case !free && r.treatment != record.Keep:
			return fmt.Errorf("privacy_columns.%s: keys, references and times of creation and change cannot be hashed, masked or dropped", r.pattern)
		}
	}
	return nil
}

// customColumn reports whether a pattern matches the column of a custom field.
func customColumn(pattern, stream string) bool {
	of, column, _ := strings.Cut(pattern, ".")
	ok, err := path.Match(of, stream)
	return err == nil && ok && strings.HasPrefix(column, "custom_") && column != "custom_fields"
}

// matches reports whether the rule matches a column. A wildcard does not match a dot.
func (r rule) matches(name string) bool {
	ok, err := path.Match(strings.ReplaceAll(r.pattern, ".", "/"),
		strings.ReplaceAll(name, ".", "/"))
	return err == nil && ok
}

// literal counts the characters of a pattern that are not wildcards: the more, the more specific.
func (r rule) literal() int {
	return len(r.pattern) - strings.Count(r.pattern, "*") - strings.Count(r.pattern, "?")
}

// exact reports whether the pattern has no wildcard.
func (r rule) exact() bool { return !strings.ContainsAny(r.pattern, "*?[") }

// ruleFor returns the most specific rule for a column; one without a pattern if there is none.
func (p *Policy) ruleFor(name string) (best rule) {
	for _, r := range p.rules {
		if !r.matches(name) {
			continue
		}
		if best.pattern == "" || r.exact() && !best.exact() || r.exact() == best.exact() &&
			r.literal() > best.literal() {
			best = r
		}
	}
	return best
}

// Of returns the treatment and the class of a column, given the path of names that leads to it.
// class is the class of a column that the stream's file does not have; empty for Unclassified.
func (p *Policy) Of(
	s *tap.Stream, at []string, known bool, class string,
) (record.Treatment, string) {
	name := strings.Join(at, ".")
	if c, ok := s.PersonalData[name]; ok {
		class = c
	} else if class == "" {
		class = Unclassified
		if known {
			class = None
		}
	}
	if p == nil || len(at) == 1 && isProtected(s, at[0]) {
		return record.Keep, class
	}
	for n := len(at); n > 0; n-- {
		if r := p.ruleFor(s.Name + "." + strings.Join(at[:n], ".")); r.pattern != "" {
			return r.treatment, class
		}
	}
	return p.classes[class], class
}

// isProtected reports whether a column must come out as it is: a key, a reference, or a time of
// creation or change. A number by which a person is known in the customer's own systems is no
// reference, whatever its name ends in.
func isProtected(s *tap.Stream, column string) bool {
	if s.Automatic(column) || column == "created_at" || column == "updated_at" ||
		s.References[column] != "" {
		return true
	}
	if class := s.PersonalData[column]; class != "" && class != None {
		return false
	}
	return strings.HasSuffix(column, "_id") || strings.HasSuffix(column, "_ids")
}

// Apply returns the shape with the treatment of each column. class tells the class of columns that
// the stream's file does not know; empty for unknown.
func (p *Policy) Apply(s *tap.Stream, shape *record.Shape,
	class func(column string) string,
) *record.Shape {
	if p == nil {
		return shape
	}
	file, err := s.Shape()
	if err != nil {
		return shape // it was read before
	}
	return shape.Treat(func(at []string, c *record.Column) (own, unknown record.Treatment) {
		unknown, _ = p.Of(s, append(slices.Clone(at), "?"), false, "")
		if c.Made {
			// what this program says of a file is none of Greenhouse's data
			return record.Keep, record.Keep
		}
		t, _ := p.Of(s, at, file.Column(at[0]) != nil, class(at[0]))
		if c.Members().Columns != nil && t == record.Hash {
			t = record.Keep // its members are hashed one by one
		}
		if t == record.Keep && c.Members().Columns != nil && p.allDropped(s, at, c) {
			t = record.Drop
		}
		return t, unknown
	})
}

// allDropped reports whether every member of an object is dropped: then nothing of it is worth
// asking for.
func (p *Policy) allDropped(s *tap.Stream, at []string, c *record.Column) bool {
	for _, member := range c.Members().Columns {
		if t, _ := p.Of(s, append(slices.Clone(at), member.Name), true, ""); t != record.Drop {
			return false
		}
	}
	return true
}

// Unknown is what becomes of top-level columns that no file knows.
func (p *Policy) Unknown() record.Treatment {
	if p == nil {
		return record.Keep
	}
	return p.classes[Unclassified]
}

// Key is the key of hashes.
func (p *Policy) Key() []byte {
	if p == nil {
		return nil
	}
	return p.key
}

// Mark tells one policy from another, and one key from another. Neither can be told from it.
func (p *Policy) Mark() string {
	if p == nil {
		return ""
	}
	return p.mark
}
