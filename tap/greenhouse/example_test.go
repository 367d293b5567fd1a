package greenhouse_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
	"github.com/tap-greenhouse/tap-greenhouse/tap/sandbox"
)

// settings is the config of a sandbox, which replaces Greenhouse here. A real config has client_id
// and client_secret, and no addresses.
func settings(more map[string]any) (*config.Config, func()) {
	server, err := sandbox.New(sandbox.Options{Candidates: 60, Limit: -1})
	if err != nil {
		panic(err)
	}
	if err := server.Start("127.0.0.1:0"); err != nil {
		panic(err)
	}
	members := server.Config()
	for k, v := range more {
		members[k] = v
	}
	cfg, err := config.From(members)
	if err != nil {
		panic(err)
	}
	return cfg, func() { _ = server.Close() }
}

// A program reads some streams, keeps the last state, and continues from there.
func Example() {
	cfg, done := settings(map[string]any{"streams": []string{"jobs", "offers"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()

	var state []byte // kept between runs, in a file or a database
	for range 2 {
		run, err := account.Prepare(context.Background(), greenhouse.Read{State: state})
		if err != nil {
			panic(err)
		}
		rows := 0
		result, err := run.Do(context.Background(),
			greenhouse.Messages(func(m greenhouse.Message) error {
				switch m.Type {
				case "RECORD":
					rows++
				case "STATE":
					state = m.State
				}
				return nil
			}))
		if err != nil {
			panic(err)
		}
		fmt.Println(rows, "rows:", result.Outcome)
	}
	// Output:
	// 27 rows: 2 streams are complete, with 27 records.
	// 0 rows: 2 streams are complete, with 0 records.
}

// Without a callback, the messages go where a loader reads them.
func ExampleRun_Do() {
	cfg, done := settings(map[string]any{"streams": []string{"jobs"}})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	run, err := account.Prepare(context.Background(), greenhouse.Read{})
	if err != nil {
		panic(err)
	}
	var loader bytes.Buffer
	result, err := run.Do(context.Background(), &loader)
	if err != nil {
		panic(err)
	}
	fmt.Println(bytes.Count(loader.Bytes(), []byte(`{"type":"RECORD"`)), "records, exit code",
		result.ExitCode)
	// Output: 9 records, exit code 0
}

// The credential is tried before an account is added.
func ExampleAccount_Check() {
	cfg, done := settings(map[string]any{"client_secret": "not the right one"})
	defer done()
	account := greenhouse.Open(cfg, greenhouse.Options{})
	defer account.Close()
	err := account.Check(context.Background())
	fmt.Println(greenhouse.ExitCode(err, false) == greenhouse.ExitNothingRead)
	// Output: true
}
