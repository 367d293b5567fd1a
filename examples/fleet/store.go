package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite"
)

// store is the database: accounts, their runs, and River's jobs.
type store struct {
	*sql.DB
	keys   keys
	driver riverdriver.Driver[*sql.Tx]
	sqlite bool
	clock  string // an expression: the database's time in milliseconds
}

// connections bounds the connections of a process to PostgreSQL, which allows 100 by default.
const connections = 20

// open opens the database, and makes its tables if they are missing.
func open(ctx context.Context, address, key string) (*store, error) {
	keys, err := parseKeys(key)
	if err != nil {
		return nil, err
	}
	s := &store{keys: keys}
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		s.sqlite = true
		s.clock = `cast((julianday('now') - 2440587.5) * 86400000 as integer)`
		s.DB, err = sql.Open("sqlite",
			"file:"+file+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		if err != nil {
			return nil, err
		}
		s.SetMaxOpenConns(1) // as River requires
		s.driver = riversqlite.New(s.DB)
	} else if strings.HasPrefix(address, "postgres://") {
		s.clock = `cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
		if s.DB, err = sql.Open("pgx", address); err != nil {
			return nil, err
		}
		s.SetMaxOpenConns(1)
		if err := s.bound(ctx); err != nil {
			return nil, err
		}
		s.driver = riverdatabasesql.New(s.DB)
	} else {
		return nil, errors.New("FLEET_DATABASE has to be sqlite:FILE or a postgres:// address")
	}
	return s, s.migrate(ctx)
}

// bound bounds the pool by what the server allows: a quarter of it, since others want some, too.
func (s *store) bound(ctx context.Context) error {
	var text string
	if err := s.QueryRowContext(ctx, `show max_connections`).Scan(&text); err != nil {
		return fmt.Errorf("opening FLEET_DATABASE: %w", err)
	}
	allowed, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	s.SetMaxOpenConns(max(2, min(connections, allowed/4)))
	s.SetMaxIdleConns(max(2, min(connections, allowed/4)))
	return nil
}

// q translates a statement to the database's dialect: SQLite writes parameters as ?1, PostgreSQL as
// $1; {now} is the database's clock.
func (s *store) q(statement string) string {
	statement = strings.ReplaceAll(statement, "{now}", s.clock)
	if s.sqlite {
		return strings.ReplaceAll(statement, "$", "?")
	}
	return statement
}

// exec changes rows, and returns their number.
func (s *store) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	done, err := s.ExecContext(ctx, s.q(statement), args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// patience is how long the database may be away before what has to be stored is lost.
const patience = time.Minute

// persist stores something in spite of hiccups of the database. Only errTaken is final.
func persist(ctx context.Context, store func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := store(ctx)
		if err == nil || errors.Is(err, errTaken) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
