package red

import "testing"

func TestLimit(t *testing.T) {
	if Limit() != 11 {
		t.Error("it is not 11")
	}
}
