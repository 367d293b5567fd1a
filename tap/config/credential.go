package config

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
)

// CheckCredential makes sure that one of the ways to sign in is complete. The error names the
// missing key. kept tells that a program keeps new refresh tokens, so that no file is needed for
// them.
func (c *Config) CheckCredential(kept bool) error {
	where := "config"
	if c.File != "" {
		where += " " + c.File
	}
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
		return badConfig(where, "refresh_token needs a config file").WithHint("each token works once, and the next one is saved to the file: pass a file, not - or the environment alone")
	}
	return nil
}

// User is the number as text, however it was written.
func (c *Config) User() string { return strings.Trim(string(c.UserID), `"`) }

// ReadAs is a mark of the credential and the user acted for, from which neither can be told.
func (c *Config) ReadAs() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.ClientID, c.APIKey, c.User()}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Agent is what requests say of this program, of that version.
func (c *Config) Agent(version string) string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "tap-greenhouse/" + version
}

// Refresh is the refresh token; empty where an API key goes before it.
func (c *Config) Refresh() string {
	if c.APIKey != "" {
		return ""
	}
	return c.RefreshToken
}
