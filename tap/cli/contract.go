package cli

import (
	"context"
)

type contractFlags struct {
	Config  string `help:"Config file. Default: the environment." placeholder:"FILE"`
	Catalog string `help:"Catalog file: what is read. Default: the streams selected by default." placeholder:"FILE"`
	State   string `help:"State file of the last run: adds what runs have learnt." placeholder:"FILE"`
}

// contract prints the agreed schema.
func (p *program) contract(ctx context.Context, flags contractFlags) error {
	cfg, err := p.config(flags.Config)
	if err != nil {
		return err
	}
	read, err := p.readOf(cfg, inputs{catalog: flags.Catalog, state: flags.State})
	if err != nil {
		return err
	}
	account := p.open(cfg, nil)
	defer account.Close()
	out, err := account.Contract(ctx, read)
	if err == nil {
		_, err = p.Out.Write(out)
	}
	return err
}
