package config

import (
	"errors"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

// origin says where the values of a config came from, for messages.
type origin struct {
	file string          // "config c.json"
	env  map[string]bool // the keys that came from the environment
}

// of returns the op of an error about a key, and how the error names the key.
func (o origin) of(key string) (op, name string) {
	top, _, _ := strings.Cut(key, ".")
	if o.env[top] {
		return "environment variable " + envName(top), strings.TrimPrefix(key[len(top):], ".")
	}
	return o.file, key
}

func envName(key string) string { return EnvPrefix + strings.ToUpper(key) }

// bad returns an error about a key, or about the one that a [privacy.SettingError] names. Its text
// does not repeat the value, which may be a secret.
func (o origin) bad(key string, err error) error {
	var of *privacy.SettingError
	if errors.As(err, &of) {
		key, err = of.Key, of.Err
	}
	op, name := o.of(key)
	if name == "" {
		return badConfig(op, "%w", err)
	}
	return badConfig(op, "%s: %w", name, err)
}

// Origin says where a key came from: "client_id in the config", or the name of the variable.
func (c *Config) Origin(keys ...string) string {
	var fromFile, names []string
	for _, key := range keys {
		if c.origin.env[key] {
			names = append(names, "the environment variable "+envName(key))
			continue
		}
		fromFile = append(fromFile, key)
	}
	if len(fromFile) > 0 {
		where := " in the config"
		if c.File != "" {
			where = " in " + c.File
		}
		names = append([]string{and(fromFile) + where}, names...)
	}
	return and(names)
}

// and joins names as in a sentence.
func and(names []string) string {
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return strings.Join(names, "")
}
