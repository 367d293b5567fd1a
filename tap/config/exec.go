package config

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// keepTimeout is how long the command of refresh_token_exec may take.
const keepTimeout = 30 * time.Second

// KeepToken hands a new refresh token to a command on its standard input. The token is kept once
// the command has exited with 0. What the command prints is not repeated: it may hold the token.
func KeepToken(command []string, token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(token)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("refresh_token_exec %s: %w", command[0], err)
	}
	return nil
}
