// Command fleet reads many Greenhouse accounts with one database and any number of workers. See
// README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: fleet COMMAND [FLAGS]

  add NAME        take on an account, with its config as JSON on standard input
  work            read accounts that are due, until stopped
  accounts        a table of all accounts
  resume NAME     read an account again that was stopped for a person to look at
  keep-token NAME keep a refresh token, from standard input (for refresh_token_exec)
  simulate        a day of ten thousand accounts, as a plot

FLEET_DATABASE is where accounts and jobs are: sqlite:FILE or postgres://...
FLEET_KEY is the key that configs are encrypted with: 64 hexadecimal digits.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "help" {
		fmt.Print(usage)
		return nil
	}
	flags := flag.NewFlagSet("fleet "+args[0], flag.ContinueOnError)
	settings := workSettings{}
	every := flags.Duration("every", 15*time.Minute, "add: how often the account is read")
	plot := flags.String("plot", "simulation.svg", "simulate: the file with the plot")
	flags.StringVar(&settings.loader, "loader", "target-jsonl",
		"work: the loader's command; {account} stands for the name")
	flags.IntVar(&settings.workers, "workers", 4, "work: accounts read at once")
	flags.DurationVar(&settings.maxRun, "max-run", 2*time.Minute,
		"work: how long one account is read at a time")
	flags.DurationVar(&settings.flush, "flush", time.Minute,
		"work: how long a loader may take to write what it has")
	flags.StringVar(&settings.metrics, "metrics", "",
		"work: address for Prometheus, such as 127.0.0.1:9464")
	name, rest := "", args[1:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		name, rest = rest[0], rest[1:]
	}
	if err := flags.Parse(rest); err != nil {
		return err
	}
	if args[0] == "simulate" {
		return simulate(*plot)
	}
	db, err := open(ctx, os.Getenv("FLEET_DATABASE"), os.Getenv("FLEET_KEY"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was written is committed
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	switch args[0] {
	case "add", "resume", "keep-token":
		if name == "" {
			return errors.New(args[0] + ": the name of the account is missing")
		}
	}
	switch args[0] {
	case "add":
		config, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return add(ctx, db, name, config, *every)
	case "work":
		return work(ctx, db, settings, log)
	case "accounts":
		return table(ctx, db, os.Stdout, time.Now())
	case "resume":
		return resume(ctx, db, name)
	case "keep-token":
		token, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return db.keepToken(ctx, name, strings.TrimSpace(string(token)))
	}
	return fmt.Errorf("%s is no command; fleet --help lists them", args[0])
}
