// Package greenhouse reads one Greenhouse account for a Go program: config and state in, messages
// and state out. It connects all other packages; the command line is built on it.
//
//	cfg, err := config.From(map[string]any{
//		"client_id": id, "client_secret": secret, "streams": []string{"jobs", "offers"},
//	})
//	if err != nil {
//		return err
//	}
//	account := greenhouse.Open(cfg, greenhouse.Options{})
//	defer account.Close()
//	run, err := account.Prepare(ctx, greenhouse.Read{State: state})
//	if err != nil {
//		return err
//	}
//	report, err := run.Do(ctx, greenhouse.Messages(func(m greenhouse.Message) error {
//		switch m.Type {
//		case "RECORD":
//			fmt.Println(m.Stream, string(m.Record))
//		case "STATE":
//			state = m.State // keep it once the records before it are safe
//		}
//		return nil
//	}))
//	if err != nil {
//		return err
//	}
//	fmt.Println(report.Outcome)
//
// # What is promised
//
// Other programs may rely on the exported names of this package, of
// [github.com/tap-greenhouse/tap-greenhouse/tap/config], and on what their functions take and
// return: streams ([schemas.Load]), the report of a run ([tap.Report]), the kinds of errors
// ([tap.KindOf]), the answers of [Account.Reach] ([rights.Reach]). They change only in a new major
// version. Everything else may change at any time.
//
// An [Account] has its own request limit, so do not read the same account twice at the same time;
// any number of different accounts may be read concurrently.
//
// Stores in S3 work in programs that import
// [github.com/tap-greenhouse/tap-greenhouse/tap/store/s3], as the command line does.
package greenhouse
