package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/pipe"
)

// overtime is how long a run may take beyond --max-run: for its last pages, and to sign in.
const overtime = 20 * time.Second

// read pipes an account into the loader, and stores each state that the loader echoes. The account
// of the run is nil if it did not start. The context's end, or --max-run and a little more, ends it
// whatever blocks; then the loader has --flush to store what it has.
func (r *reader) read(ctx context.Context, a *account, l *lease, said *tail) (*tap.Report, error) {
	sealed, _, err := r.db.keys.unseal(a.name, a.sealed)
	if err != nil {
		return nil, &tap.Error{Kind: tap.BadInput, Err: err} // a person is needed
	}
	limited, err := with(sealed, "max_run_time", r.settings.maxRun.String())
	if err != nil {
		return nil, &tap.Error{Kind: tap.BadInput, Err: err}
	}
	cfg, err := config.Parse(limited)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, deadline := context.WithTimeoutCause(ctx, r.settings.maxRun+overtime, errTooLong)
	defer deadline()
	go l.hold(ctx, cancel)

	from := greenhouse.Open(cfg, greenhouse.Options{
		Version: "fleet", Log: nil,
		CanKeepToken: func() error { return persist(ctx, l.beforeToken) },
		KeepToken: func(token string) error {
			return persist(ctx, func(ctx context.Context) error {
				return r.db.keepToken(ctx, a.name, token)
			})
		},
	})
	defer from.Close()
	var state []byte
	if a.state != "" {
		state = []byte(a.state)
	}
	run, err := from.Prepare(ctx, greenhouse.Read{State: state, StateName: "of the account"})
	if err != nil {
		return nil, err
	}
	loader, err := r.start(ctx, a.name, l, said)
	if err != nil {
		return nil, err
	}
	go func() {
		select {
		case <-loader.Gone():
			cancel(loader.Cause())
		case <-ctx.Done():
		}
		if errors.Is(context.Cause(ctx), errTaken) {
			loader.Kill() // somebody else's loader may write by now
		}
	}()
	result, err := run.Do(ctx, loader)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // the context says better why than what it broke
	}
	if failed := loader.Finish(); failed != nil && err == nil {
		err = failed
		if result != nil {
			greenhouse.Undelivered(result, err)
		}
	}
	return result, err
}

// errTooLong ends a run that does not end by itself.
var errTooLong = errors.New("the run took longer than --max-run, and did not end by itself")

// start starts the loader of an account. It runs without what opens the configs of all accounts.
func (r *reader) start(ctx context.Context, name string, l *lease, said *tail) (
	*pipe.Loader, error,
) {
	return pipe.Start(ctx, pipe.Options{
		Args:   strings.Fields(strings.ReplaceAll(r.settings.loader, "{account}", name)),
		Stderr: said,
		Env: slices.DeleteFunc(os.Environ(), func(entry string) bool {
			return strings.HasPrefix(entry, "FLEET_KEY=") ||
				strings.HasPrefix(entry, "FLEET_DATABASE=")
		}),
		State: greenhouse.EchoedState,
		Keep:  func(state []byte) error { return l.keepState(ctx, state) },
		Stall: r.settings.maxRun + overtime, Grace: r.settings.flush, Log: r.log,
	})
}

// tail keeps the last lines of a loader's standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailBytes is how much of it is stored with a run.
const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - tailBytes; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(bytes.ReplaceAll(t.text, []byte{0}, nil)), "?")
}

// failures lists the streams that failed, and why.
func failures(result *tap.Report) string {
	if result == nil {
		return ""
	}
	var lines []string
	for _, s := range result.Streams {
		if s.Status == tap.Failed {
			lines = append(lines, fmt.Sprintf("%s: %s", s.Stream, s.Reason))
		}
	}
	return strings.Join(lines, "\n")
}
