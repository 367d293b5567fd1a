package greenhouse

import (
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// Protocol is the format of catalog, messages and state: [Singer] or [Airbyte].
type Protocol struct {
	name         string
	voice        func() tap.Voice
	catalog      func([]tap.Discovered) ([]byte, error)
	parseCatalog func([]byte, tap.Lookup) ([]*tap.Choice, error)
	parseState   func([]byte, tap.Lookup) (*tap.State, error)
	deletedAt    string // the column with the time at which a row was found gone
	// platform means that a user selected each stream, so that an unreadable one has failed, and
	// that a full read replaces the whole table.
	platform bool
}

// Singer is the protocol of Singer taps and targets.
var Singer = &Protocol{
	name: "singer", voice: func() tap.Voice { return &singer.Voice{} }, catalog: singer.Catalog,
	parseCatalog: singer.ParseCatalog, parseState: singerState, deletedAt: singer.DeletedAt,
}

// singerState reads a Singer state, or one of Airbyte.
func singerState(data []byte, lookup tap.Lookup) (*tap.State, error) {
	if airbyte.IsState(data) {
		return airbyte.ParseState(data, lookup)
	}
	return singer.ParseState(data, lookup)
}

// Airbyte is the protocol of Airbyte sources.
var Airbyte = &Protocol{
	name: "airbyte", voice: func() tap.Voice { return &airbyte.Voice{} },
	catalog: func(streams []tap.Discovered) ([]byte, error) {
		return airbyte.AppendCatalog(nil, streams), nil
	},
	parseCatalog: airbyte.ParseCatalog, parseState: airbyte.ParseState,
	deletedAt: airbyte.DeletedAt, platform: true,
}
