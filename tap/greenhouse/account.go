package greenhouse

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/engine"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

// Options are what a program adds to a config.
type Options struct {
	// Version of the program, for the User-Agent and for reports of runs; empty for "dev".
	Version string
	// Log receives one line per event; nil for none.
	Log *slog.Logger
	// KeepToken saves each new refresh token, which is used after KeepToken has returned nil. Nil
	// saves it as the config says: with refresh_token_exec, or in the config file.
	KeepToken func(token string) error
	// CanKeepToken is asked before a refresh token is used, which works once: an error leaves it
	// unused, and ends the run. Nil for a KeepToken that always works.
	CanKeepToken func() error
	// Probed is called whenever [Account.Reach] has asked a list, if the API does not say at once
	// which ones the credential may read. It may be called by several goroutines; nil for none.
	Probed func()
	// Transport makes the requests to Greenhouse: through a proxy of your own, with measurements,
	// or in a test without a network. Nil for the tap's own. Limits, retries, timeouts and the
	// refusal of other hosts are the tap's in any case; attachments are fetched without it.
	Transport http.RoundTripper
}

// probing is a source that says when it was asked.
type probing struct {
	tap.Source
	asked func()
}

func (s probing) Read(
	ctx context.Context, req tap.Request, take func(tap.Page) error,
) (err error) {
	if s.asked != nil {
		defer func() {
			defer guard(&err)
			s.asked()
		}()
	}
	return s.Source.Read(ctx, req, take)
}

// Account is a Greenhouse account, as described by a config. It is safe for use by several
// goroutines, which share its budget and its token. Close it after use.
type Account struct {
	cfg     *config.Config
	opts    Options
	client  *harvest.Client
	reading atomic.Pointer[engine.Engine] // the current run, which hears of waits
	who     atomic.Pointer[tap.Identity]
}

// Open returns the account of a config. It makes no request; missing credentials are reported by
// the first call that needs them.
func Open(cfg *config.Config, opts Options) *Account {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Version == "" {
		opts.Version = "dev"
	}
	a := &Account{cfg: cfg, opts: opts}
	a.client = a.connect(cfg.MaxRetryTime, cfg.RequestTimeout)
	return a
}

// Close waits until a refresh token that is being renewed is kept, since the old one is used up by
// then, and closes idle connections.
func (a *Account) Close() { a.client.Close() }

// connect makes a client with a maximum time for retries, and for the silence of a connection.
func (a *Account) connect(maxRetryTime, requestTimeout time.Duration) *harvest.Client {
	c := a.cfg
	return harvest.NewClient(harvest.Options{
		APIURL: c.APIURL, AuthURL: c.AuthURL, Concurrency: c.Concurrency, Budget: c.Budget,
		RequestTimeout: requestTimeout, MaxRetryTime: maxRetryTime,
		UserAgent: c.Agent(a.opts.Version), Log: a.opts.Log, OnWait: a.waiting,
		Discreet: c.Policy != nil, Transport: a.opts.transport(),
		Credential: harvest.Credential{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, UserID: c.User(),
			RefreshToken: c.Refresh(), APIKey: c.APIKey, Origin: c.Origin,
			Ready: func() error {
				if a.opts.CanKeepToken != nil {
					return notKept(a.opts.canKeepToken())
				}
				if a.opts.KeepToken != nil || c.File == "" || len(c.RefreshTokenExec) > 0 {
					return nil // someone else saves it
				}
				return config.CanRewrite(c.File)
			},
			Rotated: func(token string) error {
				switch {
				case len(c.RefreshTokenExec) > 0:
					return c.KeepToken(token)
				case a.opts.KeepToken != nil:
					return a.opts.keepToken(token)
				}
				return config.RewriteToken(c.File, token)
			},
			Reread: func() (string, error) {
				again, err := c.Reread()
				if err != nil {
					return "", err
				}
				return again.RefreshToken, nil
			},
		},
	})
}

// notKept is the error of a refresh token that a program cannot keep now, and so is not used. The
// next run may do better.
func notKept(err error) error {
	if err == nil {
		return nil
	}
	return &tap.Error{
		Kind: tap.SignIn, Op: "saving refresh_token", Err: err,
		Hint: "the next token could not be saved, so this one was not used",
	}
}

func (a *Account) waiting(until time.Time) {
	a.opts.Log.Info("waiting for the next window of the request limit", "until", until.UTC().Format(time.TimeOnly))
	if e := a.reading.Load(); e != nil {
		e.Waiting(until)
	}
}

// CheckPatience is how long [Account.Check] waits for an address that does not answer: a person is
// waiting.
const CheckPatience = 15 * time.Second

// Identity returns whom the API takes the credential for, as far as an earlier call found out.
func (a *Account) Identity() tap.Identity {
	if who := a.who.Load(); who != nil {
		return *who
	}
	return tap.Identity{}
}

// introspect asks what the token may do and whose it is; nil if the API does not say. An error
// means that signing in failed.
func (a *Account) introspect(
	ctx context.Context, client *harvest.Client,
) (*harvest.Introspection, error) {
	introspection, err := client.Introspect(ctx)
	if err == nil && introspection != nil {
		who := introspection.Identity()
		a.who.Store(&who)
	}
	return introspection, err
}

// Check tries the credential: it asks whose it is, and reads one user, or one row of another list
// if users may not be read. Its errors say what is wrong and what to do.
func (a *Account) Check(ctx context.Context) error {
	if err := a.cfg.CheckCredential(a.opts.KeepToken != nil); err != nil {
		return err
	}
	// Retries end earlier, and their error names the address.
	client := a.impatient()
	defer client.Close()
	introspection, err := a.introspect(ctx, client)
	if err != nil {
		return err
	}
	lists, err := a.listsToTry(introspection)
	if err != nil {
		return err
	}
	for _, s := range lists {
		if err = a.tryList(ctx, client, s); tap.KindOf(err) != tap.Scope {
			break
		}
	}
	return err
}

// mostTried is how many lists a check asks for.
const mostTried = 3

// listsToTry returns the lists that show whether a credential works: users, which is never empty,
// and which needs the least permission; and, if users may not be read, lists that the config names
// or the token's scopes allow.
func (a *Account) listsToTry(in *harvest.Introspection) ([]*tap.Stream, error) {
	var scopes map[string]bool
	if in != nil {
		scopes = in.Scopes()
	}
	named := len(a.cfg.Streams) > 0
	names := a.cfg.Streams
	if !named && scopes != nil {
		names = schemas.Names()
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "users" })
	lists, err := schemas.Load(append([]string{"users"}, names...)...)
	if err != nil {
		return nil, err
	}
	lists = slices.DeleteFunc(lists, func(s *tap.Stream) bool { return s.Local })
	first := lists[0]
	if named && len(lists) > 1 {
		first = lists[1]
	}
	if scopes != nil {
		lists = slices.DeleteFunc(lists, func(s *tap.Stream) bool { return !scopes[s.Scope] })
	}
	if len(lists) == 0 {
		return []*tap.Stream{first}, nil // its refusal says which scope to grant
	}
	return lists[:min(len(lists), mostTried)], nil
}

// tryList reads one row of a list.
func (a *Account) tryList(ctx context.Context, client *harvest.Client, s *tap.Stream) error {
	reach, err := rights.Ask(ctx, client, s)
	cred := a.credential()
	op := "reading list " + s.Name
	switch {
	case err != nil:
		return err
	case reach == rights.NotSiteAdmin:
		user := cred.User()
		if role := a.Identity().Role; role != "" {
			user += ", whose role is " + role + ","
		}
		return tap.NoRights(op, user)
	case reach == rights.NoScope:
		return tap.Errorf(tap.Scope, op, "refused").WithHint("%s", cred.Forbidden(s.Scope))
	}
	return nil
}

// impatient makes a client for a person who waits.
func (a *Account) impatient() *harvest.Client {
	return a.connect(min(a.cfg.MaxRetryTime, CheckPatience-time.Second),
		min(a.cfg.RequestTimeout, CheckPatience-2*time.Second))
}

// credential returns the credential without its secrets, for messages.
func (a *Account) credential() *harvest.Credential {
	return &harvest.Credential{UserID: a.cfg.User(), RefreshToken: a.cfg.Refresh()}
}

// Reach returns, by name, which of the streams the credential may read.
func (a *Account) Reach(
	ctx context.Context, streams []*tap.Stream,
) (map[string]rights.Reach, error) {
	if err := a.cfg.CheckCredential(a.opts.KeepToken != nil); err != nil {
		return nil, err
	}
	introspection, err := a.introspect(ctx, a.client)
	if err != nil {
		return nil, err
	}
	return rights.Probe(ctx, probing{a.client, a.opts.Probed}, introspection.Scopes(),
		introspection.Identity(), streams, a.cfg.Concurrency)
}

// Granted returns, by name, which of the streams the credential may read, as far as the API says so
// in one answer; nil if it does not.
func (a *Account) Granted(
	ctx context.Context, streams []*tap.Stream,
) (map[string]rights.Reach, error) {
	if err := a.cfg.CheckCredential(a.opts.KeepToken != nil); err != nil {
		return nil, err
	}
	client := a.impatient()
	defer client.Close()
	introspection, err := a.introspect(ctx, client)
	if err != nil || introspection == nil {
		return nil, err
	}
	return rights.Granted(introspection.Scopes(), introspection.Identity(), streams), nil
}
