package gone

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/go-json-experiment/json"
)

// A log is a sequence of entries: the length of the payload, its checksum, and the payload, which
// is a kind, the entry's number in its run, and a body. A log that ends in the middle of an entry
// was killed while it wrote it, before the rows of that entry were written.

// kind says what an entry notes.
type kind byte

const (
	// kindHeader is a [header]: the version of the rows, and who saw them.
	kindHeader kind = 'h'
	// kindAck is an [ack], the first entry of a run that follows another.
	kindAck kind = 'a'
	// kindWritten are rows that are about to be written.
	kindWritten kind = 'w'
	// kindReported are rows that are about to be reported as gone.
	kindReported kind = 'r'
	// kindForgotten are rows that this credential does not see, and that are not reported.
	kindForgotten kind = 'f'
	// kindListing is the [news] of a [Listing].
	kindListing kind = 'l'
	// kindDropped ends a listing without a result.
	kindDropped kind = 'd'
	// kindSwept ends a listing: its rows were compared.
	kindSwept kind = 's'
)

type header struct {
	Version int64  `json:"version"`
	ReadAs  string `json:"read_as"`
}

// ack says which entries a state has acknowledged, and which entries of other runs were known when
// the run began: what else these runs note happens at the same time.
type ack struct {
	Token
	Seen map[string]uint64 `json:"seen,omitzero"`
}

type swept struct {
	Began time.Time `json:"began"`
	// Rows is the number of rows of the list.
	Rows int `json:"rows"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendEntry(dst []byte, k kind, number uint64, body []byte) []byte {
	payload := append(binary.AppendUvarint([]byte{byte(k)}, number), body...)
	dst = binary.AppendUvarint(dst, uint64(len(payload)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(payload, castagnoli))
	return append(dst, payload...)
}

// entries calls each for the whole entries of a log, in their order. It stops at the first that is
// not whole.
func entries(log []byte, each func(k kind, number uint64, body []byte) bool) {
	for len(log) > 0 {
		size, k := binary.Uvarint(log)
		if k <= 0 || len(log)-k < 4 || size > uint64(len(log)-k-4) || size < 2 {
			return
		}
		sum := binary.LittleEndian.Uint32(log[k:])
		payload := log[k+4 : k+4+int(size)]
		log = log[k+4+int(size):]
		if crc32.Checksum(payload, castagnoli) != sum {
			return
		}
		number, n := binary.Uvarint(payload[1:])
		if n <= 0 || !each(kind(payload[0]), number, payload[1+n:]) {
			return
		}
	}
}

// toJSON returns the JSON of a value of this package.
func toJSON(v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // only types of this package are passed
	}
	return out
}
