package cli

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// Set by the linker in a release, which is built from a copy without its history.
var version, commit, date string

func (p *program) version() error {
	_, err := fmt.Fprintln(p.Out, "tap-greenhouse v"+Version()+origin())
	return err
}

// Version returns the version of the program: that of its release, or of its module.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "0.0.0-dev"
}

// origin returns the commit that the program was built from, and its date, as far as they are
// known: " (commit 0123456789ab, 2026-01-31T08:15:30Z)".
func origin() string {
	at, when, changed := commit, date, ""
	if info, ok := debug.ReadBuildInfo(); ok && at == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				at = s.Value
			case "vcs.time":
				when = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					changed = ", with changes"
				}
			}
		}
	}
	if at == "" {
		return ""
	}
	return fmt.Sprintf(" (commit %.12s%s, %s)", at, changed, when)
}
