package privacy

import (
	"slices"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Exclude returns the policy that drops the columns with these names and keeps all others, also
// unknown ones. Nil stands for no names.
func Exclude(names []string, streams []*tap.Stream) (*Policy, error) {
	if len(names) == 0 {
		return nil, nil //nolint:nilnil // nothing is a policy of its own: all is kept
	}
	p := &Policy{
		key: "exclude", protects: (*tap.Stream).Automatic,
		protection: "the key and the bookmark cannot be excluded",
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		p.rules = append(p.rules, rule{name, record.Drop})
	}
	return p, p.check(streams)
}
