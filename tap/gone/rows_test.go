package gone

import (
	"encoding/binary"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A set behaves like a map, whatever is put and deleted in which order, and is the same when it is
// read again from its stored form.
func TestRowsBehaveLikeAMap(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		var set Rows
		want := map[int64]Stamp{}
		span := int64(1) << (4 + random.IntN(40))
		for range 1 + random.IntN(30) {
			var rows []Row
			at := random.Int64N(span)
			for range random.IntN(900) {
				if random.IntN(3) == 0 {
					at = random.Int64N(span) - span/4
				}
				at--
				rows = append(rows, Row{at, Stamp(random.IntN(stamps + 2))})
			}
			rows = Sorted(rows)
			if random.IntN(4) == 0 {
				var ids []int64
				for _, row := range rows {
					ids = append(ids, row.ID)
					delete(want, row.ID)
				}
				set.Delete(ids)
				continue
			}
			set.Put(rows)
			for _, row := range rows {
				want[row.ID] = row.Stamp
			}
		}
		again, ok := parseRows(set.Append(nil))
		require.True(t, ok)
		all := want
		for _, s := range []*Rows{&set, &again} {
			want := maps.Clone(all)
			require.Equal(t, len(want), s.Len(), "seed %d", seed)
			have, last := map[int64]Stamp{}, int64(0)
			for row := range s.All() {
				if len(have) > 0 && row.ID >= last {
					t.Fatalf("seed %d: %d after %d", seed, row.ID, last)
				}
				have[row.ID], last = row.Stamp, row.ID
			}
			require.True(t, maps.Equal(want, have), "seed %d", seed)
			high, low := random.Int64N(span), random.Int64N(span)
			between := map[int64]Stamp{}
			for row := range s.Between(high, low) {
				between[row.ID] = row.Stamp
			}
			for id, mark := range want {
				if have, ok := s.Get(id); !ok || have != mark {
					t.Fatalf("seed %d: row %d has mark %d, not %d", seed, id, have, mark)
				}
			}
			maps.DeleteFunc(want, func(id int64, _ Stamp) bool { return id > high || id < low })
			require.Equal(t, want, between)
			_, ok := s.Get(span + 1)
			require.False(t, ok)
		}
	}
}

// Of an id that appears twice, the last one stays.
func TestSorted(t *testing.T) {
	rows := Sorted([]Row{{1, 5}, {9, 6}, {1, 7}, {4, 8}})
	assert.Equal(t, []Row{{9, 6}, {4, 8}, {1, 7}}, rows)
}

// A version that changed has another mark, and none is that of an unsure row.
func TestMarks(t *testing.T) {
	const ms = 1_790_000_000_123
	assert.NotEqual(t, StampOf(ms), StampOf(ms+1))
	assert.Equal(t, Any, StampOf(0))
	for range 1000 {
		m := StampOf(rand.Int64N(4e12) - 1e12)
		assert.True(t, m > Any && m < 1<<24, m)
	}
}

// What is no set in order is refused, whatever is wrong with it.
func TestSetsThatAreNone(t *testing.T) {
	var some Rows
	some.Put([]Row{{9, 4}, {5, 4}})
	whole := some.Append(nil)
	mark := []byte{4, 0, 0}
	block := func(first int64, n byte, rows ...[]byte) []byte {
		enc := slices.Concat(rows...)
		return append(append(binary.AppendVarint(nil, first), n, byte(len(enc))), enc...)
	}
	row := func(distance uint64) []byte { return append(binary.AppendUvarint(nil, distance), mark...) }
	assert.Equal(t, whole, block(9, 2, row(0), row(4)), "the stored form")
	for name, data := range map[string][]byte{
		"cut": whole[:len(whole)-1], "cut in its head": whole[:1], "an endless number": {0x80},
		"no rows": block(9, 0), "fewer rows": block(9, 3, row(0), row(4)), "more rows": block(9, 1, row(0), row(4)),
		"a first row elsewhere":     block(9, 2, row(1), row(4)),
		"a row twice":               block(9, 2, row(0), row(0)),
		"below the lowest id":       block(math.MinInt64+3, 2, row(0), row(4)),
		"a distance that is no id":  block(9, 2, row(0), row(1<<62+1)),
		"a mark that is cut":        block(9, 2, row(0), row(4)[:3]),
		"blocks in a wrong order":   slices.Concat(block(5, 1, row(0)), block(9, 1, row(0))),
		"blocks with a row in both": slices.Concat(block(9, 2, row(0), row(4)), block(5, 1, row(0))),
	} {
		_, ok := parseRows(data)
		assert.False(t, ok, name)
	}
	_, ok := parseRows(slices.Concat(whole, block(4, 1, row(0)), block(math.MinInt64+4, 2, row(0), row(4))))
	assert.True(t, ok)
}

// FuzzRows reads arbitrary bytes: they are a set in order, or refused.
func FuzzRows(f *testing.F) {
	var some Rows
	some.Put([]Row{{1 << 50, 3}, {300, 4}, {2, 5}, {-1, 0}})
	f.Add(some.Append(nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := parseRows(slices.Clone(data))
		if !ok {
			return
		}
		last, n := int64(0), 0
		for row := range s.All() {
			assert.True(t, n == 0 || row.ID < last)
			last = row.ID
			n++
		}
		assert.Equal(t, s.Len(), n)
	})
}
