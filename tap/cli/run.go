package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
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
}

// singerFlags are those of a call without a command, as taps built with the Singer SDK have them.
type singerFlags struct {
	Config     string `help:"File with the config; - for standard input, ENV for the environment alone." placeholder:"FILE"`
	Catalog    string `help:"File with the catalog: what to read. Without it, every stream that is selected by default." placeholder:"FILE" xor:"catalog"`
	Properties string `help:"Old name of --catalog." placeholder:"FILE" xor:"catalog"`
	State      string `help:"File with the state that an earlier run wrote." placeholder:"FILE"`
	Discover   bool   `help:"Print the catalog of all streams."`
	Probe      bool   `help:"With --discover: ask what the credential may read, and leave the rest out of what is selected by default."`
	Test       string `help:"Read one record of each stream; --test=schema prints schemas alone." placeholder:"records"`
	About      bool   `help:"Describe the tap, its settings and what it can do."`
	Format     string `help:"Format of --about: json, markdown or text." enum:"json,markdown,text" default:"text"`
	Version    bool   `help:"Print the version."`
}

// commands are the calls with a command.
type commands struct {
	Spec     struct{}     `cmd:"" help:"Airbyte: print the specification of the config."`
	Check    airbyteFlags `cmd:"" help:"Airbyte: try the credential."`
	Discover airbyteFlags `cmd:"" help:"Airbyte: print the catalog of all streams."`
	Read     readFlags    `cmd:"" help:"Airbyte: read the configured streams."`
	Scopes   scopesFlags  `cmd:"" help:"List the scopes that streams need; with --probe, what the credential has of them."`
	Privacy  privacyFlags `cmd:"" help:"Show what leaves Greenhouse: the class and the treatment of every column. Makes no request."`
	Demo     demoFlags    `cmd:"" help:"Sync every stream from the built-in sandbox: no account, no config."`
	Sandbox  sandboxFlags `cmd:"" help:"Serve the built-in sandbox, a Harvest v3 with made-up rows, until stopped."`
	Version  struct{}     `cmd:"" help:"Print the version."`
}

type airbyteFlags struct {
	Config string `help:"File with the config." placeholder:"FILE" required:""`
}

type readFlags struct {
	airbyteFlags `embed:""`
	Catalog      string `help:"File with the configured catalog." placeholder:"FILE" required:""`
	State        string `help:"File with the state." placeholder:"FILE"`
}

// Run runs the program with its arguments and returns its exit code.
func Run(ctx context.Context, args []string, std Streams) int {
	p := &program{Streams: std, getenv: os.LookupEnv}
	p.log = newLogger(std.Err)
	code, err := p.dispatch(ctx, args)
	if err != nil {
		p.log.Error(err.Error())
	}
	return code
}

// newLogger returns the log for people: one line an event, on standard error.
func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: logLevel()}))
}

// logLevel is info, or what the environment variable LOGLEVEL of the Singer SDK says.
func logLevel() slog.Level {
	var level slog.Level
	for _, name := range []string{envPrefix + "LOGLEVEL", "LOGLEVEL"} {
		if text, ok := os.LookupEnv(name); ok && level.UnmarshalText([]byte(strings.Replace(text, "WARNING", "WARN", 1))) == nil {
			return level
		}
	}
	return slog.LevelInfo
}

func (p *program) dispatch(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-h" && args[0] != "--help" {
		return p.singer(ctx, args)
	}
	var cmd commands
	helped := false
	parser, err := kong.New(&cmd, kong.Name("tap-greenhouse"), kong.Description(description),
		kong.Writers(p.Out, p.Err), kong.Exit(func(int) { helped = true }))
	if err != nil {
		return exitNothingRead, err
	}
	call, err := parser.Parse(args)
	switch {
	case helped:
		return exitOK, nil
	case err != nil:
		return exitNothingRead, usage(err)
	}
	switch call.Command() {
	case "spec":
		return p.spec()
	case "check":
		return p.check(ctx, cmd.Check)
	case "discover":
		return p.airbyteDiscover(ctx, cmd.Discover)
	case "read":
		return p.read(ctx, cmd.Read)
	case "scopes":
		return p.scopes(ctx, cmd.Scopes)
	case "privacy":
		return p.privacy(cmd.Privacy)
	case "demo":
		return p.demo(ctx, cmd.Demo)
	case "sandbox":
		return p.sandbox(ctx, cmd.Sandbox)
	default:
		return p.version()
	}
}

const description = "Reads Greenhouse (Harvest v3) and speaks Singer and Airbyte. " +
	"Without a command it is a Singer tap: tap-greenhouse --config FILE [--catalog FILE] [--state FILE]; see tap-greenhouse --about."

func usage(err error) error {
	return tap.Errorf(tap.BadInput, "command line", "%w", err).WithHint("tap-greenhouse --help tells what there is")
}

func (p *program) version() (int, error) {
	_, err := fmt.Fprintln(p.Out, "tap-greenhouse v"+Version())
	return exitOK, err
}

// Version is the version of the program: the one it was released under, or that of its module.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "0.0.0-dev"
}

// version is set by the linker in a release.
var version string
