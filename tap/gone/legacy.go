package gone

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"
)

// legacyHead is the first line of a ledger of releases before checksums: sets of ids follow, with
// the lengths given in it: rows, fresh, and those of a sweep under way: listed, current, since.
type legacyHead struct {
	header
	Swept time.Time `json:"swept,omitzero"`
	Sets  [5]int    `json:"sets"`
}

// decodeLegacy reads a ledger of an older release. Nobody knows as of which change its rows
// were delivered. A sweep under way begins again.
func decodeLegacy(file []byte) (*content, error) {
	line, rest, ok := bytes.Cut(file, []byte{'\n'})
	var h legacyHead
	if !ok || json.Unmarshal(line, &h) != nil {
		return nil, errDamaged
	}
	c := &content{header: h.header, swept: h.Swept, folded: map[string]uint64{}, legacy: true}
	const rows, fresh, since = 0, 1, 4
	for i, n := range h.Sets {
		if n < 0 || n > len(rest) {
			return nil, errDamaged
		}
		ids, ok := legacyIDs(rest[:n])
		if !ok {
			return nil, errDamaged
		}
		if i == rows || i == fresh || i == since {
			c.rows.Put(ids)
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, errDamaged
	}
	return c, nil
}

// legacyIDs reads ids, the highest first, each as its distance from the one before.
func legacyIDs(data []byte) ([]Row, bool) {
	var rows []Row
	id, k := binary.Varint(data)
	for ; len(data) > 0; data = data[k:] {
		if rows != nil {
			var d uint64
			if d, k = binary.Uvarint(data); k > 0 && (d == 0 || d > 1<<62) {
				return nil, false
			}
			id -= int64(d)
		}
		if k <= 0 {
			return nil, false
		}
		rows = append(rows, Row{id, Unsure})
	}
	return rows, true
}
