package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// Each form of a duration, a share, an address and a list is read as the documentation says.
func TestValuesOfSettings(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "30d": 720 * time.Hour,
		"1d12h": 36 * time.Hour, "0s": 0, "0d": 0,
	} {
		cfg, err := read(t, oauth+fmt.Sprintf(`,"lookback":%q,"max_run_time":%q,"max_staleness":%q`, text, text, text), nil)
		require.NoError(t, err, text)
		assert.Equal(t, []time.Duration{want, want, want},
			[]time.Duration{cfg.Lookback, cfg.MaxRunTime, cfg.MaxStaleness}, text)
	}
	for _, text := range []string{"d", "-5m", "5", "soon", "1d-1h", "-1d", "99999999d", "5m d"} {
		for _, key := range []string{"lookback", "max_retry_time", "max_run_time", "max_staleness"} {
			_, err := read(t, oauth+fmt.Sprintf(`,%q:%q`, key, text), nil)
			assert.ErrorContains(t, err, key, text)
		}
	}
	_, err := read(t, oauth+`,"request_timeout":"0s"`, nil)
	assert.ErrorContains(t, err, "request_timeout", "a connection needs time")

	cfg, err := read(t, oauth, nil)
	require.NoError(t, err)
	assert.Equal(t, 5*time.Minute, cfg.Lookback)
	assert.Equal(t, time.Minute, cfg.RequestTimeout)
	assert.Equal(t, 10*time.Minute, cfg.MaxRetryTime)
	assert.InDelta(t, 1, cfg.Budget, 0)
	assert.Equal(t, 8, cfg.Concurrency)
	assert.Equal(t, "https://harvest.greenhouse.io", cfg.APIURL.String())
	assert.Equal(t, "https://auth.greenhouse.io/token", cfg.AuthURL.String())
	assert.False(t, cfg.Local())
	assert.Equal(t, "tap-greenhouse/1.2", cfg.Agent("1.2"))
	assert.Zero(t, cfg.StartDate)
	cfg, err = read(t, oauth+`,"budget":"50%","max_retry_time":"0s","api_url":"http://127.0.0.1:1/x","user_agent":"me"`, nil)
	require.NoError(t, err)
	assert.InDelta(t, 0.5, cfg.Budget, 0)
	assert.Equal(t, time.Nanosecond, cfg.MaxRetryTime, "one attempt")
	assert.True(t, cfg.Local())
	assert.Equal(t, "me", cfg.Agent("1.2"))
}

func TestAddressesOfTheAPI(t *testing.T) {
	for text, says := range map[string]string{
		"http://harvest.example": "must begin with https://", "ftp://127.0.0.1": "must begin with https://",
		"https://user:pw@h.example": "user or a password", "harvest.example": "is no address",
		"https://": "is no address",
	} {
		for _, key := range []string{"api_url", "auth_url"} {
			_, err := read(t, oauth+fmt.Sprintf(`,%q:%q`, key, text), nil)
			assert.ErrorContains(t, err, says, text)
			assert.ErrorContains(t, err, key)
			assert.NotContains(t, fmt.Sprint(err), "pw@")
		}
	}
	for proxy, ok := range map[string]bool{
		"": true, "proxy:3128": true, "http://proxy:3128": true, "https://p": true, "socks5://p:1": true,
		"socks5h://p:1": true, "ftp://p": false, "http://": false, "%": false,
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			_, err := read(t, oauth, map[string]string{name: proxy})
			if ok {
				assert.NoError(t, err, proxy)
				continue
			}
			assert.ErrorContains(t, err, "environment variable "+name, proxy)
		}
	}
}

// The rule with the most specific name holds.
func TestRulesOfRefreshEvery(t *testing.T) {
	cfg, err := read(t, oauth+`,"refresh_every":{"*":"1d","job*":"2d","job_posts":"3d","jobs":"4d"}`, nil)
	require.NoError(t, err)
	for stream, days := range map[string]int{"users": 1, "job_openings": 2, "job_posts": 3, "jobs": 4} {
		assert.Equal(t, time.Duration(days)*24*time.Hour, cfg.RefreshEvery.Of(stream), stream)
	}
	cfg, err = read(t, oauth+`,"refresh_every":{"jobs":"4d"}`, nil)
	require.NoError(t, err)
	assert.Zero(t, cfg.RefreshEvery.Of("users"))
	for rule, says := range map[string]string{`"jobz":"1d"`: "jobz", `"jobs":"often"`: "jobs: "} {
		_, err = read(t, oauth+`,"refresh_every":{`+rule+`}`, nil)
		assert.ErrorContains(t, err, says)
	}
}

func TestStoresOfTheConfig(t *testing.T) {
	folder := "file://" + filepath.ToSlash(t.TempDir())
	cfg, err := read(t, oauth+`,"deletes":{"store":"`+folder+`"},"attachments":{"store":"`+folder+`"}`, nil)
	require.NoError(t, err)
	assert.Equal(t, 7*24*time.Hour, cfg.Deletes.Every)
	assert.InDelta(t, 0.2, cfg.Deletes.MaxShare, 1e-9)
	assert.Equal(t, int64(100_000_000), cfg.Attachments.MaxBytes)
	assert.Empty(t, cfg.Attachments.Types)
	cfg, err = read(t, oauth+`,"deletes":{"store":"`+folder+`","every":"2d","max_share":"5%"},"attachments":{"store":"`+folder+`","types":["resume"],"max_bytes":7}`, nil)
	require.NoError(t, err)
	assert.Equal(t, 48*time.Hour, cfg.Deletes.Every)
	assert.InDelta(t, 0.05, cfg.Deletes.MaxShare, 1e-9)
	assert.Equal(t, int64(7), cfg.Attachments.MaxBytes)
	assert.Equal(t, []string{"resume"}, cfg.Attachments.Types)
	for member, key := range map[string]string{
		`"deletes":{"store":"nowhere"}`:                            "deletes.store",
		`"attachments":{"store":"nowhere"}`:                        "attachments.store",
		`"deletes":{"store":"` + folder + `","every":"x"}`:         "deletes.every",
		`"deletes":{"store":"` + folder + `","max_share":"101%"}`:  "deletes.max_share",
		`"deletes":{"store":"` + folder + `","max_share":"a lot"}`: "deletes.max_share",
		`"deletes":{"store":"` + folder + `","max_share":"NaN%"}`:  "deletes.max_share",
		`"privacy_columns":"no JSON"`:                              "privacy_columns",
		`"privacy_columns":"{\"candidates.nonesuch\":\"drop\"}"`:   "nonesuch",
	} {
		_, err = read(t, oauth+","+member, nil)
		assert.ErrorContains(t, err, key, member)
	}
	cfg, err = read(t, oauth+`,"privacy_columns":"{\"candidates.first_name\":\"drop\"}"`, nil)
	require.NoError(t, err, "forms pass objects as text")
	assert.NotNil(t, cfg.Policy)
}

// A credential is complete, or the error names the key that is missing.
func TestCompleteCredentials(t *testing.T) {
	for members, says := range map[string]string{
		`"client_id":"a"`: "client_secret is missing", `"client_secret":"b"`: "client_id is missing",
		``: "client_id is missing",
	} {
		cfg, err := read(t, members, nil)
		require.NoError(t, err)
		assert.ErrorContains(t, cfg.CheckCredential(false), says, members)
	}
	for _, members := range []string{`"api_key":"k"`, oauth, oauth + `,"refresh_token":"t"`} {
		cfg, err := read(t, members, nil)
		require.NoError(t, err)
		assert.NoError(t, cfg.CheckCredential(false), members)
	}
	env := map[string]string{
		"TAP_GREENHOUSE_CLIENT_ID": "a", "TAP_GREENHOUSE_CLIENT_SECRET": "b", "TAP_GREENHOUSE_REFRESH_TOKEN": "t",
	}
	cfg, err := config.Read(config.Input{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	require.NoError(t, err)
	assert.ErrorContains(t, cfg.CheckCredential(false), "refresh_token needs a config file")
	assert.NoError(t, cfg.CheckCredential(true), "a program keeps it")
	assert.Equal(t, "t", cfg.Refresh())
	again, err := cfg.Reread()
	require.NoError(t, err)
	assert.Equal(t, cfg.ReadAs(), again.ReadAs())

	a, err := read(t, oauth, nil)
	require.NoError(t, err)
	b, err := read(t, oauth+`,"user_id":7`, nil)
	require.NoError(t, err)
	assert.NotEqual(t, a.ReadAs(), b.ReadAs())
	assert.Len(t, a.ReadAs(), 16)
	assert.Equal(t, "7", b.User())
	key, err := read(t, `"api_key":"k","refresh_token":"t"`, nil)
	require.NoError(t, err)
	assert.Empty(t, key.Refresh(), "an API key goes before it")
}

// A token is written in place where the file cannot be replaced, and known beforehand to be
// writable.
func TestRewritingTokens(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "c.json")
	text := `{"refresh_token": "old", "x": 1}`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o640))
	require.NoError(t, config.CanRewrite(file))
	require.NoError(t, config.RewriteToken(file, `new"`))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, `{"refresh_token": "new\"", "x": 1}`, string(data))
	assert.Error(t, config.CanRewrite(filepath.Join(folder, "none")))
	assert.Error(t, config.RewriteToken(filepath.Join(folder, "none"), "x"))
	assert.Error(t, config.RewriteToken(folder, "x"))
	link := filepath.Join(folder, "link.json")
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, config.RewriteToken(link, "newer"))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "it stays a link")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 2)
}

// Tables of settings have them in the order of config.schema.json's x-order: what is needed first.
func TestSettingsStandInTheirOrder(t *testing.T) {
	all := config.Settings()
	require.NotEmpty(t, all)
	assert.Equal(t, "client_id", all[0].Name)
	for i, s := range all[1:] {
		assert.Less(t, all[i].Order, s.Order, "%s before %s", all[i].Name, s.Name)
	}
}

// A share may be nothing, and everything, and no more.
func TestBoundsOfAShare(t *testing.T) {
	parse := func(share string) (*config.Config, error) {
		return config.From(map[string]any{
			"client_id": "a", "client_secret": "b",
			"deletes": map[string]any{"store": "file:///ids", "max_share": share},
		})
	}
	for text, share := range map[string]float64{"0%": 0, "100%": 1, "12.5%": 0.125} {
		c, err := parse(text)
		require.NoError(t, err, text)
		assert.InDelta(t, share, c.Deletes.MaxShare, 1e-9, text)
	}
	for _, text := range []string{"-1%", "100.1%", "much"} {
		_, err := parse(text)
		assert.ErrorContains(t, err, "is not a percentage", text)
	}
}
