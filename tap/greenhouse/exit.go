package greenhouse

import (
	"errors"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// How a run ended, as an exit code; 128 and the signal's number stand for a signal.
const (
	ExitOK         = 0 // all streams are loaded, or skipped
	ExitIncomplete = 1 // at least one stream is not loaded; the next run may load it
	// flags, config, catalog, state or credentials are wrong: a person is needed
	ExitNothingRead = 2
)

// ExitCode returns the code for an error that ended a run. What interrupted it may have its own, in
// a method ExitCode; that of another program, such as an [exec.ExitError], is none. read reports
// whether anything was read.
func ExitCode(err error, read bool) int {
	var own interface{ ExitCode() int }
	switch {
	case err == nil:
		return ExitOK
	case tap.KindOf(err) == tap.Interrupted && errors.As(err, &own):
		return own.ExitCode()
	}
	switch tap.KindOf(err) {
	case tap.BadInput, tap.Rights:
		return ExitNothingRead
	case tap.Credentials:
		if !read {
			return ExitNothingRead
		}
	default: // what was read is safe
	}
	return ExitIncomplete
}
