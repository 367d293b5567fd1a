package greenhouse_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// What a loader writes is kept only if the next run can start from it.
func TestOnlyAStateIsAState(t *testing.T) {
	state := `{"bookmarks":{"users":{"replication_key":"updated_at","replication_key_value":"2026-01-31T08:15:30Z"}}}`
	for line, want := range map[string]string{
		state:                                    state,
		state + "\r\n":                           state,
		"  " + state:                             state,
		state + state:                            "",
		state[:50]:                               "",
		"INFO " + state:                          "",
		`{"type":"STATE","value":` + state + `}`: state,
		`{"type":"STATE","value":{}}`:            "",
		`{"type":"RECORD","stream":"users","record":{"id":1}}`:                              "",
		`{"bookmarks":{"a_stream_of_another_tap":{"any":"thing"}},"currently_syncing":"x"}`: `{"bookmarks":{"a_stream_of_another_tap":{"any":"thing"}},"currently_syncing":"x"}`,
		`{"bookmarks":{"users":{"replication_key_value":"yesterday"}}}`:                     "",
		`{"bookmarks":{"users":"2026-01-31"}}`:                                              "",
		`{"bookmarks":{"users":{}}}`:                                                        "",
		`{"bookmarks":{"users":null}}`:                                                      "",
		`{"bookmarks":{}}`:                                                                  "",
		`{"bookmarks":[]}`:                                                                  "",
		`{"level":"info","message":"flushed"}`:                                              "",
		`{}`:                                                                                "",
		`[]`:                                                                                "",
		`null`:                                                                              "",
		``:                                                                                  "",
		"\n":                                                                                "",
	} {
		assert.Equal(t, want, string(greenhouse.EchoedState([]byte(line))), line)
	}
}
