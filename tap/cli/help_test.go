package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The help on the whole program is written by hand. It names every command,
// every flag of a Singer call but those that only few need, and no other.
func TestHelpAndFlagsAreTheSame(t *testing.T) {
	commands, err := kong.New(&commands{}, kong.Name(tapName))
	require.NoError(t, err)
	_, list, _ := strings.Cut(helpText, "Commands:")
	for _, c := range commands.Model.Children {
		if c.Name != "version" { // --version stands above
			assert.Regexp(t, `\b`+c.Name+`\b`, list, "the help lacks a command")
		}
	}
	singer, err := kong.New(&singerFlags{}, kong.Name(tapName))
	require.NoError(t, err)
	flags := append(flagNames(singer.Model.Node), logFlags...)
	_, call, _ := strings.Cut(helpText, "Singer:")
	call, _, _ = strings.Cut(call, "Commands:")
	named := regexp.MustCompile(`--[a-z-]+`).FindAllString(call, -1)
	assert.Subset(t, flags, named, "the help names a flag that does not exist")
	few := []string{
		"--help", "--properties", "--accept-deletes", "--accept-organization", "--contract",
	}
	named = append(named, few...)
	assert.Subset(t, named, flags, "a flag is neither in the help nor one that only few need")
}
