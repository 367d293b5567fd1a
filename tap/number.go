package tap

import (
	"fmt"
	"strings"
)

// Number writes a number for a person: with a comma for each thousand.
func Number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Few names the first of many, and counts the rest. It never counts one that it could name.
func Few(names []string, most int) string {
	if n := len(names) - most; n > 1 {
		return fmt.Sprintf("%s and %s more", strings.Join(names[:most], ", "), Number(n))
	}
	return strings.Join(names, ", ")
}
