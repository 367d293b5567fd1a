package tap

import (
	"errors"
	"fmt"
)

// Kind classifies errors by what can be done about them. Exit codes and the terms of a protocol are
// tables over it.
type Kind uint8

const (
	// Fault is a bug in this program, or anything else without a kind of its own.
	Fault Kind = iota
	// BadInput is a flag, config, catalog or state that cannot be used.
	BadInput
	// Credentials means that the credentials were refused.
	Credentials
	// SignIn means that signing in failed for another reason than the credentials. No list can be
	// read without it, so it ends the run.
	SignIn
	// Rights means that the user is not a Site Admin, so lists are refused or empty. It ends the
	// run.
	Rights
	// Scope means that the credential, or its user, may not read a list.
	Scope
	// Refused is a request that the API will never answer, no matter how often it is repeated.
	Refused
	// TooLarge is a page that is too large to be held. Fewer records may fit.
	TooLarge
	// Storage is a store, of files or of ids, that does not work.
	Storage
	// Gone is a selected stream that Greenhouse no longer has.
	Gone
	// Unprocessable is a request with a parameter that the API refuses. It may be answered without
	// it.
	Unprocessable
	// Network is an address that does not answer, or a connection that breaks.
	Network
	// Server is an error of the server, or a page that is not whole.
	Server
	// Unreachable is an API of which no list has answered for so long that the run ends.
	Unreachable
	// Origin is an answer that leads to another host, scheme or port.
	Origin
	// CursorExpired is a cursor that the API no longer accepts: the piece must be read from its
	// start.
	CursorExpired
	// LoaderGone means that the reader of standard output went away.
	LoaderGone
	// Interrupted is a signal, or a run that ends for another reason.
	Interrupted
)

// Error is an error with its kind, what was being done, and what a person can do about it.
type Error struct {
	Kind Kind
	Op   string // what was being done, with file, key or stream: "reading config c.json"
	Err  error  // the cause
	Hint string // what to do, one sentence without a full stop; may be empty
	// Params are the parameters of a request that the API names as the ones it refuses; nil if it
	// names none.
	Params []string
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

// Errorf returns an error of a kind, with a cause formatted as by [fmt.Errorf].
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Err: fmt.Errorf(format, args...)}
}

// WithHint returns the error with what a person can do about it.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// KindOf returns the kind of the outermost [Error] in err's chain, or Fault.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Fault
}

// ParamsOf returns the parameters that the API refused, according to the outermost [Error] in err's
// chain.
func ParamsOf(err error) []string {
	var e *Error
	if errors.As(err, &e) {
		return e.Params
	}
	return nil
}

// Cause is the text of the innermost error in a chain, without what wraps it.
func Cause(err error) string {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// Sentence is the part of an error for a person: what was being done and what to do about it, or
// else the cause.
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

// NoRights is the error of a list that is empty although every account has rows in it.
func NoRights(op, user string) error {
	return Errorf(Rights, op, "%s is not a Site Admin, so lists are refused or empty", user).
		WithHint("make that user a Site Admin in Greenhouse, or set user_id to one")
}
