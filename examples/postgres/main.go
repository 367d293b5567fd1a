// Command postgres reads a Greenhouse account into PostgreSQL, in one process: the library in place
// of a tap, COPY in place of a loader. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
	}
	os.Exit(code)
}

// run reads the account of a config into a schema of the database, and returns the exit code.
func run(ctx context.Context, args []string) (int, error) {
	if len(args) != 2 {
		return greenhouse.ExitNothingRead, errors.New("usage: DATABASE_URL=postgres://… postgres CONFIG SCHEMA")
	}
	cfg, err := config.Read(config.Input{File: args[0]})
	if err != nil {
		return greenhouse.ExitNothingRead, err
	}
	db, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return greenhouse.ExitIncomplete, err
	}
	defer db.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what counts is committed
	// What was read is stored, though the run is told to end.
	to, err := open(context.WithoutCancel(ctx), db, args[1])
	if err != nil {
		return greenhouse.ExitIncomplete, err
	}
	account := greenhouse.Open(cfg, greenhouse.Options{Version: "postgres"})
	defer account.Close()
	read, err := account.Prepare(ctx, greenhouse.Read{State: to.state, StateName: "of the database"})
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	report, err := read.Do(ctx, greenhouse.Messages(to.take))
	if report == nil {
		return greenhouse.ExitCode(err, false), err
	}
	fmt.Fprintln(os.Stderr, report.Outcome)
	return report.ExitCode, err
}
