package cli

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// logFlags are the flags that every call has. They are taken out of the arguments before those are
// parsed, so that whatever is wrong with the rest is logged as they say.
var logFlags = []string{"--log-format", "--log-level"}

// takeLogFlags takes the flags of the log out of the arguments, up to those of a loader, and makes
// the log.
func (p *program) takeLogFlags(args []string) (rest []string, err error) {
	said := map[string]string{}
	said["--log-format"], _ = p.getenv(config.EnvPrefix + "LOG_FORMAT")
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			rest = append(rest, args[i:]...)
			break
		}
		name, value, ok := strings.Cut(args[i], "=")
		switch {
		case !slices.Contains(logFlags, name):
			rest = append(rest, args[i])
		case ok:
			said[name] = value
		case i+1 < len(args):
			i++
			said[name] = args[i]
		default:
			rest = append(rest, args[i]) // the parser says that its value is missing
		}
	}
	level, err := parseLevel(said["--log-level"])
	p.level = level
	switch format := said["--log-format"]; format {
	case "", "text", "json":
		p.newLog(format)
	default:
		p.newLog("text")
		err = fmt.Errorf("--log-format must be text or json, not %q", format)
	}
	if err != nil {
		return nil, usage(err)
	}
	return rest, nil
}

// parseLevel reads a level of the log; without one, it is that of the environment.
func parseLevel(text string) (slog.Level, error) {
	switch strings.ToLower(text) {
	case "":
		return environmentLevel(), nil
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warning", "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return environmentLevel(),
		fmt.Errorf("--log-level must be debug, info, warning or error, not %q", text)
}

// environmentLevel is info, or the Singer SDK's environment variable LOGLEVEL.
func environmentLevel() slog.Level {
	var level slog.Level
	for _, name := range []string{config.EnvPrefix + "LOGLEVEL", "LOGLEVEL"} {
		if text, ok := os.LookupEnv(name); ok &&
			level.UnmarshalText([]byte(strings.Replace(text, "WARNING", "WARN", 1))) == nil {
			return level
		}
	}
	return slog.LevelInfo
}

// newLog makes the log on standard error, one event per line: for people, or as JSON in Meltano's
// format. At a terminal it has sentences.
func (p *program) newLog(format string) {
	if format == "json" {
		p.log = slog.New(newJSONLog(p.Err, p.level))
		return
	}
	p.person = &personLog{lineWriter: lineWriter{w: p.Err}, terminal: isTerminal(p.Err)}
	p.person.level.Set(p.level)
	p.log = slog.New(p.person.handler())
}
