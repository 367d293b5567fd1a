// Package red has a test that fails.
package red

// Limit is a number.
func Limit() int { return 10 }
