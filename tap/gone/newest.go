package gone

import (
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// newest is the latest time of change of the rows that exist, from what a listing showed and what
// its repair read. It is not known if the listing took several runs, or if asking found another
// result than the listing.
type newest struct {
	ms      int64 // since 1970; 0 for none
	unknown bool
}

// saw notes the rows of a page, but for those that are left out.
func (n *newest) saw(rows []record.Row, leftOut func(record.Row) bool) {
	for _, row := range rows {
		if row.Mark > n.ms && !leftOut(row) {
			n.ms = row.Mark
		}
	}
}

func (n *newest) time() time.Time {
	if n.unknown || n.ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n.ms).UTC()
}
