package sandbox

import (
	"io"
	"math/rand/v2"
	"slices"

	"github.com/klauspost/compress/gzip"
)

func zipper(w io.Writer) *gzip.Writer { return gzip.NewWriter(w) }

// Change adds, changes and removes random rows of a stream. A removed row takes those along that
// belong to it, as in Greenhouse. A changed row says something else where the story says nothing.
func (s *Server) Change(stream string, random *rand.Rand, add, update, remove int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[stream]
	now := s.opts.Clock().UnixMilli()
	for range add {
		if like := t.find(random, true); like >= 0 {
			t.inserted = append(t.inserted, insert{at: now, like: like})
		}
	}
	for range update {
		if i := t.find(random, false); i >= 0 {
			c := t.change(i)
			c.updated = now
			c.revision++
		}
	}
	for range remove {
		i := t.find(random, false)
		if i < 0 {
			continue
		}
		t.whole(i).deleted = true
		*t.removals = true
	}
}

// Hide hides random rows of a stream, and those that belong to them, as if the user had lost the
// permission to see them: neither lists nor answers by ids have them, and updated_at stays.
func (s *Server) Hide(stream string, random *rand.Rand, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[stream]
	for range rows {
		if i := t.find(random, false); i >= 0 {
			t.whole(i).hidden = true
			*t.removals = true
		}
	}
}

// Show shows random rows of a stream again that were hidden, as they are.
func (s *Server) Show(stream string, random *rand.Rand, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := s.tables[stream].changes
	var hidden []int
	for i, c := range changes {
		if c.hidden {
			hidden = append(hidden, i)
		}
	}
	slices.Sort(hidden)
	random.Shuffle(len(hidden), func(i, j int) { hidden[i], hidden[j] = hidden[j], hidden[i] })
	for _, i := range hidden[:min(rows, len(hidden))] {
		changes[i].hidden = false
	}
}

// whole returns what happened to row i, or to the row that it is a part of and never goes without.
func (t *table) whole(i int) *change {
	if e, c := t.entry(i); e.partOf != nil {
		t, i = e.partOf.table, e.partOf.row(c)
	}
	return t.change(i)
}

// change returns what happened to row i, to which something happens.
func (t *table) change(i int) *change {
	c := t.changes[i]
	if c == nil {
		c = &change{updated: t.updated(i)}
		t.changes[i] = c
	}
	return c
}

// find returns a random row, or an initial one that can be copied; -1 if there is none.
func (t *table) find(random *rand.Rand, copied bool) int {
	n := t.len()
	if copied {
		n = t.first
	}
	if n == 0 {
		return -1
	}
	start := random.IntN(n)
	for k := range n {
		i := (start + k) % n
		if e, _ := t.entry(i); t.alive(i) && (!copied || !e.single) {
			return i
		}
	}
	return -1
}
