package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite"
)

// store is the database: accounts, and River's jobs.
type store struct {
	*sql.DB
	driver riverdriver.Driver[*sql.Tx]
	// complete marks a job as done in a transaction.
	complete func(ctx context.Context, tx *sql.Tx, job *river.Job[readArgs]) error
	sqlite   bool
	aead     cipher.AEAD
}

const accountsTable = `create table if not exists accounts (
	name text primary key,
	config text not null,          -- encrypted, secrets and all
	state text not null default '',
	every bigint not null,         -- milliseconds; so are all times
	holder text not null default '', -- the attempt of a job that reads it
	stopped text not null default '', -- why a person has to look at it
	outcome text not null default '',
	failures bigint not null default 0, -- runs that failed since the last good one
	fresh bigint not null default 0, -- when the last complete run began
	ended bigint not null default 0,
	next bigint not null default 0,
	records bigint not null default 0,
	requests bigint not null default 0,
	runs bigint not null default 0
)`

// open opens the database, and migrates its tables.
func open(ctx context.Context, address, key string) (*store, error) {
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != 32 {
		return nil, errors.New("FLEET_KEY has to be 64 hexadecimal digits; openssl rand -hex 32 makes one")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	s := &store{}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		s.sqlite = true
		s.DB, err = sql.Open("sqlite",
			"file:"+file+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		if err != nil {
			return nil, err
		}
		s.SetMaxOpenConns(1) // as River requires
		s.driver = riversqlite.New(s.DB)
		s.complete = func(ctx context.Context, tx *sql.Tx, job *river.Job[readArgs]) error {
			_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx, job)
			return err
		}
	} else if strings.HasPrefix(address, "postgres://") {
		if s.DB, err = sql.Open("pgx", address); err != nil {
			return nil, err
		}
		s.driver = riverdatabasesql.New(s.DB)
		s.complete = func(ctx context.Context, tx *sql.Tx, job *river.Job[readArgs]) error {
			_, err := river.JobCompleteTx[*riverdatabasesql.Driver](ctx, tx, job)
			return err
		}
	} else {
		return nil, errors.New("FLEET_DATABASE has to be sqlite:FILE or a postgres:// address")
	}
	if _, err := s.ExecContext(ctx, accountsTable); err != nil {
		return nil, fmt.Errorf("opening FLEET_DATABASE: %w", err)
	}
	migrator, err := rivermigrate.New(s.driver, nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("making River's tables: %w", err)
	}
	return s, nil
}

// q translates a statement to the database's dialect: SQLite writes parameters as ?1, PostgreSQL as
// $1.
func (s *store) q(statement string) string {
	if s.sqlite {
		return strings.ReplaceAll(statement, "$", "?")
	}
	return statement
}

// account is a row of the table.
type account struct {
	name, state, stopped, outcome string
	config                        []byte
	every                         time.Duration
	fresh, ended, next            time.Time
	failures                      int
	records, requests, runs       int64
}

const columns = `name, config, state, every, stopped, outcome, failures, fresh, ended, next, records, requests, runs`

func (s *store) scan(row interface{ Scan(...any) error }) (*account, error) {
	var a account
	var sealed string
	var every, fresh, ended, next int64
	err := row.Scan(&a.name, &sealed, &a.state, &every, &a.stopped, &a.outcome, &a.failures, &fresh,
		&ended, &next, &a.records, &a.requests, &a.runs)
	if err != nil {
		return nil, err
	}
	a.every, a.fresh, a.ended, a.next = time.Duration(every)*time.Millisecond, moment(fresh),
		moment(ended), moment(next)
	a.config, err = s.unseal(a.name, sealed)
	return &a, err
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (s *store) accounts(ctx context.Context) ([]*account, error) {
	rows, err := s.QueryContext(ctx, `select `+columns+` from accounts order by name`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var all []*account
	for rows.Next() {
		a, err := s.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// errTaken means that another attempt is reading the account: nothing of this one is stored.
var errTaken = errors.New("another worker has taken the account over")

// take makes an attempt the only one that may store anything about the account.
func (s *store) take(ctx context.Context, name, holder string) (*account, error) {
	if _, err := s.ExecContext(ctx, s.q(`update accounts set holder = $1 where name = $2`), holder,
		name); err != nil {
		return nil, err
	}
	return s.scan(s.QueryRowContext(ctx, s.q(`select `+columns+` from accounts where name = $1`),
		name))
}

// keepState stores a state that the loader has echoed.
func (s *store) keepState(ctx context.Context, name, holder, state string) error {
	done, err := s.ExecContext(ctx,
		s.q(`update accounts set state = $1 where name = $2 and holder = $3`), state, name, holder)
	return changed(done, err)
}

func changed(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errTaken)
	}
	return nil
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
	if err := tx.QueryRowContext(ctx, s.q(`select config from accounts where name = $1`), name).
		Scan(&sealed); err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	config, err := s.unseal(name, sealed)
	if err != nil {
		return err
	}
	if config, err = with(config, "refresh_token", token); err != nil {
		return err
	}
	if sealed, err = s.seal(name, config); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.q(`update accounts set config = $1 where name = $2`), sealed,
		name); err != nil {
		return err
	}
	return tx.Commit()
}

// with returns a JSON object with one more member.
func with(config []byte, key string, value any) ([]byte, error) {
	members := map[string]any{}
	if err := json.Unmarshal(config, &members); err != nil {
		return nil, fmt.Errorf("the config is no JSON object: %w", err)
	}
	members[key] = value
	return json.Marshal(members)
}

// seal encrypts a config for one account: in another row, it cannot be opened.
func (s *store) seal(name string, config []byte) (string, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return hex.EncodeToString(s.aead.Seal(nonce, nonce, config, []byte(name))), nil
}

func (s *store) unseal(name, sealed string) ([]byte, error) {
	raw, err := hex.DecodeString(sealed)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return nil, fmt.Errorf("account %s: its config is damaged", name)
	}
	config, err := s.aead.Open(nil, raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():],
		[]byte(name))
	if err != nil {
		return nil, fmt.Errorf("account %s: its config cannot be opened with this FLEET_KEY", name)
	}
	return config, nil
}
