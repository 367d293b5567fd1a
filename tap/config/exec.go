package config

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// keepTimeout is how long a command may take to save a refresh token.
const keepTimeout = 30 * time.Second

// keepTries is how often to call a command that fails: the token is the only one that works, so it
// must survive a short outage of a vault, or a killed command.
const keepTries = 4

// KeepToken passes a new refresh token to a command on its standard input. The token is saved when
// the command has exited with 0. Its output is not repeated, because it may contain the token.
func KeepToken(command []string, token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	keep := func() error {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdin = strings.NewReader(token)
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return backoff.Permanent(err) // it cannot be started
		}
		return err
	}
	waits := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond),
		backoff.WithMultiplier(2))
	if err := backoff.Retry(keep,
		backoff.WithContext(backoff.WithMaxRetries(waits, keepTries-1), ctx)); err != nil {
		return fmt.Errorf("refresh_token_exec %s: %w", command[0], err)
	}
	return nil
}
