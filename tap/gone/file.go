package gone

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/go-json-experiment/json"
)

// content is what a ledger says.
type content struct {
	header
	swept   time.Time // when the last complete listing began; zero for never
	length  int       // the number of rows of the list, as far as it is known
	listing *Listing  // a listing under way; nil for none
	rows    Rows      // rows that are, or may be, in the warehouse
	// reported are rows that were reported as gone, which no state has acknowledged yet.
	reported Rows
	// head is the latest acknowledged place, and folded the last entry of each run that this
	// content includes.
	head   Token
	folded map[string]uint64
	// legacy means that the file is of an older release, which had no tokens.
	legacy bool
	// gap means that entries are missing: two runs made logs part of the file at the same time.
	gap bool
}

// fileHead is the second line of a ledger's file.
type fileHead struct {
	header
	Swept    time.Time         `json:"swept,omitzero"`
	Listed   int               `json:"listed,omitzero"`
	Listing  *Listing          `json:"listing,omitzero"`
	Head     Token             `json:"head,omitzero"`
	Folded   map[string]uint64 `json:"folded,omitzero"`
	Rows     int               `json:"rows"`     // length in bytes
	Reported int               `json:"reported"` // length in bytes
}

// magic begins the first line of a ledger's file; its checksum follows.
const magic = "greenhouse-ledger 2 "

// encode returns the content as a file.
func (c *content) encode() []byte {
	rows, reported := c.rows.size(), c.reported.size()
	head := toJSON(fileHead{
		header: c.header, Swept: c.swept, Listed: c.length, Listing: c.listing, Head: c.head,
		Folded: c.folded, Rows: rows, Reported: reported,
	})
	// A ledger of millions of rows is copied once only.
	const first = len(magic) + 8 + 1
	file := make([]byte, first, first+len(head)+1+rows+reported)
	file = append(append(file, head...), '\n')
	file = c.reported.Append(c.rows.Append(file))
	copy(file, fmt.Sprintf("%s%08x\n", magic, crc32.Checksum(file[first:], castagnoli)))
	return file
}

// errDamaged is the error of a file that cannot be used.
var errDamaged = errors.New("the ledger is damaged")

// decode reads a file; an empty one is an empty ledger. The content keeps using the bytes.
func decode(file []byte) (*content, error) {
	if len(file) == 0 {
		return &content{folded: map[string]uint64{}}, nil
	}
	if file[0] == '{' {
		return decodeLegacy(file)
	}
	first, body, ok := bytes.Cut(file, []byte{'\n'})
	if !ok || string(first) != fmt.Sprintf("%s%08x", magic, crc32.Checksum(body, castagnoli)) {
		return nil, errDamaged
	}
	line, sets, ok := bytes.Cut(body, []byte{'\n'})
	var h fileHead
	if !ok || json.Unmarshal(line, &h) != nil || h.Rows < 0 || h.Reported < 0 ||
		h.Rows+h.Reported != len(sets) {
		return nil, errDamaged
	}
	c := &content{
		header: h.header, swept: h.Swept, length: h.Listed, listing: h.Listing, head: h.Head, folded: h.Folded,
	}
	if c.folded == nil {
		c.folded = map[string]uint64{}
	}
	if c.rows, ok = parseRows(sets[:h.Rows]); !ok {
		return nil, errDamaged
	}
	if c.reported, ok = parseRows(sets[h.Rows:]); !ok {
		return nil, errDamaged
	}
	return c, nil
}
