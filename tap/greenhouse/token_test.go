package greenhouse_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// A refresh token works once: while the next one cannot be kept, it stays unused, and a later run
// uses it.
func TestTokenStaysUnusedWhileTheNextCannotBeKept(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{Candidates: 5, Limit: -1})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	defer s.Close()
	settings := s.Config()
	settings["refresh_token"], settings["streams"] = sandbox.RefreshToken, []string{"jobs"}
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	cfg, err := config.Parse(text)
	require.NoError(t, err)

	var kept []string
	away := errors.New("the database is away")
	for _, can := range []error{away, nil} {
		account := greenhouse.Open(cfg, greenhouse.Options{
			CanKeepToken: func() error { return can },
			KeepToken:    func(token string) error { kept = append(kept, token); return nil },
		})
		code, err := read(t, account)
		account.Close()
		if can == nil {
			require.NoError(t, err)
			assert.Equal(t, []string{s.CurrentRefreshToken()}, kept)
			continue
		}
		require.ErrorIs(t, err, away)
		assert.Equal(t, greenhouse.ExitIncomplete, code, "trying again helps")
		assert.Empty(t, kept)
		assert.Equal(t, sandbox.RefreshToken, s.CurrentRefreshToken())
	}
}

// A run ends when its context does, though a refresh token is being kept; Close waits until it is:
// whoever reads the account next would use the old one again.
func TestCloseWaitsForATokenThatIsBeingKept(t *testing.T) {
	cfg, done := settings(map[string]any{
		"refresh_token": sandbox.RefreshToken, "streams": []string{"jobs"},
	})
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	release, kept := make(chan struct{}), false
	account := greenhouse.Open(cfg, greenhouse.Options{KeepToken: func(string) error {
		cancel()
		<-release
		kept = true
		return nil
	}})
	run, err := account.Prepare(ctx, greenhouse.Read{})
	require.NoError(t, err)
	_, err = run.Do(ctx, io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	account.Close()
	assert.True(t, kept)
}

// read reads an account, and returns the exit code.
func read(t *testing.T, account *greenhouse.Account) (int, error) {
	t.Helper()
	run, err := account.Prepare(t.Context(), greenhouse.Read{})
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	result, err := run.Do(t.Context(), greenhouse.Messages(func(greenhouse.Message) error { return nil }))
	if result == nil {
		return greenhouse.ExitCode(err, false), err
	}
	return result.ExitCode, err
}
