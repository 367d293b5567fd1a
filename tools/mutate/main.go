// Command mutate changes one place of the code at a time and reports whether the package's own
// tests notice. It prints the mutants that survived and a score for each package. A seed determines
// the choice of mutants; without one, the current commit does, so that each commit is tried with
// others.
//
//	go -C tools run ./mutate [-n 20] [-seed 1] [-for 1m] [-least 85] PACKAGE...
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// options say how many mutants of a package are tried, and which.
type options struct {
	n     int           // mutants of each package
	seed  uint64        // of the choice
	bound time.Duration // for each package; 0 for no bound
}

func main() {
	n := flag.Int("n", 20, "mutants of each package")
	seed := flag.Uint64("seed", 0, "seed of the choice; 0 to take it from the current commit")
	least := flag.Int("least", 0, "fail where fewer percent of all mutants are noticed")
	bound := flag.Duration("for", 0,
		"time for each package; fewer mutants are tried where it is up; 0 for no bound")
	root := flag.String("root", "..", "the repository's folder, in which the packages are")
	flag.Parse()
	o := options{n: *n, seed: *seed, bound: *bound}
	err := os.Chdir(*root)
	if err == nil {
		err = run(o, *least, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tries the packages. It judges all of them together, because the twenty mutants of one package
// are too few for that.
func run(o options, least int, packages []string) error {
	var err error
	if o.seed == 0 {
		if o.seed, err = commit(); err != nil {
			return err
		}
	}
	fmt.Printf("mutants with -seed %d\n", o.seed)
	var all score
	for _, pkg := range packages {
		s, err := try(pkg, o)
		if err != nil {
			return err
		}
		all.noticed, all.tried = all.noticed+s.noticed, all.tried+s.tried
		fmt.Printf("%s: %s\n", pkg, s)
	}
	fmt.Printf("all packages: %s\n", all)
	if all.percent() < least {
		return fmt.Errorf("fewer than %d%% of the mutants were noticed", least)
	}
	return nil
}

// commit returns a seed from the current commit.
func commit() (uint64, error) {
	out, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return 0, fmt.Errorf("reading the current commit, for a seed: %w; give one with -seed", err)
	}
	return strconv.ParseUint(strings.TrimSpace(string(out))[:12], 16, 64)
}

// score counts mutants.
type score struct{ noticed, tried int }

func (s score) percent() int { return 100 * s.noticed / max(1, s.tried) }

func (s score) String() string {
	return fmt.Sprintf("%d of %d mutants were noticed (%d%%)", s.noticed, s.tried, s.percent())
}
