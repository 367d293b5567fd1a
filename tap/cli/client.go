package cli

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/harvest"
)

// connect makes the client; nothing is asked for yet.
func (j *job) connect() {
	j.client = clientOf(j.cfg, j.program, func(until time.Time) {
		if j.engine != nil {
			j.engine.Waiting(until)
		}
	}, j.rotated)
}

// clientOf makes a client of the config. waiting and rotated may be nil.
func clientOf(c *config.Config, p *program, waiting func(time.Time), rotated func(token string)) *harvest.Client {
	return harvest.NewClient(harvest.Options{
		APIURL: c.API, AuthURL: c.Auth, Concurrency: c.Concurrency, BudgetShare: c.Share,
		RequestTimeout: c.Silence, MaxRetryTime: c.RetryTime, UserAgent: c.Agent(Version()), Log: p.log,
		OnWait: func(until time.Time) {
			p.log.Info("the budget of requests is used up", "until", until.UTC().Format(time.TimeOnly))
			if waiting != nil {
				waiting(until)
			}
		},
		Credential: harvest.Credential{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, UserID: c.User(), RefreshToken: c.Refresh(), APIKey: c.APIKey,
			Ready: func() error {
				if rotated != nil || c.File == "" || len(c.RefreshTokenExec) > 0 {
					return nil // the platform keeps it
				}
				return config.CanRewrite(c.File)
			},
			Rotated: func(token string) error {
				if len(c.RefreshTokenExec) > 0 {
					return config.KeepToken(c.RefreshTokenExec, token)
				}
				err := config.RewriteToken(c.File, token)
				if rotated != nil {
					rotated(token)
					return nil // the platform keeps it; a mounted file need not be writable
				}
				return err
			},
			Reread: func() (string, error) {
				again, err := config.Read(p.input(c.File))
				if err != nil {
					return "", err
				}
				return again.RefreshToken, nil
			},
		},
	})
}
