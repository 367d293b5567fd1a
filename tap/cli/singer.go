package cli

import (
	"context"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// singer is a call without a command.
func (p *program) singer(ctx context.Context, args []string) error {
	var flags singerFlags
	parser, err := kong.New(&flags, kong.Name("tap-greenhouse"), kong.Writers(p.Out, p.Err),
		kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(bareTest(args)); err != nil {
		return usage(err)
	}
	switch {
	case flags.Version:
		return p.version()
	case flags.About:
		return p.about(flags.Format)
	case flags.Discover:
		return p.singerDiscover(ctx, flags)
	case flags.Config == "" && !p.configured():
		if len(args) == 0 {
			fmt.Fprint(p.Err, helpText)
		}
		return errNoConfig()
	}
	return p.singerSync(ctx, flags)
}

func errNoConfig() error {
	return tap.Errorf(tap.BadInput, "command line", "--config is missing").
		WithHint("see tap-greenhouse --help, or try tap-greenhouse demo")
}

// bareTest gives --test its default value; taps accept it with and without a value.
func bareTest(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--test" {
			a = "--test=records"
			if i+1 < len(args) && (args[i+1] == "schema" || args[i+1] == "records") {
				i++
				a = "--test=" + args[i]
			}
		}
		out = append(out, a)
	}
	return out
}

// configured reports whether the environment contains a config.
func (p *program) configured() bool {
	return p.variable("client_id") != "" || p.variable("api_key") != ""
}

func (p *program) singerDiscover(ctx context.Context, flags singerFlags) error {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return err
	}
	tuneGC(catalogGC)
	account := p.open(cfg, nil)
	defer account.Close()
	out, err := account.Discover(ctx, greenhouse.Singer, flags.Probe)
	if err == nil {
		_, err = p.Out.Write(out)
	}
	return err
}

func (p *program) singerSync(ctx context.Context, flags singerFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	account, run, err := p.prepareSinger(ctx, flags)
	if err != nil {
		p.reportFailure(flags.reportFlags, greenhouse.Singer, err)
		return err
	}
	defer account.Close()
	if flags.Test == "schema" {
		schemas, err := run.Schemas()
		if _, werr := p.Out.Write(schemas); werr != nil {
			err = werr
		}
		return err
	}
	return p.run(ctx, run, toStdout(p.Out), flags.reportFlags)
}

// prepareSinger reads config, catalog and state. The caller closes the account.
func (p *program) prepareSinger(
	ctx context.Context, flags singerFlags,
) (*greenhouse.Account, *greenhouse.Run, error) {
	cfg, err := p.runConfig(flags.Config)
	if err != nil {
		return nil, nil, err
	}
	read, err := p.readOf(cfg, inputs{flags.Catalog + flags.Properties, flags.State, flags.Contract})
	if err != nil {
		return nil, nil, err
	}
	flags.apply(&read)
	read.Sample, read.Refresh = flags.Test != "", flags.Refresh
	return p.prepare(ctx, cfg, read, nil)
}
