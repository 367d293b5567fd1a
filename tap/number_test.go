package tap

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int]string{
		0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -123: "-123", -1234: "-1,234",
		123456: "123,456",
	} {
		assert.Equal(t, want, Number(n))
	}
}

func TestFewNamesCountsTheRest(t *testing.T) {
	assert.Equal(t, "a, b and 2 more", Few([]string{"a", "b", "c", "d"}, 2))
	assert.Equal(t, "a, b, c", Few([]string{"a", "b", "c"}, 2), "one more is as short as its name")
	assert.Empty(t, Few(nil, 2))
}
