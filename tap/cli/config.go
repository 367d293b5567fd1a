package cli

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/xeipuuv/gojsonschema"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/attachments"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/store"
)

// configSchema says what a config may hold. The table of settings in the README, --about and Airbyte's spec are made from it.
//
//go:embed config.schema.json
var configSchema []byte

// envPrefix stands before the name of a key where it comes from the environment.
const envPrefix = "TAP_GREENHOUSE_"

// Config is what the user wrote, checked and with defaults.
type Config struct {
	ClientID       string         `json:"client_id"`
	ClientSecret   string         `json:"client_secret"`
	UserID         jsontext.Value `json:"user_id"`
	RefreshToken   string         `json:"refresh_token"`
	APIKey         string         `json:"api_key"`
	StartDate      string         `json:"start_date"`
	Streams        []string       `json:"streams"`
	CustomFields   string         `json:"custom_fields"`
	NewColumns     tap.NewColumns `json:"new_columns"`
	OnForbidden    string         `json:"on_forbidden"`
	Lookback       string         `json:"lookback"`
	Budget         string         `json:"budget"`
	Concurrency    int            `json:"concurrency"`
	RequestTimeout string         `json:"request_timeout"`
	MaxRetryTime   string         `json:"max_retry_time"`
	APIURL         string         `json:"api_url"`
	AuthURL        string         `json:"auth_url"`
	UserAgent      string         `json:"user_agent"`
	TypeChanges    string         `json:"type_changes"`
	MaxRunTime     string         `json:"max_run_time"`

	RefreshEvery     map[string]string `json:"refresh_every"`
	RefreshTokenExec []string          `json:"refresh_token_exec"`
	Privacy          map[string]string `json:"privacy"`
	PrivacyColumns   jsontext.Value    `json:"privacy_columns"`
	PrivacyKey       string            `json:"privacy_key"`

	Attachments *struct {
		Store    string   `json:"store"`
		Types    []string `json:"types"`
		MaxBytes int64    `json:"max_bytes"`
	} `json:"attachments"`
	Deletes *struct {
		Store    string `json:"store"`
		Every    string `json:"every"`
		MaxShare string `json:"max_share"`
	} `json:"deletes"`

	// Parsed from the above.
	startDate                              time.Time
	lookback, requestTimeout, maxRetryTime time.Duration
	maxRunTime                             time.Duration
	refreshEvery                           []refreshRule
	policy                                 *privacy.Policy
	attachments                            *attachments.Options
	deletes                                *deletesConfig
	budgetShare                            float64
	apiURL, authURL                        *url.URL
	streamNames                            []string

	getenv   func(string) (string, bool)
	file     string   // where it was read from; empty for stdin and the environment alone
	warnings []string // about it, for the log
}

// setting is one property of the config's schema.
type setting struct {
	Name        string         `json:"-"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Type        jsontext.Value `json:"type"`
	Items       jsontext.Value `json:"items"`
	Properties  jsontext.Value `json:"properties"`
	Enum        []string       `json:"enum"`
	Pattern     string         `json:"pattern"`
	Minimum     *int           `json:"minimum"`
	Maximum     *int           `json:"maximum"`
	Default     any            `json:"default"`
	Examples    []any          `json:"examples"`
	Secret      bool           `json:"x-secret"`
	Order       int            `json:"x-order"`
	DefaultText string         `json:"x-default"`
}

// is tells whether a value of the setting may be of that JSON type.
func (s *setting) is(kind string) bool { return strings.Contains(string(s.Type), `"`+kind+`"`) }

// settings returns the properties of the config's schema in their order.
func settings() []setting {
	var schema struct {
		Properties map[string]setting `json:"properties"`
	}
	if err := json.Unmarshal(configSchema, &schema); err != nil {
		panic(err) // the file is part of the program
	}
	all := make([]setting, 0, len(schema.Properties))
	for name, s := range schema.Properties {
		s.Name = name
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b setting) int { return a.Order - b.Order })
	return all
}

// badConfig is an error of the config that names the key.
func badConfig(where, format string, args ...any) *tap.Error {
	return tap.Errorf(tap.BadInput, where, format, args...)
}

// readConfig reads the config from a file (- for in.Stdin, "" or ENV for none) and the environment, which goes before the file but
// for a refresh token: the file has the newest of those. Defaults are filled in, and everything is checked.
func readConfig(in input) (*Config, error) {
	where, members, file, err := configMembers(in)
	if err != nil {
		return nil, err
	}
	cfg := &Config{file: file, getenv: in.Getenv}
	all := settings()
	for _, s := range all {
		value, ok := in.Getenv(envPrefix + strings.ToUpper(s.Name))
		if !ok || value == "" {
			continue
		}
		if kept := members[s.Name]; s.Name == "refresh_token" && kept != nil && kept.Kind() != 'n' && string(kept) != `""` {
			continue
		}
		if members[s.Name], err = fromEnv(s, value); err != nil {
			return nil, badConfig("environment variable "+envPrefix+strings.ToUpper(s.Name), "%w", err)
		}
	}
	for name, value := range members {
		known := slices.ContainsFunc(all, func(s setting) bool { return s.Name == name })
		if !known {
			cfg.warnings = append(cfg.warnings, fmt.Sprintf("%s: unknown key %q is ignored", where, name))
		}
		// A setting that a platform passes on empty is one that nobody set.
		if !known || value.Kind() == 'n' || string(value) == `""` {
			delete(members, name)
		}
	}
	slices.Sort(cfg.warnings)
	for _, s := range all {
		if _, ok := members[s.Name]; !ok && s.Default != nil {
			members[s.Name], err = json.Marshal(s.Default)
			if err != nil {
				return nil, err
			}
		}
	}
	if err := validate(where, members); err != nil {
		return nil, err
	}
	data, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, cfg); err != nil {
		return nil, badConfig(where, "%w", err)
	}
	return cfg, cfg.parse(where)
}

// configMembers reads the config's file, if there is one, into its members, those below credentials among them.
func configMembers(in input) (where string, members map[string]jsontext.Value, file string, err error) {
	members = map[string]jsontext.Value{}
	if in.config == "" || in.config == "ENV" {
		return "config from the environment", members, "", nil
	}
	where = "config " + in.config
	if in.config != "-" {
		file = in.config
	}
	if file != "" {
		if err := adopt(file); err != nil {
			return where, nil, "", &tap.Error{Kind: tap.BadInput, Op: where, Err: err}
		}
	}
	data, err := in.read(in.config)
	if err != nil {
		return where, nil, "", &tap.Error{Kind: tap.BadInput, Op: where, Err: err}
	}
	if err := unmarshal(data, &members, in.config); err != nil {
		return where, nil, "", &tap.Error{Kind: tap.BadInput, Op: where, Err: err}
	}
	if members == nil {
		return where, nil, "", badConfig(where, "it is null, not an object")
	}
	if nested, ok := members["credentials"]; ok {
		var creds map[string]jsontext.Value
		if err := json.Unmarshal(nested, &creds); err != nil {
			return where, nil, "", badConfig(where, "credentials: it has to be an object")
		}
		delete(members, "credentials")
		delete(creds, "auth_type")
		for name, value := range creds {
			if _, above := members[name]; above && (value.Kind() == 'n' || string(value) == `""`) {
				continue // a form's empty field hides nothing
			}
			members[name] = value
		}
	}
	return where, members, file, nil
}

// fromEnv turns the text of an environment variable into JSON of the setting's type.
func fromEnv(s setting, text string) (jsontext.Value, error) {
	switch {
	case s.is("string") && !s.is("object"):
		return json.Marshal(text)
	case s.is("integer"):
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, errors.New("it has to be an integer")
		}
		return json.Marshal(n)
	}
	v := jsontext.Value(text)
	if s.is("object") {
		if !v.IsValid() || v.Kind() != '{' {
			return nil, errors.New("it has to be a JSON object")
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

// validate holds the members against the schema. Its errors name the key and never a value, which may be a secret.
func validate(where string, members map[string]jsontext.Value) error {
	document, err := json.Marshal(members)
	if err != nil {
		return badConfig(where, "%w", err)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(configSchema), gojsonschema.NewBytesLoader(document))
	if err != nil {
		return badConfig(where, "%w", err)
	}
	var lines []string
	for _, e := range result.Errors() {
		lines = append(lines, e.Field()+": "+explain(e))
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return badConfig(where, "%s", strings.Join(lines, "; "))
}

// explain says in words what the schema's check found.
func explain(e gojsonschema.ResultError) string {
	d := e.Details()
	switch e.(type) {
	case *gojsonschema.InvalidTypeError:
		return fmt.Sprintf("it has to be of type %v, not %v", d["expected"], d["given"])
	case *gojsonschema.EnumError:
		return fmt.Sprintf("it has to be one of %v", d["allowed"])
	case *gojsonschema.DoesNotMatchPatternError:
		return fmt.Sprintf("it has to look like %v", d["pattern"])
	case *gojsonschema.NumberGTEError:
		return fmt.Sprintf("it has to be at least %v", bound(d["min"]))
	case *gojsonschema.NumberLTEError:
		return fmt.Sprintf("it can be at most %v", bound(d["max"]))
	}
	if name, ok := d["property"]; ok && e.Type() == "additional_property_not_allowed" {
		return fmt.Sprintf("there is no %q here", name)
	}
	return strings.ToLower(strings.TrimSuffix(e.Type(), "_")) + " is not right"
}

func bound(v any) any {
	if r, ok := v.(interface{ RatString() string }); ok {
		return r.RatString()
	}
	return v
}

// parse reads the texts that are more than texts.
func (c *Config) parse(where string) error {
	var err error
	bad := func(key string, err error) error { return badConfig(where, "%s: %w", key, err) }
	if c.StartDate != "" {
		if c.startDate, err = tap.ParseTime(c.StartDate); err != nil {
			return bad("start_date", err)
		}
	}
	for _, d := range []struct {
		key  string
		text string
		to   *time.Duration
		zero bool
	}{
		{"lookback", c.Lookback, &c.lookback, true},
		{"request_timeout", c.RequestTimeout, &c.requestTimeout, false},
		{"max_retry_time", c.MaxRetryTime, &c.maxRetryTime, true},
	} {
		*d.to, err = parseDuration(d.text)
		if err == nil && *d.to == 0 && !d.zero {
			err = noDuration(d.text)
		}
		if err != nil {
			return bad(d.key, err)
		}
	}
	if c.MaxRunTime != "" {
		if c.maxRunTime, err = parseDuration(c.MaxRunTime); err != nil {
			return bad("max_run_time", err)
		}
	}
	if err := c.parseRefresh(); err != nil {
		return bad("refresh_every", err)
	}
	if err := c.parseStores(); err != nil {
		return badConfig(where, "%w", err)
	}
	if err := c.parsePrivacy(); err != nil {
		return badConfig(where, "%w", err)
	}
	c.maxRetryTime = max(c.maxRetryTime, time.Nanosecond)
	percent, err := strconv.Atoi(strings.TrimSuffix(c.Budget, "%"))
	if err != nil {
		return bad("budget", err)
	}
	c.budgetShare = float64(percent) / 100
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if err := checkProxy(c.getenv, name); err != nil {
			return badConfig("environment variable "+name, "%w", err)
		}
	}
	if c.apiURL, err = parseURL(c.APIURL); err != nil {
		return bad("api_url", err)
	}
	if c.authURL, err = parseURL(c.AuthURL); err != nil {
		return bad("auth_url", err)
	}
	if c.streamNames, err = schemas.Match(c.Streams); err != nil {
		return bad("streams", err)
	}
	return nil
}

// parseDuration reads a duration such as 90s, 5m, 1h30m or 7d.
func parseDuration(text string) (time.Duration, error) {
	rest := text
	var d time.Duration
	if days, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, noDuration(text)
		}
		d, rest = time.Duration(n)*24*time.Hour, after
	}
	if rest != "" || d == 0 && rest == text {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 {
			return 0, noDuration(text)
		}
		d += more
	}
	return d, nil
}

func noDuration(text string) error {
	return fmt.Errorf("%q is no duration: write it as 90s, 5m, 1h30m or 7d", text)
}

// refreshRule says how young the last complete read of some streams may be for them to be left alone.
type refreshRule struct {
	pattern string
	every   time.Duration
}

func (c *Config) parseRefresh() error {
	for _, pattern := range slices.Sorted(maps.Keys(c.RefreshEvery)) {
		if _, err := schemas.Match([]string{pattern}); err != nil {
			return err
		}
		every, err := parseDuration(c.RefreshEvery[pattern])
		if err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		c.refreshEvery = append(c.refreshEvery, refreshRule{pattern, every})
	}
	// The most specific first: a name before a glob, and the longer glob before the shorter one.
	glob := func(p string) bool { return strings.ContainsAny(p, "*?[") }
	slices.SortStableFunc(c.refreshEvery, func(a, b refreshRule) int {
		return cmp.Or(order(glob(a.pattern), glob(b.pattern)), cmp.Compare(len(b.pattern), len(a.pattern)))
	})
	return nil
}

// refresh is how young the last complete read of a stream may be for it to be left alone; 0 for never.
func (c *Config) refresh(stream string) time.Duration {
	for _, r := range c.refreshEvery {
		if ok, err := path.Match(r.pattern, stream); err == nil && ok {
			return r.every
		}
	}
	return 0
}

// deletesConfig says where the ids of rows are kept and how often long lists are swept.
type deletesConfig struct {
	store    store.Store
	every    time.Duration
	maxShare float64
}

// The defaults of deletes.
const (
	sweepEvery = 7 * 24 * time.Hour
	maxShare   = 0.2
)

func (c *Config) parseStores() error {
	if a := c.Attachments; a != nil {
		s, err := store.Open(a.Store, c.getenv)
		if err != nil {
			return fmt.Errorf("attachments.store: %w", err)
		}
		if a.MaxBytes == 0 {
			a.MaxBytes = attachments.DefaultMaxBytes
		}
		c.attachments = &attachments.Options{Store: s, Types: a.Types, MaxBytes: a.MaxBytes}
	}
	if d := c.Deletes; d != nil {
		s, err := store.Open(d.Store, c.getenv)
		if err != nil {
			return fmt.Errorf("deletes.store: %w", err)
		}
		c.deletes = &deletesConfig{store: s, every: sweepEvery, maxShare: maxShare}
		if d.Every != "" {
			if c.deletes.every, err = parseDuration(d.Every); err != nil {
				return fmt.Errorf("deletes.every: %w", err)
			}
		}
		if d.MaxShare != "" {
			percent, err := strconv.ParseFloat(strings.TrimSuffix(d.MaxShare, "%"), 64)
			if err != nil || percent < 0 || percent > 100 {
				return fmt.Errorf("deletes.max_share: %q is no share: write it as 20%%", d.MaxShare)
			}
			c.deletes.maxShare = percent / 100
		}
	}
	return nil
}

func (c *Config) parsePrivacy() error {
	columns := map[string]string{}
	if v := c.PrivacyColumns; len(v) > 0 {
		if v.Kind() == '"' { // forms that know no objects with free names hold it as a text
			var text string
			if err := json.Unmarshal(v, &text); err != nil {
				return fmt.Errorf("privacy_columns: %w", err)
			}
			v = jsontext.Value(text)
		}
		if err := json.Unmarshal(v, &columns); err != nil {
			return errors.New("privacy_columns: it has to be an object of names of columns, each with a treatment")
		}
	}
	if len(c.Privacy) == 0 && len(columns) == 0 {
		return nil
	}
	streams, err := schemas.Load()
	if err != nil {
		return err
	}
	c.policy, err = privacy.New(c.Privacy, columns, c.PrivacyKey, streams)
	return err
}

// checkProxy refuses the address of a proxy that cannot be read: net/http would ignore it, and connect directly.
func checkProxy(getenv func(string) (string, bool), name string) error {
	text, ok := getenv(name)
	if !ok || text == "" {
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return errors.New("it is no address of a proxy: write it as http://host:port")
	}
	return nil
}

// parseURL reads an address and makes sure that a token sent there is not to be seen on the way. Errors do not repeat it: it may hold a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("it is no address: write it as https://host/path")
	case u.User != nil:
		return nil, errors.New("it cannot hold a user or a password")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, errors.New("it has to begin with https://; http:// is for loopback addresses only")
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// checkCredential makes sure that one of the ways to sign in is complete. The error names the missing key.
func (c *Config) checkCredential() error {
	where := "config"
	if c.file != "" {
		where += " " + c.file
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
	case c.RefreshToken != "" && c.file == "" && len(c.RefreshTokenExec) == 0:
		return badConfig(where, "refresh_token needs a config file").WithHint("each token works once, and the next one is written back: pass a file, not - or the environment alone")
	}
	return nil
}

// userID is the number as text, however it was written.
func (c *Config) userID() string { return strings.Trim(string(c.UserID), `"`) }

// readAs is a mark of the credential and the user acted for, from which neither can be told.
func (c *Config) readAs() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.ClientID, c.APIKey, c.userID()}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// unmarshal reads JSON and says in which line and column it stops to be JSON.
func unmarshal(data []byte, v any, file string) error {
	err := json.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	return placed(err, data, file)
}

// placed makes an error of reading JSON one that names the place, without the text that stands there.
func placed(err error, data []byte, file string) error {
	if file == "-" {
		file = "standard input"
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at := min(int(syntax.ByteOffset), len(data))
		line := 1 + strings.Count(string(data[:at]), "\n")
		column := at - strings.LastIndex(string(data[:at]), "\n")
		if len(strings.TrimSpace(string(data))) == 0 {
			return fmt.Errorf("%s is empty", file)
		}
		return fmt.Errorf("%s, line %d, column %d: this is no JSON: %w", file, line, column, syntax.Err)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		if semantic.JSONPointer != "" {
			return fmt.Errorf("%s: it does not fit", semantic.JSONPointer)
		}
		return errors.New("it has to be a JSON object")
	}
	return err
}

// input is where config, catalog and state come from.
type input struct {
	config string
	stdin  interface{ Read([]byte) (int, error) }
	getenv func(string) (string, bool)
}

// Getenv looks a variable up in the environment.
func (in input) Getenv(name string) (string, bool) {
	if in.getenv == nil {
		return os.LookupEnv(name)
	}
	return in.getenv(name)
}
