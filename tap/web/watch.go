package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Why an exchange was given up.
var (
	ErrSilent = errors.New("the connection was silent for too long")
	ErrSlow   = errors.New("the answer came too slowly")
)

// Watch is a transport that gives up a connection which is silent or drips. Time that a reader of
// the body spends between two reads does not count.
type Watch struct {
	Next http.RoundTripper
	// RequestTimeout is how long nothing may move, in either direction.
	RequestTimeout time.Duration
	// Slowest is the least that an answer must deliver, in bytes a second over each RequestTimeout.
	Slowest int
	// Longest is how long the exchange may take until its body is closed; 0 for no limit.
	Longest time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (w *Watch) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	e := &exchange{watch: w, ctx: ctx, cancel: cancel}
	e.silence = time.AfterFunc(w.RequestTimeout, func() { cancel(ErrSilent) })
	if w.Longest > 0 {
		e.end = time.AfterFunc(w.Longest, func() { cancel(ErrSlow) })
	}
	answer, err := w.Next.RoundTrip(e.sending(req.WithContext(ctx)))
	if err != nil {
		defer e.stop()
		return nil, e.why(err)
	}
	e.silence.Stop()
	e.body = answer.Body
	answer.Body = e
	return answer, nil
}

// exchange is a request under watch, and the body of its answer.
type exchange struct {
	watch        *Watch
	ctx          context.Context
	cancel       context.CancelCauseFunc
	silence, end *time.Timer
	body         io.ReadCloser

	waited time.Duration // in reads, since bytes was reset
	bytes  int
}

// sending watches the body of a request: while it is sent, the connection is not silent.
func (e *exchange) sending(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	req.Body = &sent{req.Body, e.silence, e.watch.RequestTimeout}
	if get := req.GetBody; get != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := get()
			if err != nil {
				return nil, err
			}
			return &sent{body, e.silence, e.watch.RequestTimeout}, nil
		}
	}
	return req
}

// sent is the body of a request. Each read of it shows that what was read before has been sent.
type sent struct {
	io.ReadCloser
	silence *time.Timer
	most    time.Duration
}

func (s *sent) Read(p []byte) (int, error) {
	s.silence.Reset(s.most)
	return s.ReadCloser.Read(p)
}

// Read implements [io.Reader].
func (e *exchange) Read(p []byte) (int, error) {
	e.silence.Reset(e.watch.RequestTimeout)
	began := time.Now()
	n, err := e.body.Read(p)
	e.waited += time.Since(began)
	e.silence.Stop()
	if e.bytes += n; e.waited > e.watch.RequestTimeout {
		if float64(e.bytes) < float64(e.watch.Slowest)*e.waited.Seconds() {
			e.cancel(ErrSlow)
		}
		e.waited, e.bytes = 0, 0
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.why(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (e *exchange) Close() error {
	defer e.stop()
	return e.body.Close()
}

func (e *exchange) stop() {
	e.silence.Stop()
	if e.end != nil {
		e.end.Stop()
	}
	e.cancel(nil)
}

// why returns the reason for which the exchange was given up, or else err.
func (e *exchange) why(err error) error {
	if cause := context.Cause(e.ctx); errors.Is(cause, ErrSilent) || errors.Is(cause, ErrSlow) {
		return cause
	}
	return err
}
