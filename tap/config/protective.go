package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
)

// protective returns the known key that an unknown one was perhaps meant to be, if it can only mean
// that something must not come out: ignoring such a key would let it out. Otherwise it returns "".
func protective(name string, known []string) string {
	name = strings.ToLower(name)
	word := strings.FieldsFunc(name+"_", func(r rune) bool {
		return strings.ContainsRune("-_. /", r)
	})
	switch {
	case len(word) == 0:
		return ""
	case strings.HasPrefix(strings.Join(word, ""), "streammap"):
		return "privacy_columns"
	case strings.HasPrefix(word[0], "exclud"), alike(word[0], "exclude"):
		return "exclude"
	case !strings.Contains(name, "privac") && !alike(word[0], "privacy"):
		return ""
	}
	keys := slices.DeleteFunc(slices.Clone(known),
		func(k string) bool { return !strings.HasPrefix(k, "privacy") })
	return slices.MinFunc(keys, func(a, b string) int {
		return nearest.Distance(name, a) - nearest.Distance(name, b)
	})
}

// alike reports whether a word is another one but for a typo or for vowels.
func alike(word, other string) bool {
	bare := strings.NewReplacer("a", "", "e", "", "i", "", "o", "", "u", "", "y", "")
	return nearest.Distance(word, other) <= 1 || bare.Replace(word) == bare.Replace(other)
}

// refuseProtective returns an error for unknown keys, in the file or in the environment, that can
// only mean that something must not come out. A key that is not set means nothing.
func refuseProtective(where string, members map[string]jsontext.Value, in Input) error {
	var known, wrong []string
	for _, s := range Settings() {
		known = append(known, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if meant := protective(name, known); meant != "" && !slices.Contains(known, name) &&
			isSet(members[name]) {
			wrong = append(wrong, fmt.Sprintf("unknown key %q: use %s", name, meant))
		}
	}
	for _, v := range in.unknownVariables(known) {
		if meant := protective(v.key, known); meant != "" {
			wrong = append(wrong, fmt.Sprintf("unknown environment variable %s: use %s", v.name,
				envName(meant)))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return badConfig(where, "%s", strings.Join(wrong, "; ")).
		WithHint("such a key can only mean that something must not come out")
}

// variable is one of the environment that has the prefix of settings and names none.
type variable struct{ name, key string }

// unknownVariables returns the variables that are set and name no known setting.
func (in Input) unknownVariables(known []string) (all []variable) {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		key, ours := strings.CutPrefix(strings.ToUpper(name), EnvPrefix)
		key = strings.ToLower(key)
		if value, ok := in.Getenv(name); ours && ok && !slices.Contains(known, key) &&
			isSet(jsontext.Value(value)) {
			all = append(all, variable{name, key})
		}
	}
	return all
}

// misspeltVariables returns a warning for each variable that was perhaps meant to be a setting.
// Others stay without one: Meltano passes variables of its own, and logs have theirs.
func misspeltVariables(known []string, in Input) (warnings []string) {
	for _, v := range in.unknownVariables(known) {
		meant := nearest.Name(v.key, known)
		if meant != "" && !strings.HasPrefix(v.key, "_") && !strings.HasPrefix(v.key, "log") {
			warnings = append(warnings, fmt.Sprintf(
				"environment variable %s is ignored, did you mean %s?", v.name, envName(meant)))
		}
	}
	return warnings
}

// isSet reports whether a value says anything.
func isSet(v jsontext.Value) bool {
	return !slices.Contains([]string{"", "null", `""`, "{}", "[]"}, strings.TrimSpace(string(v)))
}
