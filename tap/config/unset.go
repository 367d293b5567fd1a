package config

import (
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// tidy removes from the members what means "not set", at every depth: null, the empty string, and
// objects of nothing else. Whole numbers such as 8.0 become integers. Names of columns are not
// looked into: there, null may be meant as a treatment, and an unclear policy is an error.
func tidy(members map[string]jsontext.Value, all []Setting) {
	for _, s := range all {
		value, ok := members[s.Name]
		if !ok {
			continue
		}
		if s.Name != "privacy_columns" {
			value = set(value)
		}
		if value == nil || value.Kind() == 'n' || string(value) == `""` {
			delete(members, s.Name)
			continue
		}
		if value.Kind() == '{' && len(s.Properties) > 0 {
			if value = tidyObject(value, s.Members()); value == nil {
				delete(members, s.Name)
				continue
			}
		}
		if s.Is("integer") {
			value = whole(value)
		}
		members[s.Name] = value
	}
}

// addDefaults adds the defaults of members that are not set, at every depth.
func addDefaults(members map[string]jsontext.Value, all []Setting) {
	for _, s := range all {
		value, ok := members[s.Name]
		switch {
		case !ok && s.Default != nil:
			text, err := json.Marshal(s.Default)
			if err != nil {
				panic(err) // the file is embedded
			}
			members[s.Name] = text
		case value.Kind() == '{' && len(s.Properties) > 0:
			within := membersIn(value)
			addDefaults(within, s.Members())
			members[s.Name] = object(within)
		}
	}
}

// set returns a value without the members that are not set; nil for an object of none.
func set(value jsontext.Value) jsontext.Value {
	if value.Kind() != '{' {
		return value
	}
	members := membersIn(value)
	for name, member := range members {
		member = set(member)
		if member == nil || member.Kind() == 'n' || string(member) == `""` {
			delete(members, name)
			continue
		}
		members[name] = member
	}
	if len(members) == 0 {
		return nil
	}
	return object(members)
}

// tidyObject returns an object with the integers among its known members as such; nil if it lacks
// its store and holds nothing but defaults and empty lists, as a form does in which nobody typed
// anything.
func tidyObject(value jsontext.Value, known []Setting) jsontext.Value {
	members := membersIn(value)
	untouched := true
	for name := range members {
		var s Setting // of no type, if it is unknown
		if i := slices.IndexFunc(known, func(s Setting) bool { return s.Name == name }); i >= 0 {
			s = known[i]
		}
		if s.Is("integer") {
			members[name] = whole(members[name])
		}
		var v any
		empty := json.Unmarshal(members[name], &v) == nil && isEmptyList(v)
		untouched = untouched && (empty || s.Default != nil && v == s.Default)
	}
	if untouched {
		return nil
	}
	return object(members)
}

// membersIn returns the members of an object, which was checked when it was read.
func membersIn(object jsontext.Value) (members map[string]jsontext.Value) {
	if err := json.Unmarshal(object, &members); err != nil {
		panic(err)
	}
	return members
}

func isEmptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

func object(members map[string]jsontext.Value) jsontext.Value {
	out, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		panic(err) // the members were JSON
	}
	return out
}

// whole returns a number without fraction, such as 8.0 or 1e2, as an integer.
func whole(value jsontext.Value) jsontext.Value {
	if value.Kind() != '0' {
		return value
	}
	r, ok := new(big.Rat).SetString(string(value))
	if !ok || !r.IsInt() {
		return value
	}
	return jsontext.Value(r.Num().String())
}
