// Package greenhouse reads one Greenhouse account for a Go program: config and state go in,
// messages and state come out. It ties all other parts together; the command line is made of it.
//
//	cfg, err := config.Read(config.Input{File: "config.json"})
//	account, err := greenhouse.Open(cfg, greenhouse.Options{})
//	run, err := account.Prepare(ctx, greenhouse.Read{State: state})
//	result, err := run.Do(ctx, greenhouse.Messages(func(m greenhouse.Message) error { ... }))
//
// This package, [github.com/tap-greenhouse/tap-greenhouse/tap/config] and the account of a run that
// [Run.Do] returns are what other programs may rely on: their exported names change in a new major
// version only. An [Account] is bounded by its own request limit, so no two runs should read the
// same account at once; any number of accounts may be read side by side.
package greenhouse
