package custom

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// customPrefix precedes the name of a custom field's column.
const customPrefix = "custom_"

// folded returns a name as warehouses compare it, ignoring case.
func folded(fieldType, column string) string { return fieldType + ":" + strings.ToLower(column) }

// identifier makes a name that every warehouse accepts.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// maxIdentifier is PostgreSQL's maximum length of a name, in bytes. It silently truncates longer
// names, so that two of them can become the same.
const maxIdentifier = 63

// columnName returns the name of a custom field's column, short enough for PostgreSQL: a long name
// ends in a hash of the whole.
func columnName(key string) string {
	name := customPrefix + identifier(key)
	if len(name) <= maxIdentifier {
		return name
	}
	sum := sha256.Sum256([]byte(key))
	mark := "_" + hex.EncodeToString(sum[:4])
	return name[:maxIdentifier-len(mark)] + mark
}

// distinct returns the name with a suffix that distinguishes it from the same name of another
// field, within the maximum length.
func distinct(name, what string) string {
	what = "_" + what
	return name[:min(len(name), maxIdentifier-len(what))] + what
}
