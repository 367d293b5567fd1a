package record_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// A member of an unexpected type is left out; the others are read.
func TestOneOddMemberLeavesTheOthers(t *testing.T) {
	type row struct {
		Name   string `json:"name"`
		URL    string `json:"url"`
		Active *bool  `json:"active"`
		Hidden bool   `json:"hidden"`
	}
	yes := true
	for _, odd := range []string{"12", "null", "true", `["x"]`, `{"a":{"b":[1]}}`} {
		var r row
		text := `{"url":` + odd + `,"name":"a","name":"b","hidden":true,"active":true}`
		require.NoError(t, json.Unmarshal([]byte(text), &r, record.Tolerant))
		assert.Equal(t, row{Name: "b", Active: &yes, Hidden: true}, r)
	}
	for _, odd := range []string{"12", "null", `"yes"`, "[true]", "{}"} {
		var r row
		text := `{"active":` + odd + `,"hidden":` + odd + `,"name":"a"}`
		require.NoError(t, json.Unmarshal([]byte(text), &r, record.Tolerant))
		assert.Equal(t, row{Name: "a"}, r)
	}
	assert.Error(t, json.Unmarshal([]byte(`{"url":[1,}`), new(row), record.Tolerant))
}
