// Package long says how much tests try: little by default, so that all of them end within a minute,
// and more if TAP_GREENHOUSE_LONG is set, as .ci/run does. Every promise has a test in the default
// run.
package long

import (
	"os"
	"testing"
)

// Set reports whether tests may take long.
func Set() bool { return os.Getenv("TAP_GREENHOUSE_LONG") != "" }

// Only skips a test that takes more than a few seconds, unless it may take long.
func Only(t testing.TB) {
	t.Helper()
	if !Set() {
		t.Skip("TAP_GREENHOUSE_LONG is not set")
	}
}

// Or returns how many rows, repetitions or cases a test has.
func Or[T any](quick, long T) T {
	if Set() {
		return long
	}
	return quick
}
