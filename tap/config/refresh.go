package config

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
)

// refreshRule says how recent the last complete read of some streams must be for them to be left
// alone.
type refreshRule struct {
	pattern string
	every   time.Duration
}

// refreshRules has the most specific rule first.
type refreshRules []refreshRule

func parseRefresh(every map[string]string) (refreshRules, error) {
	var rules refreshRules
	for _, pattern := range slices.Sorted(maps.Keys(every)) {
		if _, err := schemas.Match([]string{pattern}); err != nil {
			return nil, err
		}
		d, err := parseDuration(every[pattern])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		rules = append(rules, refreshRule{pattern, d})
	}
	slices.SortStableFunc(rules, func(a, b refreshRule) int {
		return cmp.Compare(b.specificity(), a.specificity())
	})
	return rules, nil
}

// specificity orders rules: names before globs, and longer globs before shorter ones.
func (r refreshRule) specificity() int {
	if !strings.ContainsAny(r.pattern, "*?[") {
		return math.MaxInt
	}
	return len(r.pattern)
}

// Of returns how recent the last complete read of a stream must be for it to be left alone; 0 for
// never.
func (rules refreshRules) Of(stream string) time.Duration {
	for _, r := range rules {
		if ok, err := path.Match(r.pattern, stream); err == nil && ok {
			return r.every
		}
	}
	return 0
}
