package greenhouse

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap/singer"
)

// EchoedState returns the state in a line that a loader wrote: a state, or a whole STATE message.
// It returns nil for any other line, such as one of a log, and for a state that says nothing: it
// would have the next run read everything.
func EchoedState(line []byte) []byte {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' {
		return nil
	}
	var message struct {
		Type  string         `json:"type"`
		Value jsontext.Value `json:"value"`
	}
	if json.Unmarshal(line, &message) == nil && message.Type == "STATE" {
		line = message.Value
	}
	var state struct {
		Bookmarks map[string]map[string]jsontext.Value `json:"bookmarks"`
	}
	if json.Unmarshal(line, &state) != nil {
		return nil
	}
	says := false
	for _, bookmark := range state.Bookmarks {
		says = says || len(bookmark) > 0
	}
	if !says {
		return nil
	}
	if _, err := singer.ParseState(line, lookupOf()); err != nil {
		return nil
	}
	return line
}
