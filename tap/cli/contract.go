package cli

import (
	"context"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

type contractFlags struct {
	Config  string `help:"Config file. Default: the environment." placeholder:"FILE"`
	Catalog string `help:"Catalog file: what is read. Default: the streams selected by default." placeholder:"FILE"`
	State   string `help:"State file of the last run: adds what runs have learnt." placeholder:"FILE"`
}

// contract prints the agreed schema.
func (p *program) contract(ctx context.Context, flags contractFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	read, err := p.readOf(cfg, inputs{catalog: flags.Catalog, state: flags.State})
	if err != nil {
		return greenhouse.ExitCode(err, false), err
	}
	account := p.open(cfg, nil)
	defer account.Close()
	out, err := account.Contract(ctx, read)
	if err == nil {
		_, err = p.Out.Write(out)
	}
	return greenhouse.ExitCode(err, false), err
}
