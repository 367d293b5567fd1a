package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/internal/atomicfile"
	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

type initFlags struct {
	Config            string `help:"File to write." default:"config.json" placeholder:"FILE"`
	ClientID          string `help:"Client ID of the OAuth credential." name:"client-id"`
	UserID            string `help:"Number of the Site Admin to act for." name:"user-id"`
	ClientSecretStdin bool   `help:"Read the client secret from standard input."`
	APIKeyStdin       bool   `help:"Read a Harvest API key from standard input (transitional)." name:"api-key-stdin"`
	APIURL            string `help:"Address of the API, for a sandbox." name:"api-url" hidden:""`
	AuthURL           string `help:"Address for tokens, for a sandbox." name:"auth-url" hidden:""`
	Force             bool   `help:"Replace an existing file."`
}

const initWelcome = `In Greenhouse: Configure > Dev Center > API Credential Management > Create new
credential, of the type "Harvest V3 (OAuth)". Grant it the scopes of the lists
that you want (tap-greenhouse scopes lists them); the least is
harvest:users:list. Then copy its client ID and secret here.

`

// init asks for the credential, tries it, shows what it can read and writes the config.
func (p *program) init(ctx context.Context, flags initFlags) error {
	if err := p.writable(flags); err != nil {
		return nothingRead(err)
	}
	members, err := p.answers(ctx, flags)
	if err != nil {
		return nothingRead(err)
	}
	data, cfg, who, err := p.tryAnswers(ctx, members)
	for n := 1; err != nil; n++ {
		again := p.askCredential
		kind := tap.KindOf(err)
		if kind == tap.Rights {
			again = p.askUser
		}
		if kind != tap.Credentials && kind != tap.Rights || n == initTries || !flags.asks() {
			if context.Cause(ctx) == nil {
				fmt.Fprintln(p.Err, "It does not work; nothing was written.")
			}
			return nothingRead(err)
		}
		var e *tap.Error
		if kind == tap.Credentials && errors.As(err, &e) {
			err = &tap.Error{Kind: kind, Op: e.Op, Err: e.Err, Hint: "give the client ID and its secret again"}
		}
		p.fail(err)
		fmt.Fprintln(p.Err)
		if err := again(ctx, members); err != nil {
			return nothingRead(err)
		}
		data, cfg, who, err = p.tryAnswers(ctx, members)
	}
	fmt.Fprintf(p.Err, "It works%s.\n", as(who))
	if err := p.showReach(ctx, cfg, flags.Config); err != nil {
		return err
	}
	if err := writeConfig(flags.Config, append(data, '\n'), flags.Force); err != nil {
		return &tap.Error{Kind: tap.BadInput, Op: "writing config " + flags.Config, Err: err}
	}
	fmt.Fprintf(p.Err, "\nWrote %s. Next, with a loader such as target-jsonl:\n\n"+
		"  %s pipe --config %s --state state.json -- target-jsonl\n\n",
		flags.Config, caller(), flags.Config)
	return nil
}

// initTries is how often a person may give a credential.
const initTries = 3

// asks reports whether a person is asked for the credential.
func (f initFlags) asks() bool { return !f.ClientSecretStdin && !f.APIKeyStdin }

// tryAnswers tries the credential, and returns the config with it, and whose it is.
func (p *program) tryAnswers(ctx context.Context, members map[string]string) (
	data []byte, cfg *config.Config, who tap.Identity, err error,
) {
	data, err = json.Marshal(members, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return nil, nil, who, err
	}
	cfg, err = config.Read(config.Input{
		File: "-", Stdin: bytes.NewReader(data), Env: p.withoutCredential,
	})
	if err != nil {
		return nil, nil, who, err
	}
	fmt.Fprintln(p.Err, "Trying the credential ...")
	who, err = p.try(ctx, cfg, nil)
	return data, cfg, who, err
}

// writable checks that the file can be written, before any question is asked.
func (p *program) writable(flags initFlags) error {
	op := "writing config " + flags.Config
	if _, err := os.Stat(flags.Config); err == nil && !flags.Force {
		return tap.Errorf(tap.BadInput, op, "the file exists").WithHint("use --force to replace it")
	}
	if err := atomicfile.Probe(flags.Config); err != nil {
		return tap.Errorf(tap.BadInput, op, "its folder: %s", tap.Cause(err)).
			WithHint("give another file as --config")
	}
	return nil
}

// answers returns the members of the config: from flags and standard input, or from a person in a
// terminal.
func (p *program) answers(ctx context.Context, flags initFlags) (map[string]string, error) {
	members := map[string]string{}
	set := func(key, value string) {
		if value = strings.TrimSpace(value); value != "" {
			members[key] = value
		}
	}
	set("client_id", flags.ClientID)
	set("user_id", flags.UserID)
	for key, flag := range map[string]string{"api_url": flags.APIURL, "auth_url": flags.AuthURL} {
		set(key, cmp.Or(flag, p.variable(key))) // the config should read what was tried
	}
	if flags.ClientSecretStdin || flags.APIKeyStdin {
		if flags.ClientSecretStdin && flags.ClientID == "" {
			return nil, usage(errors.New("--client-secret-stdin needs --client-id"))
		}
		secret, err := io.ReadAll(io.LimitReader(p.In, 1<<16))
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(secret)) == 0 {
			return nil, tap.Errorf(tap.BadInput, "init",
				"standard input is empty, but the secret is read from it")
		}
		key := "client_secret"
		if flags.APIKeyStdin {
			key = "api_key"
		}
		set(key, string(secret))
		return members, nil
	}
	if !isTerminal(p.In) {
		if p.fromEnvironment(members) {
			return members, nil
		}
		return nil, tap.Errorf(tap.BadInput, "init",
			"there is no terminal to ask for the credential").
			WithHint("give --client-id and --client-secret-stdin, or --api-key-stdin")
	}
	fmt.Fprint(p.Err, initWelcome)
	if err := p.askCredential(ctx, members); err != nil {
		return nil, err
	}
	if members["user_id"] == "" {
		if err := p.askUser(ctx, members); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// variable returns the variable of a setting; empty if it is not set.
func (p *program) variable(key string) string {
	value, _ := p.getenv(config.EnvPrefix + strings.ToUpper(key))
	return value
}

// fromEnvironment adds what the environment has of a credential, and reports whether it is one.
func (p *program) fromEnvironment(members map[string]string) bool {
	add := func(key string) bool {
		if value := strings.TrimSpace(p.variable(key)); value != "" && members[key] == "" {
			members[key] = value
		}
		return members[key] != ""
	}
	add("user_id")
	if id, secret := add("client_id"), add("client_secret"); id && secret {
		return true
	}
	return members["client_id"] == "" && members["client_secret"] == "" && add("api_key")
}

// withoutCredential looks up an environment variable, except for those of a credential: only the
// given credential is tried.
func (p *program) withoutCredential(name string) (string, bool) {
	for _, key := range []string{
		"CLIENT_ID", "CLIENT_SECRET", "USER_ID", "REFRESH_TOKEN",
		"API_KEY",
	} {
		if name == config.EnvPrefix+key {
			return "", false
		}
	}
	return p.getenv(name)
}

// showReach prints what the credential can read, by permission, and which scopes are missing. file
// is where the config will be.
func (p *program) showReach(ctx context.Context, cfg *config.Config, file string) error {
	streams, err := schemas.Lists()
	if err != nil {
		return err
	}
	streams = slices.DeleteFunc(streams, func(s *tap.Stream) bool { return !s.SelectedByDefault() })
	opts := p.options(nil)
	opts.Probed = p.showAsked(len(streams))
	account := greenhouse.Open(cfg, opts)
	defer account.Close()
	restore := p.quiet()
	found, err := account.Reach(ctx, streams)
	restore()
	if err != nil {
		return err
	}
	type group struct {
		all, reached int
		missing      []string
	}
	groups := map[string]*group{}
	for _, s := range streams {
		g := groups[s.Group]
		if g == nil {
			g = &group{}
			groups[s.Group] = g
		}
		g.all++
		if found[s.Name].Missing() {
			g.missing = append(g.missing, s.Scope)
		} else {
			g.reached++
		}
	}
	lacks := false
	w := tabwriter.NewWriter(p.Err, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nPERMISSION\tSTREAMS\tMISSING SCOPES")
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		g := groups[name]
		slices.Sort(g.missing)
		missing := slices.Compact(g.missing)
		first := strings.Join(missing[:min(1, len(missing))], "")
		if len(missing) > 1 {
			first += fmt.Sprintf(" +%d", len(missing)-1)
		}
		fmt.Fprintf(w, "%s\t%d of %d\t%s\n", name, g.reached, g.all, first)
		lacks = lacks || len(missing) > 0
	}
	if err := w.Flush(); err != nil || !lacks {
		return err
	}
	_, err = fmt.Fprintf(p.Err, "\nAll missing scopes: %s scopes --config %s\n", caller(), file)
	return err
}

// showAsked returns a function that shows how many lists have been asked, for a person who waits.
func (p *program) showAsked(all int) func() {
	if !isTerminal(p.Err) {
		return func() {}
	}
	var asked atomic.Int64
	return func() {
		n := int(asked.Add(1))
		if n == 1 {
			fmt.Fprintln(p.Err, "Greenhouse does not say at once what it reaches, so each list is asked. About 50\nrequests in 30 seconds are allowed.")
		}
		fmt.Fprintf(p.Err, "\r%d of %d lists asked", n, all)
		if n == all {
			fmt.Fprintln(p.Err)
		}
	}
}

// writeConfig writes the config in one step, readable only by its owner. Unless forced, it fails if
// someone else was faster.
func writeConfig(path string, data []byte, force bool) error {
	if force {
		return atomicfile.Write(path, data, 0o600)
	}
	return atomicfile.Create(path, data, 0o600)
}
