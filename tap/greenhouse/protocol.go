package greenhouse

import (
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// Protocol is the words in which catalog, messages and state are said: [Singer] or [Airbyte].
type Protocol struct {
	name         string
	voice        func() tap.Voice
	catalog      func([]tap.Discovered) ([]byte, error)
	parseCatalog func([]byte, tap.Lookup) ([]*tap.Choice, error)
	parseState   func([]byte, tap.Lookup) (*tap.State, error)
	deletedAt    string // the column that tells when a row was found gone
	// platform tells that a person chose each stream, so that one that may not be read has failed,
	// and that a full read replaces the whole table.
	platform bool
}

// Singer is the protocol of Singer taps and targets.
var Singer = &Protocol{
	name: "singer", voice: func() tap.Voice { return &singer.Voice{} }, catalog: singer.Catalog,
	parseCatalog: singer.ParseCatalog, parseState: singer.ParseState, deletedAt: singer.DeletedAt,
}

// Airbyte is the protocol of Airbyte sources.
var Airbyte = &Protocol{
	name: "airbyte", voice: func() tap.Voice { return &airbyte.Voice{} },
	catalog:      func(streams []tap.Discovered) ([]byte, error) { return airbyte.AppendCatalog(nil, streams), nil },
	parseCatalog: airbyte.ParseCatalog, parseState: airbyte.ParseState, deletedAt: airbyte.DeletedAt, platform: true,
}
