package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "candidates": "candidates", "*": "*", "(contents)": "(contents)", "a=b": "a=b",
		"=cmd()": "'=cmd()", "+1": "'+1", "-x": "'-x", "@SUM": "'@SUM", "\t=1": "'\t=1",
	} {
		assert.Equal(t, want, cellOf(text))
	}
}
