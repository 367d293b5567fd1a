package tap

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// extraMembers are the names of a bookmark's members in a state.
var extraMembers = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for field := range reflect.TypeFor[Extra]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
})

// Understood reports whether a stream's entry in a state, from which no time was read, is one of
// this program, or says nothing beyond the named members. Otherwise its form is unknown.
func Understood(entry jsontext.Value, named ...string) bool {
	var members map[string]jsontext.Value
	if json.Unmarshal(entry, &members, jsontext.AllowDuplicateNames(true)) != nil {
		return false
	}
	rest := false
	for name, value := range members {
		switch {
		case slices.Contains([]string{`null`, `""`, `[]`, `{}`}, string(value)):
		case extraMembers()[name]:
			return true
		default:
			rest = rest || !slices.Contains(named, name)
		}
	}
	return !rest
}

// NoteUnknown notes streams whose entries have an unknown form.
func (s *State) NoteUnknown(streams []string) {
	if len(streams) > 0 {
		slices.Sort(streams)
		s.Notes = append(s.Notes, "state: the form of these entries is not known, and their streams are read from the start: "+
			strings.Join(streams, ", "))
	}
}
