// Package nearest finds the name that was perhaps meant by one that does not exist.
package nearest

import (
	"fmt"
	"strings"
)

// Hint returns ", did you mean X?" for the name nearest to a word, or "" if none is near.
func Hint(word string, names []string) string {
	if name := Name(word, names); name != "" {
		return fmt.Sprintf(", did you mean %q?", name)
	}
	return ""
}

// Name returns the name nearest to a word, or "" if none is near: at most a third of its characters
// may differ. If there is none, a name with the word in it will do.
func Name(word string, names []string) string {
	word = plain(word)
	best, least := "", max(1, len(word)/3)+1
	for _, name := range names {
		if d := Distance(word, plain(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" && len(word) > 3 {
		for _, name := range names {
			if strings.Contains(plain(name), word) {
				return name
			}
		}
	}
	return best
}

// plain is a name without what people write in different ways.
func plain(name string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(name))
}

// Distance is the number of bytes to insert, delete, replace or swap with the next to turn a into
// b.
func Distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
