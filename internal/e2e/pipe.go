package e2e

// ShellLoader is a loader as a shell script: it appends messages to the file $0, and echoes STATE
// messages.
const ShellLoader = `tee -a "$0" | grep --line-buffered '"type":"STATE"'`

// Into returns the arguments of a pipe into a shell script.
func Into(config, state, script string, args ...string) []string {
	return append([]string{"pipe", "--config", config, "--state", state, "--", "sh", "-c", script},
		args...)
}
