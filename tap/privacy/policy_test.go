package privacy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

const key = "a key of more than sixteen bytes"

type words = map[string]string

func streams(t *testing.T, names ...string) []*tap.Stream {
	t.Helper()
	all, err := schemas.Load(names...)
	require.NoError(t, err)
	return all
}

func policy(t *testing.T, classes, columns words) *privacy.Policy {
	t.Helper()
	p, err := privacy.New(classes, columns, key, streams(t))
	require.NoError(t, err)
	return p
}

// everywhere is a policy with one treatment for all classes.
func everywhere(treatment string) words {
	classes := words{}
	for _, class := range []string{
		"contact", "free_text", "demographic", "pay", "assessment", "credential", "unclassified",
	} {
		classes[class] = treatment
		if treatment == "hash" && slices.Contains([]string{"demographic", "pay", "assessment"}, class) {
			classes[class] = "mask"
		}
	}
	return classes
}

// treatment returns the treatment of a column of a stream, with these custom fields.
func treatment(t *testing.T, p *privacy.Policy, s *tap.Stream, path string, fields ...privacy.Field,
) string {
	t.Helper()
	shape, err := s.Shape()
	require.NoError(t, err)
	for _, f := range fields {
		shape = shape.With(record.Column{
			Name: f.Column, Shape: &record.Shape{Kinds: record.String | record.Null},
		})
	}
	shape = p.Apply(s, shape, fields)
	names := []string{"keep", "hash", "mask", "drop"}
	at, strictest := shape, record.Keep
	for _, name := range strings.Split(path, ".") {
		c := at.Column(name)
		if c == nil {
			return names[max(strictest, at.Unknown)]
		}
		strictest = max(strictest, c.Treatment)
		at = c.Members()
	}
	return names[strictest]
}

// Under a policy that drops everything, what is left is what the streams' files declare as key,
// bookmark, time of creation or change, or reference without a class, and what they class as none.
func TestOnlyDeclaredColumnsArePreserved(t *testing.T) {
	p := policy(t, everywhere("drop"), words{"*.*": "drop"})
	for _, s := range streams(t) {
		shape, err := s.Shape()
		require.NoError(t, err)
		for _, c := range shape.Columns {
			class := s.PersonalData[c.Name]
			declared := s.Automatic(c.Name) || c.Name == "created_at" || c.Name == "updated_at" ||
				s.References[c.Name] != "" && class == ""
			assert.Equal(t, declared, treatment(t, p, s, c.Name) == "keep", "%s.%s", s.Name, c.Name)
		}
		if s.CustomFields == nil {
			continue
		}
		for _, column := range []string{"custom_national_id", "custom_tax_ids", "custom_created_at"} {
			f := privacy.Field{Key: column[len("custom_"):], Column: column, Class: privacy.FreeText}
			assert.Equal(t, "drop", treatment(t, p, s, column, f), "%s.%s", s.Name, column)
		}
	}
}

// A custom field is no key, time or reference, whatever its name ends in; and columns that the
// files do not declare as such are not, either.
func TestSuffixMakesNoReference(t *testing.T) {
	s := streams(t, "candidates")[0]
	for _, how := range []string{"drop", "mask"} {
		p := policy(t, words{"free_text": how}, nil)
		for _, name := range []string{"national_id", "tax_ids"} {
			f := privacy.Field{Key: name, Column: "custom_" + name, Class: privacy.FreeText}
			assert.Equal(t, how, treatment(t, p, s, f.Column, f), name)
		}
	}
	p := policy(t, nil, words{"departments.external_id": "mask", "users.agency_id": "drop"})
	assert.Equal(t, "mask", treatment(t, p, streams(t, "departments")[0], "external_id"))
	assert.Equal(t, "drop", treatment(t, p, streams(t, "users")[0], "agency_id"))
}

// A reference with a class is treated like what it leads to. Its hash would join with nothing.
func TestReferencesWithAClassAreTreated(t *testing.T) {
	n := 0
	for _, s := range streams(t) {
		for column := range s.References {
			class := s.PersonalData[column]
			if class == "" {
				assert.Equal(t, "keep", treatment(t, policy(t, everywhere("drop"), nil), s, column))
				continue
			}
			n++
			for how, want := range map[string]string{"drop": "drop", "mask": "mask", "hash": "mask"} {
				assert.Equal(t, want, treatment(t, policy(t, everywhere(how), nil), s, column),
					"%s.%s: %s", s.Name, column, how)
			}
			named := policy(t, everywhere("drop"), words{s.Name + "." + column: "keep"})
			assert.Equal(t, "keep", treatment(t, named, s, column), "a name goes before")
		}
	}
	assert.Equal(t, 6, n)
}

// hash never reaches a member with few values, whatever name or class the hash comes from.
func TestFewValuesAreNeverHashed(t *testing.T) {
	p := policy(t, nil, words{"eeoc.race": "hash"})
	eeoc := streams(t, "eeoc")[0]
	for _, path := range []string{"race.description", "race.id", "race.new"} {
		assert.Equal(t, "mask", treatment(t, p, eeoc, path), path)
	}
	born := privacy.Field{Key: "born", Column: "custom_born", Class: privacy.Demographic}
	text := privacy.Field{Key: "text", Column: "custom_text", Class: privacy.FreeText}
	p = policy(t, words{"free_text": "hash"}, nil)
	candidates := streams(t, "candidates")[0]
	for path, want := range map[string]string{
		"custom_fields.born": "mask", "custom_fields.text": "hash", "custom_fields.other": "hash",
		"custom_text": "hash",
	} {
		assert.Equal(t, want, treatment(t, p, candidates, path, born, text), path)
	}
	p = policy(t, nil, words{"candidates.custom_*": "hash"})
	assert.Equal(t, "mask", treatment(t, p, candidates, "custom_born", born, text))
}

// A custom field can be named by its column or as a member, and is then treated alike in its own
// column and in the one that holds all fields.
func TestCustomFieldsAreNamedEitherWay(t *testing.T) {
	s := streams(t, "candidates")[0]
	salary := privacy.Field{Key: "salary", Column: "custom_salary", Class: privacy.FreeText}
	other := privacy.Field{Key: "other", Column: "custom_other", Class: privacy.FreeText}
	for _, name := range []string{
		"candidates.custom_salary", "candidates.custom_fields.salary", "*.custom_sal*",
		"candidates.custom_fields.sal*", "*.*.salary",
	} {
		for _, how := range []string{"drop", "mask", "hash"} {
			p := policy(t, nil, words{name: how})
			for _, path := range []string{"custom_salary", "custom_fields.salary"} {
				assert.Equal(t, how, treatment(t, p, s, path, salary, other), "%s: %s", name, path)
			}
			assert.Equal(t, "keep", treatment(t, p, s, "custom_other", salary, other), name)
			assert.Equal(t, "keep", treatment(t, p, s, "custom_fields.other", salary, other), name)
			assert.Equal(t, "keep", treatment(t, p, s, "custom_fields", salary, other), name)
		}
	}
	// Without definitions, as a member.
	p := policy(t, nil, words{"candidates.custom_fields.salary": "drop"})
	assert.Equal(t, "drop", treatment(t, p, s, "custom_fields.salary"))
	assert.Equal(t, "keep", treatment(t, p, s, "custom_fields.other"))
	p = policy(t, nil, words{"*.custom_fields.salary": "drop", "*.custom_team": "mask"})
	for path, want := range map[string]string{
		"custom_fields.salary": "drop", "custom_fields.team": "mask", "custom_fields.other": "keep",
	} {
		assert.Equal(t, want, treatment(t, p, s, path), path)
		assert.Equal(t, want, treatment(t, p, s, path, salary, other), path)
	}
	assert.Equal(t, record.Keep, p.UndefinedField(s), "a glob for streams names one field")
	assert.Equal(t, record.Keep, p.UndefinedField(streams(t, "notes")[0]))
	var none *privacy.Policy
	assert.Equal(t, record.Keep, none.UndefinedField(s))
	// A kept field of a dropped column.
	for _, p := range []*privacy.Policy{
		policy(t, words{"free_text": "drop"}, words{"candidates.custom_fields.salary": "keep"}),
		policy(t, nil, words{"candidates.custom_fields": "drop", "candidates.custom_salary": "keep"}),
	} {
		for path, want := range map[string]string{
			"custom_fields": "keep", "custom_fields.salary": "keep", "custom_salary": "keep",
			"custom_fields.other": "drop", "custom_other": "drop", "custom_fields.new": "drop",
		} {
			assert.Equal(t, want, treatment(t, p, s, path, salary, other), path)
		}
	}
	assert.Equal(t, record.Drop,
		policy(t, nil, words{"candidates.custom_fields.sal*": "drop"}).UndefinedField(s),
		"a field that is defined later could have such a name")
}

// The most specific name decides; between names that are equally specific, the stricter treatment.
func TestMostSpecificNameDecides(t *testing.T) {
	s := streams(t, "candidates")[0]
	salary := privacy.Field{Key: "salary", Column: "custom_salary", Class: privacy.FreeText}
	for _, c := range []struct {
		columns words
		want    string
	}{
		{words{"candidates.first*": "keep", "candidates.*_name": "drop", "candidates.*": "keep"}, "drop"},
		{words{"candidates.first_*": "mask", "candidates.*_name": "keep", "candidates.?irst*": "drop"}, "mask"},
		{words{"candidates.first_name": "hash", "candidates.first_nam?": "drop"}, "hash"},
		{words{"candidates.first_name": "keep", "*.*_name": "drop", "candidates.*": "drop"}, "keep"},
		{words{"candid*.first_name": "keep", "*dates.first_name": "drop"}, "keep"},
		{words{"candi*.first_name": "keep", "*dates.first_name": "drop"}, "drop"},
	} {
		p := policy(t, words{"contact": "mask"}, c.columns)
		assert.Equal(t, c.want, treatment(t, p, s, "first_name"), "%v", c.columns)
	}
	p := policy(t, nil, words{
		"candidates.custom_salary": "keep", "candidates.custom_fields.salary": "drop",
	})
	assert.Equal(t, "drop", treatment(t, p, s, "custom_salary", salary), "two names of one field")
	p = policy(t, nil, words{"candidates.phone_numbers": "drop", "candidates.phone_numbers.type": "keep"})
	assert.Equal(t, "keep", treatment(t, p, s, "phone_numbers.type"))
	assert.Equal(t, "drop", treatment(t, p, s, "phone_numbers.value"))
	assert.Equal(t, "drop", treatment(t, p, s, "phone_numbers.extension"))
	p = policy(t, nil, words{"candidates.phone_numbers": "mask"})
	shape, err := s.Shape()
	require.NoError(t, err)
	assert.Equal(t, record.Mask, p.Apply(s, shape, nil).Column("phone_numbers").Treatment)
	p = policy(t, words{"contact": "drop"}, words{"candidates.phone_numbers.type": "drop"})
	assert.Equal(t, record.Drop, p.Apply(s, shape, nil).Column("phone_numbers").Treatment,
		"nothing of it is left")
}

// A glob for all columns is for those that no file knows, too, if it is stricter.
func TestUnknownColumns(t *testing.T) {
	s := streams(t, "users")[0]
	for _, c := range []struct {
		classes, columns words
		want             record.Treatment
	}{
		{words{"pay": "mask"}, nil, record.Drop},
		{words{"unclassified": "keep"}, nil, record.Keep},
		{words{"unclassified": "keep"}, words{"users.*": "mask"}, record.Mask},
		{words{"unclassified": "keep"}, words{"jobs.*": "mask"}, record.Keep},
		{nil, words{"users.*": "keep"}, record.Drop},
	} {
		assert.Equal(t, c.want, policy(t, c.classes, c.columns).Unknown(s), "%v %v", c.classes, c.columns)
	}
	var none *privacy.Policy
	assert.Equal(t, record.Keep, none.Unknown(s))
}

// Members that are dropped since nobody classified them are told apart from those that someone
// dropped, by a name or by the class of what holds them.
func TestUnclassifiedMembersAreToldApart(t *testing.T) {
	s := streams(t, "candidates")[0]
	shape, err := s.Shape()
	require.NoError(t, err)
	for _, c := range []struct {
		classes, columns words
		column           string
		want             bool
	}{
		{words{"pay": "mask"}, nil, "phone_numbers", true},
		{words{"contact": "hash"}, words{"candidates.phone_numbers.type": "mask"}, "phone_numbers", true},
		{nil, words{"candidates.phone_numbers": "drop", "candidates.phone_numbers.type": "keep"}, "phone_numbers", false},
		{words{"free_text": "drop"}, words{"candidates.custom_fields.a": "keep"}, "custom_fields", false},
		{words{"unclassified": "keep"}, nil, "phone_numbers", false},
	} {
		members := policy(t, c.classes, c.columns).Apply(s, shape, nil).Column(c.column).Members()
		assert.Equal(t, c.want, members.Unclassified, "%v %v", c.classes, c.columns)
		assert.Equal(t, c.classes["unclassified"] == "", members.Unknown == record.Drop)
	}
}

// Definitions stand for the names that rules use, once they are known.
func TestFieldWithADefinitionIsListedOnce(t *testing.T) {
	s := streams(t, "candidates")[0]
	shape, err := s.Shape()
	require.NoError(t, err)
	dashed := privacy.Field{Key: "team-a", Column: "custom_team_a", Class: privacy.FreeText}
	for _, name := range []string{"candidates.custom_team_a", "candidates.custom_fields.team-a"} {
		treated := policy(t, nil, words{name: "mask"}).Apply(s, shape, []privacy.Field{dashed})
		var keys []string
		for _, c := range treated.Column("custom_fields").Shape.Columns {
			keys = append(keys, c.Name)
		}
		assert.Equal(t, []string{"team-a"}, keys, name)
	}
}

// What a policy cannot mean is an error that names it.
func TestMeaninglessRulesAreErrors(t *testing.T) {
	for says, columns := range map[string]words{
		`"candidates"`:                               {"candidates": "drop"},
		`"[.x"`:                                      {"[.x": "drop"},
		`matches "candidates.frist_name"`:            {"candidates.frist_name": "drop"},
		`matches "notes.custom_x"`:                   {"notes.custom_x": "drop"},
		`matches "candidates.custom_x.value"`:        {"candidates.custom_x.value": "drop"},
		`matches "candidates.custom_fields.a.value"`: {"candidates.custom_fields.a.value": "drop"},
		`*.created_at: keys`:                         {"*.created_at": "drop"},
		`applications.job_id: keys`:                  {"applications.job_id": "hash"},
		`holds pay data`:                             {"pay_input_ranges.min_*": "hash"},
		`holds demographic data`:                     {"eeoc.race.id": "hash"},
		`unknown treatment "redact"`:                 {"candidates.first_name": "redact"},
	} {
		_, err := privacy.New(nil, columns, key, streams(t))
		assert.ErrorContains(t, err, says)
	}
	_, err := privacy.New(words{"contacts": "drop"}, nil, key, streams(t))
	assert.ErrorContains(t, err, `"contacts"`)
	_, err = privacy.New(words{"pay": "hash"}, nil, key, streams(t))
	assert.ErrorContains(t, err, "privacy.pay")
	_, err = privacy.New(words{"contact": "hash"}, nil, key[:15], streams(t))
	assert.ErrorContains(t, err, "privacy_key")
	_, err = privacy.New(nil, words{"candidates.title": "hash"}, key[:15], streams(t))
	assert.ErrorContains(t, err, "privacy_key")
	_, err = privacy.New(words{"contact": "hash"}, nil, key[:16], streams(t))
	assert.NoError(t, err)
	_, err = privacy.New(nil, words{"applications.job_id": "keep"}, "", streams(t))
	assert.NoError(t, err, "it says what is so")
}

// Once the definitions of custom fields are known, so is whether a rule for them means anything.
func TestRulesForCustomFieldsAreCheckedAgainstTheDefinitions(t *testing.T) {
	all := streams(t)
	fields := func(s *tap.Stream) []privacy.Field {
		if s.Name != "candidates" {
			return nil
		}
		return []privacy.Field{
			{Key: "salary", Column: "custom_salary", Class: privacy.FreeText},
			{Key: "born", Column: "custom_born", Class: privacy.Demographic},
		}
	}
	for rule, says := range map[string]string{
		"candidates.custom_salary": "", "candidates.custom_fields.salary": "", "*.custom_sal*": "",
		"candidates.custom_*": "", "*.custom_fields": "", "candidates.first_name": "",
		"candidates.custom_salry":        `custom field matches "candidates.custom_salry"`,
		"jobs.custom_salary":             `matches "jobs.custom_salary"`,
		"candidates.custom_fields.salry": "custom_fields.salry",
		"*.custom_zzz*":                  "custom_zzz",
	} {
		err := policy(t, nil, words{rule: "mask"}).CheckFields(all, fields)
		if says == "" {
			assert.NoError(t, err, rule)
		} else {
			assert.ErrorContains(t, err, says)
		}
	}
	for _, rule := range []string{"candidates.custom_born", "candidates.custom_fields.born"} {
		assert.ErrorContains(t, policy(t, nil, words{rule: "hash"}).CheckFields(all, fields),
			"demographic data")
	}
	assert.NoError(t, policy(t, nil, words{"candidates.custom_*": "hash"}).CheckFields(all, fields),
		"a glob masks it")
	var none *privacy.Policy
	assert.NoError(t, none.CheckFields(all, fields))
	assert.False(t, none.NamesFields(all...))

	s := streams(t, "candidates")[0]
	for rule, want := range map[string][2]bool{
		"candidates.custom_salary": {true, true}, "candidates.custom_fields.salary": {true, false},
		"candidates.custom_fields.sal*": {true, true}, "candidates.custom_fields": {false, false},
		"jobs.custom_salary": {false, false}, "candidates.phone_numbers.value": {false, false},
	} {
		p := policy(t, nil, words{rule: "drop"})
		assert.Equal(t, want, [2]bool{p.NamesFields(s), p.NeedsDefinitions(s)}, rule)
	}
}

// Excluded columns are dropped; nothing else changes, and an unknown column stays.
func TestExcludedColumns(t *testing.T) {
	p, err := privacy.Exclude([]string{
		"candidates.*_name", "candidates.phone_numbers.value", "applications.job_id",
		"jobs.created_at", "candidates.custom_salary",
	}, streams(t))
	require.NoError(t, err)
	s := streams(t, "candidates")[0]
	salary := privacy.Field{Key: "salary", Column: "custom_salary", Class: privacy.FreeText}
	for path, want := range map[string]string{
		"first_name": "drop", "title": "keep", "phone_numbers.value": "drop", "phone_numbers.type": "keep",
		"phone_numbers.new": "keep", "custom_salary": "drop", "custom_fields.salary": "drop",
		"custom_fields.other": "keep", "id": "keep",
	} {
		assert.Equal(t, want, treatment(t, p, s, path, salary), path)
	}
	assert.Equal(t, record.Keep, p.Unknown(s))
	every, err := privacy.Exclude([]string{"candidates.*"}, streams(t))
	require.NoError(t, err)
	assert.Equal(t, record.Keep, every.Unknown(s), "new columns are loaded as usual")
	assert.Equal(t, "drop", treatment(t, p, streams(t, "applications")[0], "job_id"))
	assert.Equal(t, "drop", treatment(t, p, streams(t, "jobs")[0], "created_at"))

	shape, err := s.Shape()
	require.NoError(t, err)
	both := p.Apply(s, policy(t, words{"contact": "mask"}, nil).Apply(s, shape, nil), nil)
	assert.Equal(t, record.Drop, both.Column("first_name").Treatment)
	assert.Equal(t, record.Mask, both.Column("title").Treatment)
	assert.Equal(t, record.Drop, both.Column("phone_numbers").Members().Unknown,
		"the policy for unknown members stays")

	none, err := privacy.Exclude(nil, streams(t))
	require.NoError(t, err)
	assert.Nil(t, none)
	for name, says := range map[string]string{
		"candidates.frist_name": `exclude: no column matches "candidates.frist_name"`,
		"candidates.id":         "the key and the bookmark", "jobs.updated_at": "the key and the bookmark",
		"candidates": "is not a column name",
	} {
		_, err := privacy.Exclude([]string{name}, streams(t))
		assert.ErrorContains(t, err, says)
	}
}

// The table tells what comes out: a row per column, and custom fields that are named.
func TestTableTellsWhatComesOut(t *testing.T) {
	p := policy(t, words{"contact": "hash", "demographic": "drop"}, words{
		"candidates.phone_numbers.type": "drop", "candidates.custom_fields.salary": "drop",
		"candidates.custom_team": "mask",
	})
	excluded, err := privacy.Exclude([]string{"candidates.title", "candidates.custom_id", "candidates.*s"}, streams(t))
	require.NoError(t, err)
	rows := map[string]privacy.Row{}
	for _, row := range privacy.Table(streams(t, "candidates", "eeoc"), p, excluded) {
		rows[row.Stream+"."+row.Column] = row
	}
	for name, want := range map[string]string{
		"candidates.id": "keep", "candidates.first_name": "hash", "candidates.phone_numbers": "drop",
		"candidates.phone_numbers.value": "drop", "candidates.phone_numbers.type": "drop",
		"candidates.title": "drop", "candidates.custom_id": "drop", "candidates.created_at": "keep",
		"candidates.custom_fields.salary": "drop", "candidates.custom_team": "mask",
		"candidates.*": "drop", "eeoc.race": "drop", "eeoc.race.id": "drop",
	} {
		assert.Equal(t, want, rows[name].Treatment, name)
	}
	assert.Equal(t, "free_text", rows["candidates.custom_fields.salary"].Class)
	var none *privacy.Policy
	for _, row := range privacy.Table(streams(t), none, none) {
		assert.Equal(t, "keep", row.Treatment)
	}
}

// The mark changes with each part of a policy, and does not tell the key.
func TestMarkTellsPoliciesApart(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []*privacy.Policy{
		nil, policy(t, words{"contact": "hash"}, nil), policy(t, words{"contact": "mask"}, nil),
		policy(t, nil, words{"candidates.title": "mask"}), policy(t, nil, words{"candidates.t*": "mask"}),
	} {
		assert.False(t, seen[p.Fingerprint()])
		seen[p.Fingerprint()] = true
	}
	other, err := privacy.New(words{"contact": "hash"}, nil, key+"!", streams(t))
	require.NoError(t, err)
	assert.False(t, seen[other.Fingerprint()])
	assert.Equal(t, key+"!", string(other.Key()))
	masked, err := privacy.New(words{"contact": "mask"}, nil, key+"!", streams(t))
	require.NoError(t, err)
	assert.True(t, seen[masked.Fingerprint()], "a key that is not used changes nothing")
	var none *privacy.Policy
	assert.Empty(t, none.Key())
}
