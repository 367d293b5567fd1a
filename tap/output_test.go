package tap

import (
	"bytes"
	"io"
	"testing"
)

// plain has no message but records.
type plain struct{ Voice }

func (plain) Started(dst []byte, _ *Stream) []byte { return dst }
func (plain) Running(dst []byte, _ *Stream) []byte { return dst }

// BenchmarkFrame writes a page of 500 records of 200 bytes.
func BenchmarkFrame(b *testing.B) {
	o := &output{w: io.Discard, voice: plain{}, state: NewState()}
	it := item{
		run:   &run{sel: &Selection{Stream: &Stream{Name: "users"}}},
		frame: [2][]byte{[]byte(`{"type":"RECORD","stream":"users","record":`), []byte(`,"time_extracted":"2026-01-01T00:00:00.000Z"}` + "\n")},
	}
	for range 500 {
		it.records = append(it.records, bytes.Repeat([]byte{'x'}, 200))
	}
	b.SetBytes(500 * 200)
	b.ReportAllocs()
	for b.Loop() {
		o.take(it)
	}
}
