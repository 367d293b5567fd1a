package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionFlags struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// completion prints a script that completes commands and flags, made from the command line's model.
func (p *program) completion(flags completionFlags, model *kong.Application) error {
	singer, err := kong.New(&singerFlags{}, kong.Name(tapName))
	if err != nil {
		return err
	}
	byCommand := map[string][]string{"": append(flagNames(singer.Model.Node), logFlags...)}
	var names []string
	for _, c := range model.Children {
		if c.Type == kong.CommandNode {
			names = append(names, c.Name)
			byCommand[c.Name] = append(flagNames(c), logFlags...)
		}
	}
	byCommand["completion"] = append(byCommand["completion"], "bash", "zsh", "fish")
	write := map[string]func([]string, map[string][]string) string{
		"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion,
	}[flags.Shell]
	_, err = fmt.Fprint(p.Out, write(names, byCommand))
	return err
}

func flagNames(n *kong.Node) []string {
	var names []string
	for _, f := range n.Flags {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	return names
}

// cases lists the words that may follow each command, as cases of a shell script.
func cases(commands []string, words map[string][]string) string {
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "    %s) words=%q ;;\n", c, strings.Join(words[c], " "))
	}
	return b.String()
}

func bashCompletion(commands []string, words map[string][]string) string {
	return `# Completion of tap-greenhouse for bash: source <(tap-greenhouse completion bash)
_tap_greenhouse() {
  local words
  case "${COMP_WORDS[1]}" in
` + cases(commands, words) + fmt.Sprintf("    *) words=%q ;;\n", strings.Join(append(append([]string{}, commands...), words[""]...), " ")) + `  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
  if [ ${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")); fi
}
complete -o filenames -F _tap_greenhouse tap-greenhouse
`
}

func zshCompletion(commands []string, words map[string][]string) string {
	var b strings.Builder
	b.WriteString("#compdef tap-greenhouse\n# Completion of tap-greenhouse for zsh: put it as _tap-greenhouse into a folder of your fpath.\n" +
		"_tap_greenhouse() {\n  local -a options\n  case \"${words[2]}\" in\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "    %s) options=(%s) ;;\n", c, strings.Join(words[c], " "))
	}
	fmt.Fprintf(&b, "    *) options=(%s %s) ;;\n  esac\n  compadd -- $options\n  _files\n}\ncompdef _tap_greenhouse tap-greenhouse\n",
		strings.Join(commands, " "), strings.Join(words[""], " "))
	return b.String()
}

func fishCompletion(commands []string, words map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Completion of tap-greenhouse for fish: tap-greenhouse completion fish | source\n")
	fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -a %q\n", tapName,
		strings.Join(commands, " "))
	for _, w := range words[""] {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -l %s\n", tapName,
			strings.TrimPrefix(w, "--"))
	}
	for _, c := range commands {
		for _, w := range words[c] {
			if flag, ok := strings.CutPrefix(w, "--"); ok {
				fmt.Fprintf(&b, "complete -c %s -n '__fish_seen_subcommand_from %s' -l %s\n",
					tapName, c, flag)
			} else {
				fmt.Fprintf(&b, "complete -c %s -n '__fish_seen_subcommand_from %s' -a %s\n",
					tapName, c, w)
			}
		}
	}
	return b.String()
}
