package greenhouse

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// PanicError is the error of a program's function that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("the callback panicked: %v", e.Value) }

// guard makes a panic in the calling function its error.
func guard(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{v, debug.Stack()}
	}
}

// guarded is a transport of the program, which runs in goroutines of the tap.
type guarded struct{ next http.RoundTripper }

func (g guarded) RoundTrip(req *http.Request) (answer *http.Response, err error) {
	defer guard(&err)
	return g.next.RoundTrip(req)
}

// transport returns the program's transport, or nil if it has none.
func (o Options) transport() http.RoundTripper {
	if o.Transport == nil {
		return nil
	}
	return guarded{o.Transport}
}

// keepToken gives a token to the program.
func (o Options) keepToken(token string) (err error) {
	defer guard(&err)
	return o.KeepToken(token)
}

// canKeepToken asks the program whether it can keep a token.
func (o Options) canKeepToken() (err error) {
	defer guard(&err)
	return o.CanKeepToken()
}
