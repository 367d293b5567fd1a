package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// lease is the right to read an account and to store what comes of it. It stands in the account's
// row: a random word and when it expires, by the database's clock. Whoever comes while it lasts
// reads nothing; whoever lost it stores nothing. Jobs only say when to try.
type lease struct {
	db      *store
	account string
	word    string
	lasts   time.Duration
}

// errTaken means that somebody else has the lease, and errNotDue that nobody should have it now.
var (
	errTaken  = errors.New("another worker reads the account")
	errNotDue = errors.New("the account is not due")
)

// isDue is the condition under which workers read an account, and isFree that nobody does.
const (
	isDue  = `stopped = '' and paused = 0 and next <= {now}`
	isFree = `(lease = '' or lease_until < {now})`
)

// take takes the lease of an account to read it. While somebody else has it, the error is errTaken,
// and free says in how much time it expires. Without an account of that name it is sql.ErrNoRows.
func (s *store) take(ctx context.Context, account string, lasts time.Duration) (
	l *lease, free time.Duration, err error,
) {
	return s.takeIf(ctx, account, lasts, isDue)
}

func (s *store) takeIf(ctx context.Context, account string, lasts time.Duration, condition string) (
	l *lease, free time.Duration, err error,
) {
	l = &lease{db: s, account: account, word: rand.Text(), lasts: lasts}
	n, err := s.exec(ctx, `update accounts set lease = $1, lease_until = {now} + $2, queued = 0
		where name = $3 and `+isFree+` and `+condition, l.word, lasts.Milliseconds(), account)
	if err != nil || n == 1 {
		return l, 0, err
	}
	var left int64
	err = s.QueryRowContext(ctx, s.q(`select case when lease = '' then 0 else lease_until - {now} end
		from accounts where name = $1`), account).Scan(&left)
	if err != nil {
		return nil, 0, err // sql.ErrNoRows, too
	}
	if left <= 0 {
		return nil, 0, errNotDue
	}
	return nil, time.Duration(left) * time.Millisecond, errTaken
}

// until is when the lease ends if it is renewed for $1 milliseconds: never earlier than before.
const until = `case when lease_until > {now} + $1 then lease_until else {now} + $1 end`

// renew makes the lease last longer.
func (l *lease) renew(ctx context.Context) error {
	return l.extend(ctx, l.lasts)
}

// beforeToken is called before a refresh token is used. The lease then lasts for as long as the
// next token may take to be stored: whoever read the account meanwhile would use the old one again.
func (l *lease) beforeToken(ctx context.Context) error {
	return l.extend(ctx, max(l.lasts, patience))
}

func (l *lease) extend(ctx context.Context, lasts time.Duration) error {
	return l.set(ctx, lasts, `update accounts set lease_until = `+until+`
		where name = $2 and lease = $3`)
}

// keepState stores a state that the loader has echoed, and makes the lease last longer.
func (l *lease) keepState(ctx context.Context, state []byte) error {
	return persist(ctx, func(ctx context.Context) error {
		return l.set(ctx, l.lasts, `update accounts set lease_until = `+until+`, state = $4
			where name = $2 and lease = $3`, string(state))
	})
}

func (l *lease) set(ctx context.Context, lasts time.Duration, statement string, more ...any) error {
	n, err := l.db.exec(ctx, statement,
		append([]any{lasts.Milliseconds(), l.account, l.word}, more...)...)
	if err == nil && n == 0 {
		return errTaken
	}
	return err
}

// hold renews the lease until the context ends. lost is called if it could not be renewed for as
// long as it lasts, or somebody else has it.
func (l *lease) hold(ctx context.Context, lost func(error)) {
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(l.lasts / 4):
		}
		asked := time.Now()
		patient, cancel := context.WithTimeout(ctx, l.lasts/4)
		err := l.renew(patient)
		cancel()
		switch {
		case err == nil:
			renewed = asked
		case errors.Is(err, errTaken):
			lost(err)
			return
		case time.Since(renewed) > l.lasts:
			lost(fmt.Errorf("%w, or may: the lease could not be renewed for %s: %w", errTaken,
				l.lasts, err))
			return
		}
	}
}

// isMissing reports whether there is no such account.
func isMissing(err error) bool { return errors.Is(err, sql.ErrNoRows) }
