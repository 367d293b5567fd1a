package cli

import (
	"context"

	"github.com/alecthomas/kong"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/rights"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// singer is the call without a command.
func (p *program) singer(ctx context.Context, args []string) (int, error) {
	var flags singerFlags
	parser, err := kong.New(&flags, kong.Name("tap-greenhouse"), kong.Writers(p.Out, p.Err), kong.Exit(func(int) {}))
	if err != nil {
		return exitNothingRead, err
	}
	if _, err := parser.Parse(bareTest(args)); err != nil {
		return exitNothingRead, usage(err)
	}
	switch {
	case flags.Version:
		return p.version()
	case flags.About:
		return p.about(flags.Format)
	case flags.Discover:
		return p.singerDiscover(ctx, flags)
	case flags.Config == "" && !p.configured():
		return exitNothingRead, tap.Errorf(tap.BadInput, "command line", "--config is missing").WithHint("tap-greenhouse --help tells what there is, tap-greenhouse demo shows it at work")
	}
	return p.singerSync(ctx, flags)
}

// bareTest gives --test, which taps take with and without a value, the value that it has without.
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

// configured tells whether the environment alone makes a config.
func (p *program) configured() bool {
	for _, key := range []string{"CLIENT_ID", "API_KEY"} {
		if v, ok := p.getenv(config.EnvPrefix + key); ok && v != "" {
			return true
		}
	}
	return false
}

func (p *program) input(file string) config.Input {
	return config.Input{File: file, Stdin: p.In, Env: p.getenv}
}

// config reads the config and says in the log what is odd about it.
func (p *program) config(file string) (*config.Config, error) {
	cfg, err := config.Read(p.input(file))
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		p.log.Warn(w)
	}
	return cfg, nil
}

func (p *program) singerDiscover(ctx context.Context, flags singerFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return exitCode(err, false), err
	}
	streams, err := schemas.Load()
	if err != nil {
		return exitIncomplete, err
	}
	client := clientOf(cfg, p, nil, nil)
	defer client.Close()
	reach := map[string]rights.Reach{}
	if flags.Probe {
		if reach, err = probe(ctx, cfg, client, streams); err != nil {
			return exitCode(err, false), err
		}
	}
	columns, err := p.columns(ctx, cfg, client)
	if err != nil {
		return exitCode(err, false), err
	}
	var discovered []singer.Discovered
	for _, s := range streams {
		shape, err := shapeOf(s, columns, cfg, singer.DeletedAt)
		if err != nil {
			return exitIncomplete, err
		}
		discovered = append(discovered, singer.Discovered{Stream: s, Shape: shape, OutOfReach: reach[s.Name].Missing()})
	}
	out, err := singer.Catalog(discovered)
	if err == nil {
		_, err = p.Out.Write(out)
	}
	return exitCode(err, false), err
}

func (p *program) singerSync(ctx context.Context, flags singerFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err == nil {
		err = cfg.CheckCredential()
	}
	if err != nil {
		return exitCode(err, false), err
	}
	job := &job{program: p, cfg: cfg, voice: &singer.Voice{}, sample: flags.Test != "", report: flags.Report, acceptDeletes: flags.AcceptDeletes}
	defer job.close()
	var parse catalogParser
	file := flags.Catalog + flags.Properties
	if file != "" {
		parse = singer.ParseCatalog
	}
	if err := job.prepare(ctx, file, parse, flags.State, singer.ParseState); err != nil {
		return exitCode(err, false), err
	}
	if len(job.selections) == 0 {
		return exitNothingRead, tap.Errorf(tap.BadInput, "catalog "+file, "it selects no stream").WithHint("set \"selected\": true in the metadata of the streams to read")
	}
	if flags.Test == "schema" {
		return exitOK, job.schemas()
	}
	return job.run(ctx, p.Out)
}

// catalogParser reads a catalog in the form of a protocol.
type catalogParser func(data []byte, lookup func(string) (*tap.Stream, *record.Shape, error)) ([]*tap.Selection, error)

// stateParser reads a state in the form of a protocol.
type stateParser func(data []byte, lookup func(string) *tap.Stream) (*tap.State, error)

// schemas prints the schema of each selected stream, as --test=schema does.
func (j *job) schemas() error {
	for _, sel := range j.selections {
		if _, err := j.Out.Write(j.voice.Schema(nil, sel, sel.Shape)); err != nil {
			return err
		}
	}
	return nil
}
