package gone

import (
	"cmp"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// size is that of what logs have and the file has not.
type size struct{ bytes, parts int }

// replay adds what logs say, in the order in which their runs began. Entries beyond what any state
// has acknowledged make rows unsure; so do entries of runs that did not know of each other, since
// nobody knows which of them the loader stored last.
func (c *content) replay(logs []Log, token Token) (all size) {
	slices.SortFunc(logs, func(a, b Log) int { return cmp.Compare(a.Run, b.Run) })
	acked := c.acknowledged(logs, token)
	before := maps.Clone(c.folded)
	latest := "" // the latest run of the file
	for run := range before {
		latest = max(latest, run)
	}
	for i, log := range logs {
		var began ack
		grew := false
		entries(log.Data, func(k kind, number uint64, body []byte) bool {
			if k == kindAck {
				_ = json.Unmarshal(body, &began) // the checksum was right
			}
			if number > before[log.Run] {
				c.gap = c.gap || number != c.folded[log.Run]+1
				// What a run adds after a later one became part of the file is in no known order.
				c.apply(k, body, number <= acked[log.Run] && log.Run >= latest)
				c.folded[log.Run] = number
				all.bytes, grew = all.bytes+len(body), true
			}
			return true
		})
		if grew {
			all.parts += log.Parts
			if log.Run < latest {
				c.listing = nil
			}
		}
		for run, number := range began.Seen {
			last, known := c.folded[run]
			c.gap = c.gap || known && last < number
		}
		for _, other := range logs[:i] {
			if grew || c.folded[other.Run] > before[other.Run] {
				c.doubt(log, other, began)
			}
		}
	}
	return all
}

// acknowledged returns the latest entry of each run that a state has acknowledged, and moves the
// head.
func (c *content) acknowledged(logs []Log, token Token) map[string]uint64 {
	acked := map[string]uint64{}
	add := func(t Token) {
		acked[t.Run] = max(acked[t.Run], t.Number)
		if c.head.before(t) {
			c.head = t
		}
	}
	for _, log := range logs {
		entries(log.Data, func(k kind, _ uint64, body []byte) bool {
			var a ack
			if k == kindAck && json.Unmarshal(body, &a) == nil && a.Run != "" {
				add(a.Token)
			}
			return true
		})
	}
	if c.knows(logs, token) && !token.before(c.head) {
		add(token)
	}
	return acked
}

// doubt makes rows unsure that two runs noted at the same time: the other one went on when a log
// began. What it had noted before, and no state had acknowledged, may be stored later, too. A
// listing that one of them made does not show what became of the rows of the other. If one of them
// found rows of another credential, the rows are of both.
func (c *content) doubt(log, other Log, began ack) {
	if lastNumber(other) <= began.Seen[other.Run] {
		return // it had ended
	}
	c.listing = nil
	if len(owners(log, other)) > 1 {
		c.ReadAs = ""
	}
	acked := uint64(0)
	if began.Run == other.Run {
		acked = began.Number
	}
	ids := map[int64]bool{}
	entries(other.Data, func(k kind, number uint64, body []byte) bool {
		if number > acked {
			for _, id := range touched(k, body) {
				ids[id] = true
			}
		}
		return true
	})
	if len(ids) == 0 {
		return
	}
	var rows []Row
	entries(log.Data, func(k kind, _ uint64, body []byte) bool {
		for _, id := range touched(k, body) {
			if ids[id] {
				rows = append(rows, Row{id, Unsure})
			}
		}
		return true
	})
	rows = Sorted(rows)
	c.rows.Put(rows)
	c.reported.Delete(idsOf(rows))
}

// owners returns who the headers of some logs say that the rows are of, and "" if rows of another
// one were forgotten.
func owners(logs ...Log) map[string]bool {
	all := map[string]bool{}
	for _, log := range logs {
		entries(log.Data, func(k kind, _ uint64, body []byte) bool {
			var h header
			if k == kindForgotten || k == kindHeader && json.Unmarshal(body, &h) == nil {
				all[h.ReadAs] = true
			}
			return true
		})
	}
	return all
}

// touched returns the rows that an entry is about.
func touched(k kind, body []byte) []int64 {
	switch k {
	case kindWritten, kindReported, kindForgotten:
		rows, _ := parseRows(body)
		return idsOf(slices.Collect(rows.All()))
	}
	return nil
}

// knows reports whether the run of a token is in this ledger, with an entry of its number.
func (c *content) knows(logs []Log, token Token) bool {
	if token.Run == "" {
		return false
	}
	last, ok := c.folded[token.Run]
	for _, log := range logs {
		if log.Run == token.Run {
			ok = true
			last = max(last, lastNumber(log))
		}
	}
	return ok && token.Number <= last
}

// lastNumber is the number of the last entry of a log.
func lastNumber(log Log) (last uint64) {
	entries(log.Data, func(_ kind, number uint64, _ []byte) bool {
		last = number
		return true
	})
	return last
}

// apply makes the change that an entry notes.
func (c *content) apply(k kind, body []byte, acked bool) {
	switch k {
	case kindHeader:
		_ = json.Unmarshal(body, &c.header) // the checksum was right
	case kindWritten:
		rows, _ := parseRows(body)
		list := slices.Collect(rows.All())
		if !acked {
			for i := range list {
				list[i].Stamp = Unsure
			}
		}
		c.rows.Put(list)
		c.reported.Delete(idsOf(list))
	case kindReported:
		rows, _ := parseRows(body)
		list := slices.Collect(rows.All())
		c.rows.Delete(idsOf(list))
		if acked {
			c.reported.Delete(idsOf(list))
		} else {
			c.reported.Put(list)
		}
	case kindForgotten:
		rows, _ := parseRows(body)
		ids := idsOf(slices.Collect(rows.All()))
		c.rows.Delete(ids)
		c.reported.Delete(ids)
	case kindListing:
		var n news
		if json.Unmarshal(body, &n) == nil {
			c.listing = c.listing.add(n)
		}
	case kindDropped:
		c.listing = nil
	case kindSwept:
		var s swept
		if json.Unmarshal(body, &s) != nil {
			return
		}
		c.length = s.Rows
		// Of a sweep that no state has acknowledged, nobody knows whether its repairs were stored:
		// the listing goes on, and unsure rows are asked for again.
		if acked {
			c.swept, c.listing = s.Began, nil
		}
	case kindAck:
	}
}

func idsOf(rows []Row) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}
