package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
)

// EnvPrefix precedes the names of settings in the environment.
const EnvPrefix = "TAP_GREENHOUSE_"

// Config is the user's config, checked and with defaults. A setting is one field: its type says how
// it is written, if JSON does not.
type Config struct {
	ClientID         string   `json:"client_id"`
	ClientSecret     string   `json:"client_secret"`
	RefreshToken     string   `json:"refresh_token"`
	RefreshTokenExec []string `json:"refresh_token_exec"`
	APIKey           string   `json:"api_key"`

	UserID    jsontext.Value `json:"user_id"`
	UserAgent string         `json:"user_agent"`
	APIURL    *url.URL       `json:"api_url"`
	AuthURL   *url.URL       `json:"auth_url"`

	StartDate       time.Time       `json:"start_date"`
	Streams         []string        `json:"streams"` // empty for the default
	CustomFields    string          `json:"custom_fields"`
	NewColumns      tap.NewColumns  `json:"new_columns"`
	TypeChanges     tap.TypeChanges `json:"type_changes"`
	ContractChanges string          `json:"contract_changes"`
	OnForbidden     string          `json:"on_forbidden"`

	Privacy        map[string]string `json:"privacy"`
	PrivacyColumns columnTreatments  `json:"privacy_columns"`
	PrivacyKey     string            `json:"privacy_key"`
	Exclude        *privacy.Policy   `json:"exclude"` // nil for no columns

	Lookback       time.Duration `json:"lookback"`
	Budget         float64       `json:"budget"` // 0 to 1
	Concurrency    int           `json:"concurrency"`
	RequestTimeout time.Duration `json:"request_timeout"`
	MaxRetryTime   time.Duration `json:"max_retry_time"`
	MaxRunTime     time.Duration `json:"max_run_time"`
	MaxStaleness   time.Duration `json:"max_staleness"` // 0 for reading every list in every run
	RefreshEvery   refreshRules  `json:"refresh_every"`

	Attachments *Attachments `json:"attachments"` // nil without contents of attachments
	Deletes     *Deletes     `json:"deletes"`     // nil for not at all

	Policy *privacy.Policy `json:"-"` // of the settings for privacy; nil without treatments

	File     string   `json:"-"` // where it was read from; empty for stdin and the environment
	Warnings []string `json:"-"` // about it, for the log
	getenv   func(string) (string, bool)
	now      func() time.Time
	origin   origin
}

// Read reads the config from a file (- for in.Stdin, "" or ENV for none) and the environment, which
// takes precedence, except for the refresh token: the file has the newest one. It fills in defaults
// and checks everything.
func Read(in Input) (*Config, error) {
	ignored, err := in.adopt()
	if err != nil {
		return nil, err
	}
	where, file := in.place()
	members, err := in.members(where)
	if err != nil {
		return nil, err
	}
	if err := refuseProtective(where, members, in); err != nil {
		return nil, err
	}
	cfg := &Config{
		File: file, getenv: in.Getenv, now: in.now, origin: origin{where, map[string]bool{}},
	}
	if ignored != "" {
		cfg.Warnings = append(cfg.Warnings, ignored)
	}
	all := Settings()
	if err := cfg.addEnv(members, all); err != nil {
		return nil, err
	}
	cfg.dropUnknown(members, all, in)
	for _, name := range tidy(members, all) {
		cfg.Warnings = append(cfg.Warnings, fmt.Sprintf(
			"%s: privacy_columns.%s has no treatment and is ignored: write drop, mask, hash or keep", where, name))
	}
	cfg.preferOAuth(members)
	slices.Sort(cfg.Warnings)
	addDefaults(members, all)
	data, err := json.Marshal(members)
	if err != nil {
		return nil, badConfig(where, "%w", err)
	}
	if err := cfg.origin.validate(data); err != nil {
		return nil, err
	}
	if err := cfg.decode(members, all); err != nil {
		return nil, err
	}
	return cfg, cfg.check(members)
}

// decode reads the members into their fields, in the order of the settings.
func (c *Config) decode(members map[string]jsontext.Value, all []Setting) error {
	for _, s := range all {
		value, ok := members[s.Name]
		if !ok {
			continue
		}
		err := json.Unmarshal(object(map[string]jsontext.Value{s.Name: value}), c, c.forms())
		var at *json.SemanticError
		var wrong *malformed
		switch {
		case errors.As(err, &at) && errors.As(err, &wrong):
			key := strings.ReplaceAll(string(at.JSONPointer[1:]), "/", ".")
			return c.origin.bad(key, wrong.error)
		case err != nil:
			return badConfig(c.origin.file, "%w", err)
		}
	}
	return nil
}

// dropUnknown removes what is no setting from the members, with a warning. Misspelt variables get
// one, too.
func (c *Config) dropUnknown(members map[string]jsontext.Value, all []Setting, in Input) {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	for name := range members {
		if slices.Contains(names, name) {
			continue
		}
		delete(members, name)
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: unknown key %q is ignored%s",
			c.origin.file, name, nearest.Hint(name, names)))
	}
	c.Warnings = append(c.Warnings, misspeltVariables(names, in)...)
}

// addEnv adds the settings of the environment to the members.
func (c *Config) addEnv(members map[string]jsontext.Value, all []Setting) error {
	for _, s := range all {
		value, ok := c.getenv(envName(s.Name))
		if !ok || value == "" {
			continue
		}
		if kept := members[s.Name]; s.Name == "refresh_token" && kept != nil &&
			kept.Kind() != 'n' && string(kept) != `""` {
			continue
		}
		c.origin.env[s.Name] = true
		var err error
		if members[s.Name], err = fromEnv(s, value); err != nil {
			return c.origin.bad(s.Name, err)
		}
	}
	return nil
}

// preferOAuth removes an API key beside client credentials: keys stop working, and one that an
// older tap left in the environment would take the place of the credential.
func (c *Config) preferOAuth(members map[string]jsontext.Value) {
	if members["api_key"] == nil || members["client_id"] == nil || members["client_secret"] == nil {
		return
	}
	delete(members, "api_key")
	c.Warnings = append(c.Warnings, c.Origin("api_key")+
		" is not used: client_id and client_secret go before it")
}

// Reread reads the config again from the same source: another process may have renewed its refresh
// token.
func (c *Config) Reread() (*Config, error) {
	return Read(Input{File: c.File, Env: c.getenv, Now: c.now})
}

// members reads the config file, if there is one, into its members, including those in credentials.
func (in Input) members(where string) (map[string]jsontext.Value, error) {
	members := map[string]jsontext.Value{}
	if in.File == "" || in.File == "ENV" {
		return members, nil
	}
	data, err := in.ReadFile(in.File)
	if err != nil {
		e := badConfig(where, "%w", err)
		if errors.Is(err, fs.ErrNotExist) {
			e.Hint = "tap-greenhouse init makes one"
		}
		return nil, e
	}
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, Misread(where, err, data)
	}
	if members == nil {
		return nil, badConfig(where, "it is null, not an object")
	}
	nested, ok := members["credentials"]
	if ok && string(nested) == `""` {
		delete(members, "credentials") // an empty field of a form
		ok = false
	}
	if ok {
		var creds map[string]jsontext.Value
		if err := json.Unmarshal(nested, &creds); err != nil {
			return nil, badConfig(where, "credentials: it must be an object")
		}
		delete(members, "credentials")
		delete(creds, "auth_type")
		for name, value := range creds {
			if _, above := members[name]; above && (value.Kind() == 'n' || string(value) == `""`) {
				continue // an empty field of a form overrides nothing
			}
			members[name] = value
		}
	}
	return members, nil
}

// fromEnv converts the text of an environment variable to JSON of the setting's type.
func fromEnv(s Setting, text string) (jsontext.Value, error) {
	switch {
	case s.Is("string") && s.Is("integer"):
		if number := jsontext.Value(text); number.IsValid() && number.Kind() == '0' {
			return number, nil
		}
		return json.Marshal(text)
	case s.Is("string") && !s.Is("object"):
		return json.Marshal(text)
	case s.Is("integer"):
		number := jsontext.Value(strings.TrimSpace(text))
		if _, err := strconv.Atoi(string(whole(number))); err != nil || !number.IsValid() {
			return nil, errors.New("it must be an integer")
		}
		return number, nil // in the form of JSON, which tidy makes whole
	}
	v := jsontext.Value(text)
	if v.IsValid() && v.Kind() == 'n' {
		return v, nil // not set
	}
	if s.Is("object") {
		if !v.IsValid() || v.Kind() != '{' {
			return nil, errors.New("it must be a JSON object")
		}
		return v, nil
	}
	if v.IsValid() && v.Kind() == '[' {
		return v, nil
	}
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return json.Marshal(names)
}

// Parse reads the config from JSON only, without a file or the environment. New refresh tokens of a
// partner must then be saved by refresh_token_exec or by the program.
func Parse(data []byte) (*Config, error) {
	return Read(Input{
		File: "-", Stdin: bytes.NewReader(data),
		Env: func(string) (string, bool) { return "", false },
	})
}

// From makes a config of settings in Go: names as in a config file, values as [encoding/json] takes
// them. Like [Parse], it looks at no file and no environment.
func From(settings map[string]any) (*Config, error) {
	data, err := json.Marshal(settings)
	if err != nil {
		return nil, &tap.Error{Kind: tap.BadInput, Op: "config", Err: err}
	}
	return Parse(data)
}
