package cli

import (
	"errors"
	"io/fs"

	"github.com/tap-greenhouse/tap-greenhouse/internal/errno"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// exitError is the end of a command whose exit code does not follow from the kind of its error.
type exitError struct {
	code int
	err  error // nil if nothing is left to be said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "ended"
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// endedWith is the end of a run that has said how it ended.
func endedWith(code int) error {
	if code == greenhouse.ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// reported is the end of a command whose error stands in a message to the platform.
func reported(err error) error { return endedWith(greenhouse.ExitCode(err, false)) }

// nothingRead is the error of a command that did nothing at all, whatever the kind of the error.
func nothingRead(err error) error {
	return &exitError{max(greenhouse.ExitNothingRead, greenhouse.ExitCode(err, false)), err}
}

// exitPipe is the exit code that a shell shows for a program which wrote into a pipe that nobody
// reads, such as one to head.
const exitPipe = 128 + 13

// exit says what is left to be said of an error, and returns the exit code.
func (p *program) exit(err error) int {
	code := greenhouse.ExitCode(err, false)
	var e *exitError
	if errors.As(err, &e) {
		code, err = e.code, e.err
	}
	switch {
	case err == nil:
	case headed(err):
		return exitPipe
	default:
		p.fail(unwritten(err))
	}
	return code
}

// headed reports whether a command, other than a sync, ended because nobody reads its output. That
// is no error, so nothing is said.
func headed(err error) bool {
	var e *fs.PathError
	return errors.As(err, &e) && e.Op == "write" && errno.BrokenPipe(e.Err)
}

// unwritten returns an error of writing the output of a command with what to do about it.
func unwritten(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) && e.Op == "write" {
		return engine.WriteError(err)
	}
	return err
}
