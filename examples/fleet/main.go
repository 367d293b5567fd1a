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

	_ "github.com/tap-greenhouse/tap-greenhouse/tap/store/s3" // stores of accounts' configs
)

const usage = `usage: fleet COMMAND [NAME] [FLAGS]

  add NAME         take on an account, with its config as JSON on standard input
  config NAME      give an account another config, such as a new secret; its state stays
  every NAME       read an account as often as --every says
  work             read accounts that are due, until stopped
  accounts         a table of all accounts
  show NAME        what is known of an account
  runs NAME        its last runs: how they ended, what failed, what the loader said
  now NAME         read an account as soon as a worker is free
  pause NAME       leave an account alone; what is under way goes on to its end
  resume NAME      read an account again that was paused, or stopped for a person to look at
  reread NAME [STREAM...]  read streams from the start; without streams, all of them
  remove NAME      remove an account
  rekey            seal all configs with the first key of FLEET_KEY
  keep-token NAME  keep a refresh token, from standard input (for refresh_token_exec)

FLEET_DATABASE is where accounts and jobs are: sqlite:FILE or postgres://...
FLEET_KEY is the key that configs are encrypted with: 64 hexadecimal digits. To replace it, put the
new one and a comma before it, on all machines, and call rekey.
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
	settings := workSettings{lease: time.Minute}
	every := flags.Duration("every", 15*time.Minute, "add, every: how often the account is read")
	untried := flags.Bool("untried", false, "add, config: do not try the credential")
	flags.StringVar(&settings.loader, "loader", "target-jsonl",
		"work: the loader's command; {account} stands for the name")
	flags.IntVar(&settings.workers, "workers", 4, "work: accounts read at once")
	flags.DurationVar(&settings.maxRun, "max-run", 2*time.Minute,
		"work: how long one account is read at a time")
	flags.DurationVar(&settings.flush, "flush", time.Minute,
		"work: how long a loader may take to write what it has, once it is asked to end")
	flags.DurationVar(&settings.lease, "lease", time.Minute,
		"work: after how long without a sign of life a worker is taken for lost")
	flags.StringVar(&settings.metrics, "metrics", "",
		"work: address for Prometheus, such as 127.0.0.1:9464")
	var words []string
	rest := args[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		words, rest = append(words, rest[0]), rest[1:]
	}
	if err := flags.Parse(rest); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: put names before flags", flags.Arg(0))
	}
	db, err := open(ctx, os.Getenv("FLEET_DATABASE"), os.Getenv("FLEET_KEY"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was written is committed
	if done, err := onFleet(ctx, db, args[0], settings); done {
		return err
	}
	command, ok := onAccount[args[0]]
	switch {
	case !ok:
		return fmt.Errorf("%s is no command; fleet --help lists them", args[0])
	case len(words) == 0:
		return errors.New(args[0] + ": the name of the account is missing")
	case len(words) > 1 && args[0] != "reread":
		return fmt.Errorf("%s: one name is enough", words[1])
	}
	return command(ctx, call{db: db, name: words[0], more: words[1:], every: *every, untried: *untried})
}

// onFleet runs a command that is about no single account; done is false if it is none.
func onFleet(ctx context.Context, db *store, command string, w workSettings) (done bool, err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	switch command {
	case "work":
		return true, work(ctx, db, w, log)
	case "accounts":
		return true, table(ctx, db, os.Stdout, time.Now())
	case "rekey":
		n, err := rekey(ctx, db)
		fmt.Printf("%d configs are sealed anew\n", n)
		return true, err
	}
	return false, nil
}

// call is a command on one account.
type call struct {
	db      *store
	name    string
	more    []string
	every   time.Duration
	untried bool
}

var onAccount = map[string]func(context.Context, call) error{
	"add": func(ctx context.Context, c call) error {
		return c.withConfig(ctx, func(cfg []byte) error {
			return add(ctx, c.db, c.name, cfg, c.every)
		})
	},
	"config": func(ctx context.Context, c call) error {
		return c.withConfig(ctx, func(cfg []byte) error {
			return replaceConfig(ctx, c.db, c.name, cfg)
		})
	},
	"every": func(ctx context.Context, c call) error {
		if c.every < shortest {
			return fmt.Errorf("--every: %s is less than %s", c.every, shortest)
		}
		return c.db.change(ctx, c.name, `every = $2, next = {now}, queued = 0`, c.every.Milliseconds())
	},
	"show": func(ctx context.Context, c call) error {
		return show(ctx, c.db, c.name, os.Stdout, time.Now())
	},
	"runs": func(ctx context.Context, c call) error {
		return showRuns(ctx, c.db, c.name, os.Stdout)
	},
	"now": func(ctx context.Context, c call) error {
		return c.db.change(ctx, c.name, `next = {now}, queued = 0`)
	},
	"pause":  func(ctx context.Context, c call) error { return c.db.change(ctx, c.name, `paused = 1`) },
	"resume": func(ctx context.Context, c call) error { return resume(ctx, c.db, c.name) },
	"reread": func(ctx context.Context, c call) error { return reread(ctx, c.db, c.name, c.more) },
	"remove": func(ctx context.Context, c call) error { return remove(ctx, c.db, c.name) },
	"keep-token": func(ctx context.Context, c call) error {
		token, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return c.db.keepToken(ctx, c.name, strings.TrimSpace(string(token)))
	},
}

// withConfig reads a config from standard input, and tries its credential.
func (c call) withConfig(ctx context.Context, use func([]byte) error) error {
	cfg, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if _, err := c.db.check(c.name, cfg, max(c.every, shortest)); err != nil {
		return err
	}
	if !c.untried {
		if err := try(ctx, cfg); err != nil {
			return err
		}
	}
	return use(cfg)
}
