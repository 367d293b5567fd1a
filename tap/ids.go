package tap

import (
	"encoding/binary"
	"iter"
	"slices"
)

// IDs is a set of ids in little memory: in descending order, each as its difference from the one
// before. A million ids take one to two megabytes.
type IDs struct {
	enc  []byte
	n    int
	last int64
}

// Len is how many ids there are.
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

// IDsOf returns the set of some ids, in whatever order; it sorts them in place.
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

// Union returns the ids that are in one of two sets.
func (s *IDs) Union(o *IDs) IDs {
	var out IDs
	s.walk(o, func(id int64, _, _ bool) { out.push(id) })
	return out
}

// Add returns the ids that are in one of two sets, as Union does, and may change s. It takes no
// time where all ids of o are lower than those of s, as those of a list's next page are.
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

// walk calls each for every id of two sets, the highest first.
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

// cursor goes through a set.
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

// Bytes is the set as it is stored.
func (s *IDs) Bytes() []byte { return s.enc }

// ParseIDs reads a set as it was stored; false where it is none.
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
