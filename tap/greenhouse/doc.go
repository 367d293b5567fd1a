// Package greenhouse reads one Greenhouse account for a Go program: config and state in, messages
// and state out. It connects all other packages; the command line is built on it.
//
//	func sync(ctx context.Context, state []byte, out io.Writer) (*tap.Report, error) {
//		cfg, err := config.Read(config.Input{File: "config.json"})
//		if err != nil {
//			return nil, err
//		}
//		account := greenhouse.Open(cfg, greenhouse.Options{})
//		defer account.Close()
//		run, err := account.Prepare(ctx, greenhouse.Read{State: state})
//		if err != nil {
//			return nil, err
//		}
//		return run.Do(ctx, out)
//	}
//
// [Messages] makes a writer of a function that is given each message.
//
// Other programs may rely on this package, on
// [github.com/tap-greenhouse/tap-greenhouse/tap/config], and on the report of a run that [Run.Do]
// returns: their exported names change only in a new major version. An [Account] has its own
// request limit, so do not read the same account twice at the same time; any number of different
// accounts may be read concurrently.
package greenhouse
