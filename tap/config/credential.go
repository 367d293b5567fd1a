package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// CheckCredential checks that one of the ways to sign in is complete. The error names the missing
// key. kept means that a program saves new refresh tokens, so that they need no file.
func (c *Config) CheckCredential(kept bool) error {
	where := c.origin.file
	if c.APIKey != "" {
		return nil
	}
	hint := "give client_id and client_secret, or api_key"
	switch {
	case c.ClientID == "":
		return badConfig(where, "client_id is missing").WithHint("%s", hint)
	case c.ClientSecret == "":
		return badConfig(where, "client_secret is missing").WithHint("%s", hint)
	case c.RefreshToken != "" && !kept && c.File == "" && len(c.RefreshTokenExec) == 0:
		return badConfig(where, "refresh_token needs a config file").
			WithHint("each token works once, and the next one is saved to the file: pass a file, not - or the environment alone")
	}
	return nil
}

// User returns the number as a string.
func (c *Config) User() string { return strings.Trim(string(c.UserID), `"`) }

// ReadAs returns a fingerprint of the credential and the user, which reveals neither.
func (c *Config) ReadAs() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.ClientID, c.APIKey, c.User()}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Agent returns the User-Agent for a version of this program.
func (c *Config) Agent(version string) string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "tap-greenhouse/" + version
}

// Refresh returns the refresh token; empty if an API key takes precedence.
func (c *Config) Refresh() string {
	if c.APIKey != "" {
		return ""
	}
	return c.RefreshToken
}
