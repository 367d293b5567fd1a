package config

import (
	"maps"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// tidy removes from the members what means "not set", at every depth: null, the empty string, and
// objects of nothing else. Whole numbers such as 8.0 become integers. It returns the names in
// privacy_columns that have no treatment: who wrote null there may have meant one.
func tidy(members map[string]jsontext.Value, all []Setting) (untreated []string) {
	for _, s := range all {
		value, ok := members[s.Name]
		if !ok {
			continue
		}
		if s.Name == "privacy_columns" {
			value = asObject(value)
			untreated = unset(value)
		}
		switch {
		case value.Kind() == '{' && s.Is("object"):
			value = set(value)
		case value.Kind() == '[' && s.Is("array") && s.Name != "refresh_token_exec":
			value = setOf(value) // an argument may be empty
		}
		if value.Kind() == '{' && len(s.Properties) > 0 {
			value = tidyObject(value, s.Members())
		}
		if value == nil || isNothing(value) || string(value) == "{}" && s.Is("object") {
			delete(members, s.Name)
			continue
		}
		if s.Is("integer") {
			value = whole(value)
		}
		members[s.Name] = value
	}
	return untreated
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

// asObject returns the object in a text: forms without free-form objects pass it so.
func asObject(value jsontext.Value) jsontext.Value {
	var text string
	if value.Kind() != '"' || json.Unmarshal(value, &text) != nil {
		return value
	}
	if object := jsontext.Value(text); object.IsValid() && object.Kind() == '{' {
		return object
	}
	return value
}

// set returns an object without the members that are not set.
func set(value jsontext.Value) jsontext.Value {
	members := membersIn(value)
	for name, member := range members {
		if member.Kind() == '[' {
			members[name] = setOf(member)
		}
		if isNothing(member) {
			delete(members, name)
		}
	}
	return object(members)
}

// setOf returns a list without the items that are not set.
func setOf(list jsontext.Value) jsontext.Value {
	var items []jsontext.Value
	err := json.Unmarshal(list, &items)
	if err == nil {
		list, err = json.Marshal(slices.DeleteFunc(items, isNothing))
	}
	if err != nil {
		panic(err) // the list was JSON
	}
	return list
}

// unset returns the names of the members of an object that are not set.
func unset(value jsontext.Value) (names []string) {
	if value.Kind() != '{' {
		return nil
	}
	members := membersIn(value)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if isNothing(members[name]) {
			names = append(names, name)
		}
	}
	return names
}

func isNothing(v jsontext.Value) bool { return v.Kind() == 'n' || string(v) == `""` }

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
