package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// account is a row of the table.
type account struct {
	name, sealed, state, stopped, outcome string
	lease                                 string
	every                                 time.Duration
	added, fresh, ended, next             time.Time
	leaseEnds                             time.Time
	paused                                bool
	failures                              int
	records, requests, runs               int64
}

const columns = `name, config, state, stopped, outcome, lease, every, added, fresh, ended, next,
	lease_until, paused, failures, records, requests, runs`

func scan(row interface{ Scan(...any) error }) (*account, error) {
	var a account
	var every, added, fresh, ended, next, until, paused int64
	err := row.Scan(&a.name, &a.sealed, &a.state, &a.stopped, &a.outcome, &a.lease, &every, &added,
		&fresh, &ended, &next, &until, &paused, &a.failures, &a.records, &a.requests, &a.runs)
	a.every, a.paused = time.Duration(every)*time.Millisecond, paused != 0
	a.added, a.fresh, a.ended = moment(added), moment(fresh), moment(ended)
	a.next, a.leaseEnds = moment(next), moment(until)
	return &a, err
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// accounts returns all accounts. It opens no config, so one of another key hides nothing.
func (s *store) accounts(ctx context.Context) ([]*account, error) {
	rows, err := s.QueryContext(ctx, `select `+columns+` from accounts order by name`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var all []*account
	for rows.Next() {
		a, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func (s *store) account(ctx context.Context, name string) (*account, error) {
	a, err := scan(s.QueryRowContext(ctx, s.q(`select `+columns+` from accounts where name = $1`),
		name))
	if isMissing(err) {
		return nil, fmt.Errorf("account %s: there is none of that name", name)
	}
	return a, err
}

// names are what accounts may be called: they become parts of file names and of commands.
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// shortest is how often an account may be read at most.
const shortest = time.Minute

// check checks what an operator wants of an account, and returns the fingerprint of its credential.
func (s *store) check(name string, cfg []byte, every time.Duration) (credential string, err error) {
	if !names.MatchString(name) {
		return "", fmt.Errorf("account %q: a name has small letters, digits, and after those also . _ and -", name)
	}
	if every < shortest {
		return "", fmt.Errorf("--every: %s is less than %s", every, shortest)
	}
	parsed, err := config.Parse(cfg)
	if err != nil {
		return "", err
	}
	if len(parsed.Warnings) > 0 {
		return "", errors.New(strings.ReplaceAll(strings.Join(parsed.Warnings, "; "), " is ignored", ""))
	}
	if err := parsed.CheckCredential(true); err != nil {
		return "", err
	}
	return s.keys.fingerprint(strings.Join([]string{
		parsed.APIURL.String(), parsed.ClientID, parsed.APIKey, parsed.User(),
	}, "\n")), nil
}

// try tries the credential of a config. A partner's is not tried: its token works once.
func try(ctx context.Context, cfg []byte) error {
	parsed, err := config.Parse(cfg)
	if err != nil || parsed.Refresh() != "" {
		return err
	}
	a := greenhouse.Open(parsed, greenhouse.Options{Version: "fleet"})
	defer a.Close()
	return a.Check(ctx)
}

// add adds an account; its first run is due at once.
func add(ctx context.Context, db *store, name string, cfg []byte, every time.Duration) error {
	credential, err := db.check(name, cfg, every)
	if err != nil {
		return err
	}
	if other, err := db.sharing(ctx, name, credential); err != nil {
		return err
	} else if other != "" {
		return fmt.Errorf("account %s: account %s has the same credential, and so the same request limit", name, other)
	}
	n, err := db.exec(ctx, `insert into accounts (name, config, every, next, added, credential)
		values ($1, $2, $3, {now}, {now}, $4) on conflict (name) do nothing`,
		name, db.keys.seal(name, cfg), every.Milliseconds(), credential)
	if err == nil && n == 0 {
		return fmt.Errorf("account %s: there is one of that name already", name)
	}
	return err
}

// sharing returns another account with the same credential.
func (s *store) sharing(ctx context.Context, name, credential string) (other string, err error) {
	err = s.QueryRowContext(ctx,
		s.q(`select name from accounts where credential = $1 and name <> $2 limit 1`),
		credential, name).Scan(&other)
	if isMissing(err) {
		err = nil
	}
	return other, err
}

// change changes the row of an account.
func (s *store) change(ctx context.Context, name, set string, args ...any) error {
	n, err := s.exec(ctx, `update accounts set `+set+` where name = $1`,
		append([]any{name}, args...)...)
	if err == nil && n == 0 {
		return fmt.Errorf("account %s: there is none of that name", name)
	}
	return err
}

// replaceConfig gives an account another config, such as a new secret; its state stays.
func replaceConfig(ctx context.Context, db *store, name string, cfg []byte) error {
	a, err := db.account(ctx, name)
	if err != nil {
		return err
	}
	credential, err := db.check(name, cfg, max(a.every, shortest))
	if err != nil {
		return err
	}
	return db.change(ctx, name, `config = $2, credential = $3, stopped = '', failures = 0,
		next = {now}, queued = 0`, db.keys.seal(name, cfg), credential)
}

// resume has an account read that was paused, or stopped for a person to look at.
func resume(ctx context.Context, db *store, name string) error {
	return db.change(ctx, name,
		`stopped = '', paused = 0, failures = 0, next = {now}, queued = 0`)
}

// remove removes an account and its runs.
func remove(ctx context.Context, db *store, name string) error {
	if _, err := db.account(ctx, name); err != nil {
		return err
	}
	if _, err := db.exec(ctx, `delete from accounts where name = $1`, name); err != nil {
		return err
	}
	_, err := db.exec(ctx, `delete from runs where account = $1`, name)
	return err
}

// reread has streams of an account read from the start; without streams, all of them.
func reread(ctx context.Context, db *store, name string, streams []string) error {
	l, free, err := db.takeIf(ctx, name, time.Minute, "1 = 1")
	if errors.Is(err, errTaken) {
		return fmt.Errorf("account %s is being read: pause it, and try again in %s", name,
			free.Round(time.Second))
	}
	if isMissing(err) {
		return fmt.Errorf("account %s: there is none of that name", name)
	}
	if err != nil {
		return err
	}
	a, err := db.account(ctx, name)
	if err != nil {
		return err
	}
	state, err := forget([]byte(a.state), streams)
	if err != nil {
		return err
	}
	n, err := db.exec(ctx, `update accounts set state = $1, lease = '', next = {now}, queued = 0
		where name = $2 and lease = $3`, string(state), name, l.word)
	if err == nil && n == 0 {
		return errTaken
	}
	return err
}

// forget takes how far streams were read out of a state. What else it knows of them stays, such as
// the version of their rows.
func forget(state []byte, streams []string) ([]byte, error) {
	if len(state) == 0 {
		return nil, nil
	}
	var whole map[string]json.RawMessage
	var marks map[string]map[string]json.RawMessage
	err := json.Unmarshal(state, &whole)
	if err == nil {
		err = json.Unmarshal(whole["bookmarks"], &marks)
	}
	if err != nil {
		return nil, fmt.Errorf("the state: %w", err)
	}
	for _, stream := range streams {
		if marks[stream] == nil {
			return nil, fmt.Errorf("stream %q was never read", stream)
		}
	}
	for stream, mark := range marks {
		if len(streams) == 0 || slices.Contains(streams, stream) {
			for _, key := range []string{
				"replication_key", "replication_key_value", "progress", "complete",
			} {
				delete(mark, key)
			}
		}
	}
	if whole["bookmarks"], err = json.Marshal(marks); err != nil {
		return nil, err
	}
	return json.Marshal(whole)
}

// rekey seals every config with the first key.
func rekey(ctx context.Context, db *store) (changed int, err error) {
	all, err := db.accounts(ctx)
	if err != nil {
		return 0, err
	}
	var wrong error
	for _, a := range all {
		cfg, fresh, err := db.keys.unseal(a.name, a.sealed)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		if fresh {
			continue
		}
		// A worker may have stored a new refresh token meanwhile: then that is left to the next
		// time.
		n, err := db.exec(ctx, `update accounts set config = $1 where name = $2 and config = $3`,
			db.keys.seal(a.name, cfg), a.name, a.sealed)
		if err != nil {
			return changed, err
		}
		changed += int(n)
	}
	return changed, wrong
}

// keepToken stores a new refresh token in the account's config. It is durable when the call
// returns.
func (s *store) keepToken(ctx context.Context, name, token string) error {
	if token == "" {
		return errors.New("the refresh token is empty")
	}
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	var sealed string
	err = tx.QueryRowContext(ctx, s.q(`select config from accounts where name = $1`+s.forUpdate()),
		name).Scan(&sealed)
	if isMissing(err) {
		return fmt.Errorf("account %s: there is none of that name", name)
	}
	if err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	cfg, _, err := s.keys.unseal(name, sealed)
	if err != nil {
		return err
	}
	if cfg, err = with(cfg, "refresh_token", token); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.q(`update accounts set config = $1 where name = $2`),
		s.keys.seal(name, cfg), name); err != nil {
		return err
	}
	return tx.Commit()
}

// forUpdate locks a selected row; SQLite locks the database.
func (s *store) forUpdate() string {
	if s.sqlite {
		return ""
	}
	return " for update"
}

// with returns a JSON object with one more member.
func with(config []byte, key string, value any) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &members); err != nil {
		return nil, fmt.Errorf("the config is no JSON object: %w", err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	members[key] = text
	return json.Marshal(members)
}
