package tap

import (
	"errors"
	"fmt"
)

// Kind tells failures apart by what can be done about them. Exit codes and the words of a protocol
// are tables over it.
type Kind uint8

const (
	// Fault is a mistake in this program, and whatever else has no kind of its own.
	Fault Kind = iota
	// BadInput is a flag, config, catalog or state that cannot be used.
	BadInput
	// Credentials were refused.
	Credentials
	// SignIn did not come about for another reason than the credentials. No list can be read
	// without it, so it ends the run.
	SignIn
	// Rights are missing altogether: the user acted for is not a Site Admin, so that lists come out
	// empty. It ends the run.
	Rights
	// Scope is missing: the credential, or the user it acts for, may not read a list.
	Scope
	// Refused is a request that the API will never answer, however often it is repeated.
	Refused
	// Storage is a store of files, or of what was loaded, that does not work.
	Storage
	// Gone is a stream that was chosen and that Greenhouse no longer has.
	Gone
	// Unprocessable is a request with a parameter that the API does not take. One without it may be
	// answered.
	Unprocessable
	// Network is an address that does not answer, or breaks off.
	Network
	// Server is an answer that is none: an error of the server, or a page that is not whole.
	Server
	// Unreachable is an API that has answered no list for so long that the run ends.
	Unreachable
	// Origin is an answer that sends the reader to another host, scheme or port.
	Origin
	// CursorExpired is a cursor that the API no longer takes: the piece has to be read from its
	// start.
	CursorExpired
	// LoaderGone is a reader of stdout that went away.
	LoaderGone
	// Interrupted is a signal, or a run that ends for another reason.
	Interrupted
)

// Error is a failure with its kind, what was being done, and what a person can do about it.
type Error struct {
	Kind Kind
	Op   string // what was being done, with file, key or stream: "reading config c.json"
	Err  error  // the cause
	Hint string // what to do, one sentence without a full stop; may be empty
}

// Error is one line: what was being done, the cause, what to do.
func (e *Error) Error() string {
	s := e.Op
	if e.Err != nil {
		if s != "" {
			s += ": "
		}
		s += e.Err.Error()
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of that kind whose cause is formatted as by [fmt.Errorf].
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

// WithHint returns the error with what a person can do about it.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// KindOf returns the kind of the outermost [Error] in err's chain; Fault where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Fault
}

// Cause is what the innermost error of a chain says, without what was added on the way.
func Cause(err error) string {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// Sentence is what a person should read of an error: what was being done and what to do about it,
// or else the cause.
func Sentence(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	switch {
	case e.Hint != "" && e.Op != "":
		return e.Op + " failed: " + e.Hint + "."
	default:
		return e.Error()
	}
}
