package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// Streams are the three standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// program is one call of the command line.
type program struct {
	Streams
	getenv func(string) (string, bool)
	log    *slog.Logger
	level  slog.Level
	person *personLog // the log for a person; nil if the log is for machines
}

// singerFlags are the flags of a call without a command, like those of taps built with the Singer
// SDK.
type singerFlags struct {
	Config     string `help:"Config file; - for standard input, ENV for the environment only." placeholder:"FILE"`
	Catalog    string `help:"Catalog file: what to read. Default: the streams selected by default." placeholder:"FILE" xor:"catalog"`
	Properties string `help:"Old name of --catalog." placeholder:"FILE" xor:"catalog"`
	State      string `help:"State file of the last run." placeholder:"FILE"`
	Discover   bool   `help:"Print the catalog of all streams."`
	Probe      bool   `help:"With --discover: deselect streams that the credential cannot read."`
	Test       string `help:"Read one record of each stream; --test=schema prints only schemas." placeholder:"records" enum:",records,schema" default:""`
	About      bool   `help:"Describe the tap, its settings and its capabilities."`
	Format     string `help:"Format of --about: json, markdown or text." enum:"json,markdown,text" default:"text"`
	Version    bool   `help:"Print version, commit and date."`
	runFlags   `embed:""`

	refreshFlags `embed:""`
}

// refreshFlags are the flags of every call that reads streams as Singer messages.
type refreshFlags struct {
	Refresh []string `help:"Stream, or glob of streams, to read from the start in this run." placeholder:"STREAM"`
}

// reportFlags are the flags of every run.
type reportFlags struct {
	Report string `help:"Write a report of the run to FILE: .html or .json." placeholder:"FILE"`
}

// runFlags are the flags of every call that reads an account.
type runFlags struct {
	reportFlags `embed:""`

	AcceptDeletes []string `help:"Stream of which any number of rows may be gone in this run." placeholder:"STREAM"`

	AcceptOrganization bool `help:"Go on from a state of another organization."`

	Contract string `help:"Contract file: log what differs from it; see the setting contract_changes." placeholder:"FILE"`

	Verify bool `help:"Compare all streams with what was delivered (needs deletes)."`
}

// apply puts the flags into what is read.
func (f runFlags) apply(read *greenhouse.Read) {
	read.AcceptDeletes, read.AcceptOrganization = f.AcceptDeletes, f.AcceptOrganization
	read.Verify = f.Verify
}

// commands are the commands.
type commands struct {
	Init     initFlags     `cmd:"" help:"Ask for the credential, try it, and write the config."`
	Spec     struct{}      `cmd:"" help:"Airbyte: print the specification of the config."`
	Check    airbyteFlags  `cmd:"" help:"Airbyte: try the credential."`
	Discover airbyteFlags  `cmd:"" help:"Airbyte: print the catalog of all streams."`
	Read     readFlags     `cmd:"" help:"Airbyte: read the configured streams."`
	Pipe     pipeFlags     `cmd:"" help:"Sync into a loader, and keep its state."`
	Plan     planFlags     `cmd:"" help:"Estimate what runs will cost: rows, requests, minutes. Costs at most one request a stream."`
	Status   planFlags     `cmd:"" help:"Show how far each stream is, from config, state and ledger. Reads no list."`
	Contract contractFlags `cmd:"" help:"Print the agreed schema: a JSON Schema of each stream. Makes no request, but for columns of custom fields."`
	Scopes   scopesFlags   `cmd:"" help:"List the scopes that the streams need, and which ones the credential has."`
	Privacy  privacyFlags  `cmd:"" help:"Show what leaves Greenhouse: the class and treatment of every column. Makes no request."`
	Deletes  deletesFlags  `cmd:"" help:"Show what the store of deletes knows of a stream: deletes show STREAM."`
	Demo     demoFlags     `cmd:"" help:"Sync every stream from the built-in sandbox: no account, no config."`
	Sandbox  sandboxFlags  `cmd:"" help:"Serve the built-in sandbox, a Harvest v3 with made-up rows, until stopped."`
	Version  struct{}      `cmd:"" help:"Print the version."`

	Completion completionFlags `cmd:"" help:"Print a completion script for bash, zsh or fish."`
}

type airbyteFlags struct {
	Config string `help:"Config file. Default: the environment." placeholder:"FILE"`
}

type readFlags struct {
	airbyteFlags `embed:""`
	Catalog      string `help:"Configured catalog file." placeholder:"FILE" required:""`
	State        string `help:"State file." placeholder:"FILE"`
	runFlags     `embed:""`
}

// Run runs the program with its arguments and returns its exit code.
func Run(ctx context.Context, args []string, std Streams) int {
	p := &program{Streams: std, getenv: os.LookupEnv}
	args, err := p.takeLogFlags(args)
	if err == nil {
		err = p.dispatch(ctx, args)
	}
	return p.exit(err)
}

func (p *program) dispatch(ctx context.Context, args []string) error {
	if helpAsked(args) {
		_, err := fmt.Fprint(p.Out, helpText)
		return err
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return p.singer(ctx, args)
	}
	var cmd commands
	helped := false
	parser, err := kong.New(&cmd, kong.Name(tapName), kong.Writers(p.Out, p.Err),
		kong.Exit(func(int) { helped = true }))
	if err != nil {
		return err
	}
	call, err := parser.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return usage(err)
	}
	switch strings.Fields(call.Command())[0] {
	case "init":
		return p.init(ctx, cmd.Init)
	case "spec":
		return p.spec()
	case "check":
		return p.check(ctx, cmd.Check)
	case "discover":
		return p.airbyteDiscover(ctx, cmd.Discover)
	case "read":
		return p.read(ctx, cmd.Read)
	case "pipe":
		return p.pipe(ctx, cmd.Pipe)
	case "status":
		return p.status(ctx, cmd.Status)
	case "plan":
		return p.plan(ctx, cmd.Plan)
	case "contract":
		return p.contract(ctx, cmd.Contract)
	case "scopes":
		return p.scopes(ctx, cmd.Scopes)
	case "privacy":
		return p.privacy(cmd.Privacy)
	case "deletes":
		return p.deletesShow(ctx, cmd.Deletes.Show)
	case "demo":
		return p.demo(ctx, cmd.Demo)
	case "sandbox":
		return p.sandbox(ctx, cmd.Sandbox)
	case "completion":
		return p.completion(cmd.Completion, parser.Model)
	default:
		return p.version()
	}
}

// helpAsked reports whether the arguments ask for help on the whole program: a Singer call with
// --help must do nothing else.
func helpAsked(args []string) bool {
	if len(args) == 0 {
		return false
	}
	if args[0] == "help" {
		return true
	}
	if !strings.HasPrefix(args[0], "-") {
		return false // a command has its own help
	}
	return slices.Contains(args, "--help") || slices.Contains(args, "-h")
}

func usage(err error) error {
	if flag, ok := strings.CutSuffix(err.Error(), `: expected string value but got "EOL" (<EOL>)`); ok {
		err = errors.New(flag + " needs a value")
	}
	if said := err.Error(); strings.Contains(said, `one of "",`) { // "" stands for the default
		err = errors.New(strings.Replace(said, `one of "",`, "one of ", 1))
	}
	return tap.Errorf(tap.BadInput, "command line", "%w", err).WithHint("see tap-greenhouse --help")
}
