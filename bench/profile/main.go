// Command profile runs tap-greenhouse with its arguments, except for the first, which names a file
// for the CPU profile: bench/pgo makes packaging/default.pgo from it.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

func main() {
	f, err := os.Create(os.Args[1])
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := cli.Run(context.Background(), os.Args[2:],
		cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	pprof.StopCPUProfile()
	_ = f.Close() // a truncated profile does not load
	os.Exit(code)
}
