package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/riverqueue/river/rivermigrate"
)

// migrations make the tables, one after the other. The database notes how many were made, so each
// is made once. Never change one; add another. All times are milliseconds since 1970.
var migrations = []string{
	`create table if not exists accounts (
	name text primary key,
	config text not null,          -- encrypted, secrets and all
	state text not null default '',
	every bigint not null,
	holder text not null default '',
	stopped text not null default '', -- why a person has to look at it
	outcome text not null default '',
	failures bigint not null default 0, -- runs that failed since the last good one
	fresh bigint not null default 0, -- when the last complete run began
	ended bigint not null default 0,
	next bigint not null default 0,
	records bigint not null default 0,
	requests bigint not null default 0,
	runs bigint not null default 0
)`,
	// A lease says who reads an account, until when; holder is not used any more. queued is when a
	// job was made for it, and credential a fingerprint.
	`alter table accounts add column lease text not null default '';
alter table accounts add column lease_until bigint not null default 0;
alter table accounts add column queued bigint not null default 0;
alter table accounts add column paused bigint not null default 0;
alter table accounts add column added bigint not null default 0;
alter table accounts add column credential text not null default '';
create table runs (
	lease text primary key,
	account text not null,
	worker text not null,
	began bigint not null,
	ended bigint not null,
	code bigint not null,
	outcome text not null, -- a sentence
	failed text not null, -- a line for each stream that failed, and why
	loader text not null, -- the last lines of the loader's standard error
	records bigint not null,
	requests bigint not null
);
create index runs_of_account on runs (account, began);
create index accounts_next on accounts (next)`,
}

// migrate brings the tables up to date. It does nothing if they are.
func (s *store) migrate(ctx context.Context) error {
	made, err := s.version(ctx)
	if err != nil || made == len(migrations) {
		return err
	}
	if made > len(migrations) {
		return errors.New("the database is of a newer version of fleet")
	}
	migrator, err := rivermigrate.New(s.driver, nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("making River's tables: %w", err)
	}
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is committed below
	if !s.sqlite {      // SQLite's transactions exclude each other
		if _, err := tx.ExecContext(ctx, `select pg_advisory_xact_lock(7237)`); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx,
		`create table if not exists fleet_migrations (version bigint primary key)`); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx,
		`select coalesce(max(version), 0) from fleet_migrations`).Scan(&made); err != nil {
		return err
	}
	for n := made; n < len(migrations); n++ {
		for _, statement := range strings.Split(migrations[n], ";\n") {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("migration %d: %w", n+1, err)
			}
		}
		if _, err := tx.ExecContext(ctx, s.q(`insert into fleet_migrations (version) values ($1)`),
			n+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// version is the number of migrations that were made.
func (s *store) version(ctx context.Context) (int, error) {
	table := `select count(*) from information_schema.tables where table_name = 'fleet_migrations'`
	if s.sqlite {
		table = `select count(*) from sqlite_master where name = 'fleet_migrations'`
	}
	var n int
	if err := s.QueryRowContext(ctx, table).Scan(&n); err != nil {
		return 0, fmt.Errorf("opening FLEET_DATABASE: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	err := s.QueryRowContext(ctx, `select coalesce(max(version), 0) from fleet_migrations`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}
