package gone

import (
	"testing"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// BenchmarkFirstRead notes a list of a million rows, page by page.
func BenchmarkFirstRead(b *testing.B) {
	const pages = 2000
	for b.Loop() {
		l, _, err := Open(b.Context(), &memory{}, Opening{Stream: "rows", Nonce: "1", Passes: 1})
		if err != nil {
			b.Fatal(err)
		}
		id := int64(4_000_000_000)
		for range pages {
			rows := make([]record.Row, tap.PageRows)
			for i := range rows {
				id -= 1 + id%3
				rows[i] = record.Row{ID: id, Mark: 1_700_000_000_000 + id}
			}
			n, err := l.Note(b.Context(), Page{Rows: rows, Next: "x"})
			if err != nil {
				b.Fatal(err)
			}
			l.Wrote(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pages/tap.PageRows, "ns/row")
}
