package gone

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
)

// Row is a row and how it was delivered.
type Row struct {
	ID    int64
	Stamp Stamp
}

// Stamp says which change of a row was delivered last: 24 bits of the row's mark. Two changes of a
// row have the same stamp by chance once in sixteen million.
type Stamp uint32

const (
	// Unsure is the stamp of a row that may or may not be in the warehouse, as of any change.
	Unsure Stamp = 0
	// Any is the stamp of a row without a time of change.
	Any Stamp = 1

	stampBytes = 3
	stamps     = 1<<(8*stampBytes) - 2
)

// StampOf returns the stamp of a mark, in milliseconds since 1970; 0 stands for none.
func StampOf(ms int64) Stamp {
	if ms == 0 {
		return Any
	}
	return Stamp(2 + uint64(ms)%stamps)
}

// Rows is a compact set of rows by id: four to five bytes each. The zero value is empty. It is not
// safe for concurrent use.
type Rows struct {
	blocks []block // the highest ids first
	n      int
	buf    []Row
}

// block holds up to blockRows rows, the highest id first: each is its distance from the one before
// and its stamp.
type block struct {
	first, last int64
	n           int
	enc         []byte
}

const blockRows = 1024

// Len returns the number of rows.
func (r *Rows) Len() int { return r.n }

// All yields the rows, the highest id first. The set must not change meanwhile.
func (r *Rows) All() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range r.blocks {
			for row := range r.blocks[i].all() {
				if !yield(row) {
					return
				}
			}
		}
	}
}

func (b *block) all() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		id, rest := b.first, b.enc
		for len(rest) > 0 {
			d, k := binary.Uvarint(rest)
			id -= int64(d)
			rest = rest[k:]
			stamp := Stamp(rest[0]) | Stamp(rest[1])<<8 | Stamp(rest[2])<<16
			rest = rest[stampBytes:]
			if !yield(Row{id, stamp}) {
				return
			}
		}
	}
}

// find returns the index of the first block that ends at or below an id: the one that has it, if
// any has.
func (r *Rows) find(id int64) int {
	i, _ := slices.BinarySearchFunc(r.blocks, id,
		func(b block, id int64) int { return cmp.Compare(id, b.last) })
	return i
}

// Get returns the stamp of a row; false if it is not in the set.
func (r *Rows) Get(id int64) (Stamp, bool) {
	if i := r.find(id); i < len(r.blocks) && r.blocks[i].first >= id {
		for row := range r.blocks[i].all() {
			if row.ID <= id {
				return row.Stamp, row.ID == id
			}
		}
	}
	return 0, false
}

// Between yields the rows with ids from high to low, both inclusive.
func (r *Rows) Between(high, low int64) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := r.find(high); i < len(r.blocks) && r.blocks[i].first >= low; i++ {
			for row := range r.blocks[i].all() {
				if row.ID < low {
					return
				}
				if row.ID <= high && !yield(row) {
					return
				}
			}
		}
	}
}

// Put adds rows, or replaces their stamps. The rows must be in [Sorted] order.
func (r *Rows) Put(rows []Row) {
	r.merge(rows, func(_ *Row, row Row) (Row, bool) { return row, true })
}

// Delete removes rows by their ids, which must be in descending order. It ignores unknown ids.
func (r *Rows) Delete(ids []int64) {
	rows := make([]Row, len(ids))
	for i, id := range ids {
		rows[i].ID = id
	}
	r.merge(rows, func(*Row, Row) (Row, bool) { return Row{}, false })
}

// merge replaces each of some rows by what choose returns: a row, or none if false. old is nil if
// the row is not in the set.
func (r *Rows) merge(rows []Row, choose func(old *Row, row Row) (Row, bool)) {
	for len(rows) > 0 {
		i := r.find(rows[0].ID)
		if i == len(r.blocks) && i > 0 && r.blocks[i-1].n < blockRows/2 {
			i-- // lower than all others: the last block has space
		}
		// The rows that belong to this block, or in front of it.
		k, old := len(rows), block{}
		if i < len(r.blocks) {
			old = r.blocks[i]
			if i+1 < len(r.blocks) {
				k = 1
				for k < len(rows) && rows[k].ID >= old.last {
					k++
				}
			}
		}
		r.buf = mergeRows(r.buf[:0], &old, rows[:k], choose)
		rows = rows[k:]
		r.n += len(r.buf) - old.n
		r.blocks = slices.Replace(r.blocks, i, min(i+1, len(r.blocks)), blocksOf(r.buf)...)
	}
}

func mergeRows(dst []Row, old *block, rows []Row,
	choose func(old *Row, row Row) (Row, bool),
) []Row {
	add := func(old *Row, row Row) {
		if chosen, ok := choose(old, row); ok {
			dst = append(dst, chosen)
		}
	}
	for have := range old.all() {
		for len(rows) > 0 && rows[0].ID > have.ID {
			add(nil, rows[0])
			rows = rows[1:]
		}
		if len(rows) > 0 && rows[0].ID == have.ID {
			add(&have, rows[0])
			rows = rows[1:]
			continue
		}
		dst = append(dst, have)
	}
	for _, row := range rows {
		add(nil, row)
	}
	return dst
}

// blocksOf encodes rows in blocks of equal size.
func blocksOf(rows []Row) []block {
	count := (len(rows) + blockRows - 1) / blockRows
	blocks := make([]block, 0, count)
	for i := range count {
		part := rows[i*len(rows)/count : (i+1)*len(rows)/count]
		b := block{first: part[0].ID, last: part[len(part)-1].ID, n: len(part)}
		b.enc = appendRows(make([]byte, 0, len(part)*5), part)
		blocks = append(blocks, b)
	}
	return blocks
}

// appendRows appends the stored form of rows, each relative to the one before, the first to itself.
func appendRows(dst []byte, rows []Row) []byte {
	last := int64(0)
	for i, row := range rows {
		if i == 0 {
			last = row.ID
		}
		dst = binary.AppendUvarint(dst, uint64(last-row.ID))
		dst = append(dst, byte(row.Stamp), byte(row.Stamp>>8), byte(row.Stamp>>16))
		last = row.ID
	}
	return dst
}

// Append appends the stored form of the set.
func (r *Rows) Append(dst []byte) []byte {
	for i := range r.blocks {
		dst = append(r.blocks[i].appendHead(dst), r.blocks[i].enc...)
	}
	return dst
}

// size is the length of the stored form.
func (r *Rows) size() (n int) {
	var head [3 * binary.MaxVarintLen64]byte
	for i := range r.blocks {
		n += len(r.blocks[i].appendHead(head[:0])) + len(r.blocks[i].enc)
	}
	return n
}

func (b *block) appendHead(dst []byte) []byte {
	dst = binary.AppendVarint(dst, b.first)
	dst = binary.AppendUvarint(dst, uint64(b.n))
	return binary.AppendUvarint(dst, uint64(len(b.enc)))
}

// parseRows reads the stored form of a set, which the set keeps using; false if it is not one.
func parseRows(data []byte) (Rows, bool) {
	var r Rows
	for len(data) > 0 {
		first, k := binary.Varint(data)
		if k <= 0 {
			return Rows{}, false
		}
		data = data[k:]
		n, k := binary.Uvarint(data)
		if k <= 0 || n == 0 || n > blockRows {
			return Rows{}, false
		}
		data = data[k:]
		size, k := binary.Uvarint(data)
		if k <= 0 || size > uint64(len(data)-k) {
			return Rows{}, false
		}
		b := block{first: first, n: int(n), enc: data[k : k+int(size) : k+int(size)]}
		data = data[k+int(size):]
		if !b.valid() || len(r.blocks) > 0 && r.blocks[len(r.blocks)-1].last <= b.first {
			return Rows{}, false
		}
		r.blocks, r.n = append(r.blocks, b), r.n+b.n
	}
	return r, true
}

// valid reports whether the block's rows are in order, as many as it says, and finds the last one.
func (b *block) valid() bool {
	id, rest, n := b.first, b.enc, 0
	for len(rest) > 0 {
		d, k := binary.Uvarint(rest)
		if k <= 0 || d > 1<<62 || (d == 0) != (n == 0) || len(rest) < k+stampBytes {
			return false
		}
		if id-int64(d) > id {
			return false // beyond the lowest id
		}
		id -= int64(d)
		rest = rest[k+stampBytes:]
		n++
	}
	b.last = id
	return n == b.n
}

// unsureRows returns the set of rows with ids, which must be in descending order.
func unsureRows(ids []int64) (set Rows) {
	rows := make([]Row, len(ids))
	for i, id := range ids {
		rows[i].ID = id
	}
	set.Put(rows)
	return set
}

// Sorted sorts rows by id, the highest first, in place. Of rows with the same id, the last one
// stays.
func Sorted(rows []Row) []Row {
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(b.ID, a.ID) })
	kept := rows[:0]
	for _, row := range rows {
		if n := len(kept); n > 0 && kept[n-1].ID == row.ID {
			kept[n-1] = row
			continue
		}
		kept = append(kept, row)
	}
	return kept
}
