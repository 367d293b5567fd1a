// Package privacy reads a policy for personal data and returns the treatment of every column: by
// its class, which is in the stream's file, or by its name. A list of columns to exclude is such a
// policy, too. It does not know how values are treated, which is up to tap/record, and makes no
// request.
package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
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

// Guessable reports whether a class has so few values that a hash hides nothing.
func Guessable(class string) bool {
	return slices.Contains([]string{Demographic, Pay, Assessment}, class)
}

// hashable returns the treatment, or [record.Mask] in place of a hash that would hide nothing.
func hashable(t record.Treatment, class string) record.Treatment {
	if t == record.Hash && Guessable(class) {
		return record.Mask
	}
	return t
}

// MinKey is the minimum length of the hash key, in bytes.
const MinKey = 16

// Policy decides the treatment of columns. Nil keeps everything.
type Policy struct {
	key         string // the setting with its rules, for errors
	classes     map[string]record.Treatment
	rules       []rule
	hashKey     []byte
	fingerprint string
	protects    func(s *tap.Stream, column string) bool // columns that always come out as they are
	// protection says which those are.
	protection string
}

// SettingError is an error in one of the settings that make a policy.
type SettingError struct {
	Key string // of the setting, or of a member of it, such as privacy.contact
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }

func (e *SettingError) Unwrap() error { return e.Err }

func wrong(key, format string, args ...any) error {
	return &SettingError{key, fmt.Errorf(format, args...)}
}

// New returns the policy of a config: classes and columns, each with a treatment. It returns nil if
// neither is set. An unknown class, stream, column or treatment is a [SettingError], and so is a
// treatment that the column does not allow, or a key that is too short.
func New(classes, columns map[string]string, key string, streams []*tap.Stream) (*Policy, error) {
	if n := len(key); n > 0 && n < MinKey {
		return nil, wrong("privacy_key", "it must have at least %d bytes", MinKey)
	}
	if len(classes) == 0 && len(columns) == 0 {
		return nil, nil //nolint:nilnil // nothing is a policy of its own: all is kept
	}
	p := &Policy{
		key: "privacy_columns", classes: map[string]record.Treatment{Unclassified: record.Drop},
		hashKey: []byte(key), protects: isProtected,
		protection: "keys, references and times of creation and change cannot be hashed, masked or dropped",
	}
	hashes := false
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		if !slices.Contains(allClasses, class) {
			return nil, wrong("privacy", "unknown class %q: the classes are %s", class,
				strings.Join(allClasses, ", "))
		}
		t, err := parse("privacy."+class, classes[class])
		if err != nil {
			return nil, err
		}
		if t == record.Hash && Guessable(class) {
			return nil, wrong("privacy."+class, "it cannot be hashed: with so few values, a hash hides nothing; mask or drop it")
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
	if hashes && len(key) < MinKey {
		return nil, wrong("privacy_key", "hashing needs a key of at least %d bytes: set it to a secret that stays the same", MinKey)
	}
	sum := sha256.New()
	for _, class := range slices.Sorted(maps.Keys(p.classes)) {
		fmt.Fprintf(sum, "%s=%d\n", class, p.classes[class])
	}
	for _, r := range p.rules {
		fmt.Fprintf(sum, "%s=%d\n", r.pattern, r.treatment)
	}
	if hashes {
		inner := sha256.Sum256(p.hashKey)
		sum.Write(inner[:])
	}
	p.fingerprint = hex.EncodeToString(sum.Sum(nil)[:8])
	return p, nil
}

func parse(key, word string) (record.Treatment, error) {
	t, ok := treatments[word]
	if !ok {
		return 0, wrong(key, "unknown treatment %q: the treatments are keep, hash, mask and drop", word)
	}
	return t, nil
}

// Of returns the treatment and the class of a column, given the path of names that leads to it.
// known says whether the stream's file has the column.
func (p *Policy) Of(s *tap.Stream, at []string, known bool) (record.Treatment, string) {
	class := classOf(s, at, known)
	if p == nil || len(at) == 1 && p.protects(s, at[0]) {
		return record.Keep, class
	}
	if r := p.ruleFor(s.Name, at); r.pattern != "" {
		return hashable(r.treatment, class), class
	}
	t := p.classes[class]
	if t == record.Hash && len(at) == 1 && s.References[at[0]] != "" {
		t = record.Mask // the hash of a reference joins with nothing, since keys are not hashed
	}
	return hashable(t, class), class
}

// classOf returns the class of a column: its own, or that of what holds it.
func classOf(s *tap.Stream, at []string, known bool) string {
	for n := len(at); n > 0; n-- {
		class, ok := s.PersonalData[strings.Join(at[:n], ".")]
		if ok && (n == len(at) || class != None) {
			return class
		}
	}
	if known {
		return None
	}
	return Unclassified
}

// isProtected reports whether a column must come out as it is, by the stream's file: the key, the
// bookmark, a time of creation or change, or a reference that says nothing by itself and so has no
// class.
func isProtected(s *tap.Stream, column string) bool {
	if s.Automatic(column) {
		return true
	}
	if class := s.PersonalData[column]; class != "" && class != None {
		return false
	}
	shape, err := s.Shape()
	if err != nil || shape.Column(column) == nil {
		return false // the file does not have it, or was not read
	}
	return s.References[column] != "" || column == "created_at" || column == "updated_at"
}

// Apply returns the shape with the treatment of each column, unless an earlier one is stricter.
// fields are the stream's custom fields, as far as their definitions are known.
func (p *Policy) Apply(s *tap.Stream, shape *record.Shape, fields []Field) *record.Shape {
	if p == nil {
		return shape
	}
	file, err := s.Shape()
	if err != nil {
		return shape // it was read before
	}
	shape = p.withFields(s, shape, fields)
	if unknown := p.Unknown(s); unknown > shape.Unknown {
		shape = shape.WithUnknown(unknown, unknown == record.Drop)
	}
	return shape.Treat(func(at []string, c *record.Column) (own, unknown record.Treatment) {
		members := c.Members()
		if c.Added {
			// what this program says of a row is none of Greenhouse's data
			return c.Treatment, members.Unknown
		}
		own, unknown = p.column(s, at, c, file.Column(at[0]) != nil, fields)
		if unknown > members.Unknown {
			members.Unclassified = p.isUnclassified(s, at)
		}
		return max(own, c.Treatment), max(unknown, members.Unknown)
	})
}

// column returns the treatment of a column, and that of its unknown members.
func (p *Policy) column(s *tap.Stream, at []string, c *record.Column, known bool, fields []Field,
) (own, unknown record.Treatment) {
	if f, ok := fieldAt(s, at, fields); ok && len(at) == 2 {
		return p.memberTreatment(s, f), record.Keep
	} else if ok {
		return p.fieldTreatment(s, f), record.Keep
	}
	own, _ = p.Of(s, at, known)
	unknown, _ = p.Of(s, append(slices.Clone(at), "?"), false)
	members := c.Members().Columns
	if members == nil {
		return own, unknown
	}
	if s.CustomFields != nil && at[0] == s.CustomFields.Column {
		unknown = p.UndefinedField(s)
	}
	alike := true
	for i := range members {
		t, _ := p.column(s, append(slices.Clone(at), members[i].Name), &members[i], known, fields)
		alike = alike && t == own
		if _, class := p.Of(s, append(slices.Clone(at), members[i].Name), known); Guessable(class) {
			unknown = hashable(unknown, class)
		}
	}
	switch {
	case own != record.Hash && alike:
		return own, unknown
	case p.allDropped(s, at, c, known, fields):
		return record.Drop, unknown
	}
	return record.Keep, unknown // its members are treated one by one
}

// allDropped reports whether every member of an object is dropped: then nothing of it is worth
// asking for.
func (p *Policy) allDropped(s *tap.Stream, at []string, c *record.Column, known bool,
	fields []Field,
) bool {
	members := c.Members().Columns
	for i := range members {
		member := append(slices.Clone(at), members[i].Name)
		if t, _ := p.column(s, member, &members[i], known, fields); t != record.Drop {
			return false
		}
	}
	return s.CustomFields == nil || at[0] != s.CustomFields.Column ||
		p.UndefinedField(s) == record.Drop
}

// isUnclassified reports whether unknown members of a column are treated as such, and not by a name
// or the class of the column.
func (p *Policy) isUnclassified(s *tap.Stream, at []string) bool {
	below := append(slices.Clone(at), "?")
	return p.ruleFor(s.Name, below).pattern == "" && classOf(s, below, false) == Unclassified
}

// fieldAt returns the custom field that a column is, or is a member for.
func fieldAt(s *tap.Stream, at []string, fields []Field) (Field, bool) {
	if s.CustomFields == nil {
		return Field{}, false
	}
	if len(at) == 2 && at[0] == s.CustomFields.Column {
		for _, f := range fields {
			if f.Key == at[1] {
				return f, true
			}
		}
		return Field{Key: at[1], Column: fieldPrefix + at[1], Class: s.PersonalData[at[0]]}, true
	}
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Column == at[0] })
	if len(at) > 1 || i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// Unknown is what becomes of top-level columns that a stream's file does not know. A glob for all
// columns can be stricter than their class, but classifies none.
func (p *Policy) Unknown(s *tap.Stream) record.Treatment {
	if p == nil || p.classes == nil {
		return record.Keep // it is no policy for columns that nobody knows
	}
	return max(p.classes[Unclassified], p.ruleFor(s.Name, []string{"?"}).treatment)
}

// Key is the key of hashes.
func (p *Policy) Key() []byte {
	if p == nil {
		return nil
	}
	return p.hashKey
}

// Fingerprint tells one policy from another, and one key from another. Neither can be told from it.
func (p *Policy) Fingerprint() string {
	if p == nil {
		return ""
	}
	return p.fingerprint
}
