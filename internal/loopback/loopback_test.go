package loopback_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/internal/loopback"
)

func TestHostsOfThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example": false,
		"127.0.0.1.example": false, "::": false,
	} {
		assert.Equal(t, want, loopback.Is(host), host)
	}
}
