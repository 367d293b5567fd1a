package cli

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

func (p *program) input(file string) config.Input {
	return config.Input{File: file, Stdin: p.In, Env: p.getenv}
}

// config reads the config and logs its warnings.
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

// runConfig reads the config of a run, whose credential must be complete.
func (p *program) runConfig(file string) (*config.Config, error) {
	cfg, err := p.config(file)
	if err != nil {
		return nil, err
	}
	return cfg, cfg.CheckCredential(false)
}

// open returns the account of a config.
func (p *program) open(cfg *config.Config, keepToken func(string) error) *greenhouse.Account {
	return greenhouse.Open(cfg, p.options(keepToken))
}

func (p *program) options(keepToken func(string) error) greenhouse.Options {
	return greenhouse.Options{Version: Version(), Log: p.log, KeepToken: keepToken}
}

// inputs are the files of a run beside its config; empty names for none.
type inputs struct{ catalog, state, contract string }

// readOf reads the files of a run.
func (p *program) readOf(cfg *config.Config, in inputs) (greenhouse.Read, error) {
	read := greenhouse.Read{
		CatalogName: in.catalog, StateName: in.state, ContractName: in.contract,
	}
	for _, f := range []struct {
		op, name string
		into     *[]byte
		missing  string // what to do if there is no such file
	}{
		{"catalog ", in.catalog, &read.Catalog, "--discover prints one"},
		{"state ", in.state, &read.State, "leave it out in the first run"},
		{"contract ", in.contract, &read.Contract, "tap-greenhouse contract prints one"},
	} {
		if f.name == "" {
			continue
		}
		data, err := p.input(cfg.File).ReadFile(f.name)
		if err != nil {
			e := &tap.Error{Kind: tap.BadInput, Op: f.op + f.name, Err: err}
			if errors.Is(err, fs.ErrNotExist) {
				e.Hint = f.missing
			}
			return read, e
		}
		*f.into = append([]byte{}, data...) // an empty file differs from no file
	}
	return read, nil
}

// prepare opens the account of a config and prepares a run. The caller closes the account.
func (p *program) prepare(
	ctx context.Context, cfg *config.Config, read greenhouse.Read, keepToken func(string) error,
) (*greenhouse.Account, *greenhouse.Run, error) {
	account := p.open(cfg, keepToken)
	run, err := account.Prepare(ctx, read)
	if err != nil {
		account.Close()
		return nil, nil, err
	}
	return account, run, nil
}
