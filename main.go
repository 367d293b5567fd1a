// Command tap-greenhouse reads Greenhouse, and speaks Singer and Airbyte on standard output. See
// README.md.
package main

import (
	"os"

	"github.com/tap-greenhouse/tap-greenhouse/tap/cli"
)

func main() {
	ctx, stop := cli.Signals()
	code := cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
