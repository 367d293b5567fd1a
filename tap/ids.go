package tap

import (
	"encoding/binary"
	"iter"
	"slices"
)

// IDs is a compact set of ids: in descending order, each stored as its difference from the one
// before. A million ids take one to two megabytes.
type IDs struct {
	enc  []byte
	n    int
	last int64
}

// Len returns the number of ids.
func (s *IDs) Len() int { return s.n }

// push adds an id that is lower than all others.
func (s *IDs) push(id int64) {
	if s.n == 0 {
		s.enc = binary.AppendVarint(s.enc, id)
	} else {
		s.enc = binary.AppendUvarint(s.enc, uint64(s.last-id))
	}
	s.n++
	s.last = id
}

// All yields the ids, the highest first.
func (s *IDs) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for c := s.cursor(); c.ok && yield(c.id); c.next() {
		}
	}
}

// IDsOf returns a set of ids, in any order; it sorts them in place.
func IDsOf(ids []int64) IDs {
	slices.SortFunc(ids, func(a, b int64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	var s IDs
	for i, id := range ids {
		if i == 0 || id != ids[i-1] {
			s.push(id)
		}
	}
	return s
}

// Union returns the ids that are in either set.
func (s *IDs) Union(o *IDs) IDs {
	var out IDs
	s.walk(o, func(id int64, _, _ bool) { out.push(id) })
	return out
}

// Add returns the same as Union, and may change s. It is fast if all ids of o are lower than those
// of s, as are those of a list's next page.
func (s *IDs) Add(o *IDs) IDs {
	if first := o.cursor(); s.n > 0 && (!first.ok || first.id >= s.last) {
		return s.Union(o)
	}
	for id := range o.All() {
		s.push(id)
	}
	return *s
}

// Without returns the ids that are in s and not in o.
func (s *IDs) Without(o *IDs) IDs {
	var out IDs
	s.walk(o, func(id int64, mine, others bool) {
		if mine && !others {
			out.push(id)
		}
	})
	return out
}

// walk calls each for every id of two sets, highest first.
func (s *IDs) walk(o *IDs, each func(id int64, mine, others bool)) {
	mine, others := s.cursor(), o.cursor()
	for mine.ok || others.ok {
		switch {
		case mine.ok && others.ok && mine.id == others.id:
			each(mine.id, true, true)
			mine.next()
			others.next()
		case mine.ok && (!others.ok || mine.id > others.id):
			each(mine.id, true, false)
			mine.next()
		default:
			each(others.id, false, true)
			others.next()
		}
	}
}

// cursor iterates over a set.
type cursor struct {
	rest []byte
	id   int64
	ok   bool
}

func (s *IDs) cursor() cursor {
	if s.n == 0 {
		return cursor{}
	}
	id, k := binary.Varint(s.enc)
	return cursor{rest: s.enc[k:], id: id, ok: true}
}

func (c *cursor) next() {
	if c.ok = len(c.rest) > 0; c.ok {
		d, k := binary.Uvarint(c.rest)
		c.id, c.rest = c.id-int64(d), c.rest[k:]
	}
}

// Bytes returns the set in its stored form.
func (s *IDs) Bytes() []byte { return s.enc }

// ParseIDs reads the stored form of a set; false if it is not one.
func ParseIDs(data []byte) (IDs, bool) {
	var s IDs
	if len(data) == 0 {
		return s, true
	}
	id, k := binary.Varint(data)
	if k <= 0 {
		return IDs{}, false
	}
	s.push(id)
	for rest := data[k:]; len(rest) > 0; {
		d, k := binary.Uvarint(rest)
		if k <= 0 || d == 0 || d > 1<<62 {
			return IDs{}, false
		}
		s.push(s.last - int64(d))
		rest = rest[k:]
	}
	return s, true
}
