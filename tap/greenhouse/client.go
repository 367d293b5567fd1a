package greenhouse

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
)

// Options are what a program adds to a config.
type Options struct {
	// Version of the program stands in the user agent and in accounts of runs; empty for "dev".
	Version string
	// Log gets one line an event; nil for none.
	Log *slog.Logger
	// KeepToken is given each new refresh token, and the token is used once it has returned nil.
	// Nil keeps it as the config says: with refresh_token_exec, or in the config's file.
	KeepToken func(token string) error
}

// Account is a Greenhouse account, as a config describes it. It is safe for use by many
// goroutines, which share its budget and its token. Close it after use.
type Account struct {
	cfg     *config.Config
	opts    Options
	client  *harvest.Client
	reading atomic.Pointer[tap.Engine] // the run under way, which is told when the budget is used up
}

// Open returns the account of a config. Nothing is requested yet; credentials that the config lacks
// are found missing by the first call that needs them.
func Open(cfg *config.Config, opts Options) *Account {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Version == "" {
		opts.Version = "dev"
	}
	a := &Account{cfg: cfg, opts: opts}
	a.client = a.connect(cfg.RetryTime, cfg.Silence)
	return a
}

// Close closes idle connections.
func (a *Account) Close() { a.client.Close() }

// connect makes a client that repeats a request for so long, and gives a connection up after so
// long a silence.
func (a *Account) connect(retryTime, silence time.Duration) *harvest.Client {
	c := a.cfg
	return harvest.NewClient(harvest.Options{
		APIURL: c.API, AuthURL: c.Auth, Concurrency: c.Concurrency, BudgetShare: c.Share, RequestTimeout: silence, MaxRetryTime: retryTime,
		UserAgent: c.Agent(a.opts.Version), Log: a.opts.Log, OnWait: a.waiting,
		Credential: harvest.Credential{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, UserID: c.User(), RefreshToken: c.Refresh(), APIKey: c.APIKey,
			Ready: func() error {
				if a.opts.KeepToken != nil || c.File == "" || len(c.RefreshTokenExec) > 0 {
					return nil // somebody else keeps it
				}
				return config.CanRewrite(c.File)
			},
			Rotated: func(token string) error {
				switch {
				case len(c.RefreshTokenExec) > 0:
					return config.KeepToken(c.RefreshTokenExec, token)
				case a.opts.KeepToken != nil:
					return a.opts.KeepToken(token)
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

func (a *Account) waiting(until time.Time) {
	a.opts.Log.Info("the request budget is used up", "until", until.UTC().Format(time.TimeOnly))
	if e := a.reading.Load(); e != nil {
		e.Waiting(until)
	}
}

// CheckPatience is how long [Account.Check] waits for an address that does not answer: a person is
// waiting, too.
const CheckPatience = 15 * time.Second

// Check tries the credential: it reads one user, which takes the least permission. Its errors say
// what is wrong in words that a person can act on.
func (a *Account) Check(ctx context.Context) error {
	if err := a.cfg.CheckCredential(a.opts.KeepToken != nil); err != nil {
		return err
	}
	users, err := schemas.Load("users")
	if err != nil {
		return err
	}
	// The retries end before the patience does, and their error names the address.
	client := a.connect(min(a.cfg.RetryTime, CheckPatience-time.Second), min(a.cfg.Silence, CheckPatience-2*time.Second))
	defer client.Close()
	s := users[0]
	reach, err := rights.Ask(ctx, client, s)
	cred := a.credential()
	op := "reading list " + s.Name
	switch {
	case err != nil:
		return err
	case reach == rights.NotSiteAdmin:
		return tap.NoRights(op, cred.User())
	case reach == rights.NoScope:
		return tap.Errorf(tap.Scope, op, "refused").WithHint("%s", cred.Forbidden(s.Scope))
	}
	return nil
}

// credential is the account's, without its secrets, for words about it.
func (a *Account) credential() *harvest.Credential {
	return &harvest.Credential{UserID: a.cfg.User(), RefreshToken: a.cfg.Refresh()}
}

// Reach finds out which of the streams the credential may read, by name.
func (a *Account) Reach(ctx context.Context, streams []*tap.Stream) (map[string]rights.Reach, error) {
	if err := a.cfg.CheckCredential(a.opts.KeepToken != nil); err != nil {
		return nil, err
	}
	told, err := a.client.Introspect(ctx)
	if err != nil {
		return nil, err
	}
	var token rights.Token
	if told != nil {
		token = told
	}
	return rights.Probe(ctx, a.client, token, streams, a.cfg.Concurrency)
}
