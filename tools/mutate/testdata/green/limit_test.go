package green

import "testing"

func TestLimit(t *testing.T) {
	if ok, _ := Limit(10); !ok {
		t.Error("10 is refused")
	}
	if ok, _ := Limit(11); ok {
		t.Error("11 is admitted")
	}
}
