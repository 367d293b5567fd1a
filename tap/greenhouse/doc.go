// Package greenhouse reads one Greenhouse account for a Go program: config and state in, messages
// and state out. It connects all other packages; the command line is built on it.
//
//	cfg, err := config.Read(config.Input{File: "config.json"})
//	account := greenhouse.Open(cfg, greenhouse.Options{})
//	defer account.Close()
//	run, err := account.Prepare(ctx, greenhouse.Read{State: state})
//	result, err := run.Do(ctx, greenhouse.Messages(func(m greenhouse.Message) error { ... }))
//
// Other programs may rely on this package, on
// [github.com/tap-greenhouse/tap-greenhouse/tap/config], and on the report of a run that [Run.Do]
// returns: their exported names change only in a new major version. An [Account] has its own
// request limit, so do not read the same account twice at the same time; any number of different
// accounts may be read concurrently.
package greenhouse
