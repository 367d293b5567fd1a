package config

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// keepTimeout is how long a command may take to save a refresh token.
const keepTimeout = 30 * time.Second

// keepTries is how often to call a command that fails: the token is the only one that works, so it
// must survive a short outage of a vault, or a killed command.
const keepTries = 4

// KeepToken passes a new refresh token to refresh_token_exec on its standard input. The token is
// saved when the command has exited with 0. Its output is not repeated, because it may contain the
// token. The command survives the tap's signals, and its environment has no secret of the config.
func (c *Config) KeepToken(token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	command := c.RefreshTokenExec
	env := c.environ(os.Environ(), token)
	keep := func() error {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Stdin, cmd.Env, cmd.WaitDelay = strings.NewReader(token), env, time.Second
		detach(cmd)
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
		return tap.Errorf(tap.Credentials, "saving the new refresh_token",
			"refresh_token_exec %s: %s", command[0], err).
			WithHint("the old token is used up, and the new one may be lost: mend the command and sign in again")
	}
	return nil
}

// environ returns an environment without the settings and the secrets of the config. Platforms pass
// settings under names of their own, too.
func (c *Config) environ(all []string, token string) []string {
	secrets := []string{c.ClientSecret, c.RefreshToken, c.APIKey, c.PrivacyKey, token}
	return slices.DeleteFunc(slices.Clone(all), func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(strings.ToUpper(name), EnvPrefix) ||
			slices.ContainsFunc(secrets, func(secret string) bool {
				return secret != "" && strings.Contains(value, secret)
			})
	})
}
