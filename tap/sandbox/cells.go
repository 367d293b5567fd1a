package sandbox

import (
	"strconv"

	"github.com/go-json-experiment/json"
)

// What an entry's columns can say, beside nil, booleans, numbers, texts, moments, other entries
// and lists of these.
type (
	// date is the day of a moment.
	date moment
	// yearOf and monthOf are the year and the month of a moment.
	yearOf  moment
	monthOf moment
	// slot is the time of an appointment near a moment, and a while after it.
	slot struct {
		at   moment
		plus moment
		kind slotKind
	}
	// slotDay is the day of such a time.
	slotDay slot
	// soon is a time after the sandbox's start.
	soon moment
	// daysIn is the number of days between two moments; until now, if there is no second one.
	daysIn struct{ from, to moment }
	// pick is one of the rows of a list; the same number means the same row in a chapter.
	pick struct {
		list   string
		number int
	}
	// either is what a job's row says once the job is closed, and what before.
	either struct {
		job          *job
		closed, open any
	}
	// address is the e-mail address of the user of this number.
	address struct{ prefix string }
	// number is the row's own number, as a text.
	number struct{}
	// raw is JSON.
	raw string
)

// slotKind says when appointments take place.
type slotKind uint8

const (
	working     slotKind = iota // on a weekday, between 7 and 18 hours UTC
	night                       // at half past 23 hours UTC: two days, depending on the zone
	clockChange                 // in the night in which Europe's clocks change next
)

// latest returns a moment that is not before the slot.
func (a slot) latest() moment {
	if a.kind == clockChange {
		return a.at + a.plus + 220*day
	}
	return a.at + a.plus + 4*day
}

// cell is what a column of an entry says.
type cell struct {
	op    op
	kind  slotKind
	text  []byte
	entry *entry
	table *table
	ms    int64
	plus  int64
	cells []cell
	until int
}

func (s *story) cell(value any) cell {
	switch v := value.(type) {
	case *entry:
		return cell{op: anEntry, entry: v}
	case pick:
		return cell{op: aPick, table: s.tables[v.list], ms: int64(v.number)}
	case moment:
		return cell{op: aTime, ms: int64(v)}
	case date:
		return cell{op: aDate, ms: int64(v)}
	case yearOf:
		return cell{op: aYear, ms: int64(v)}
	case monthOf:
		return cell{op: aMonth, ms: int64(v)}
	case slot:
		return cell{op: aSlot, ms: int64(v.at), plus: int64(v.plus), kind: v.kind}
	case slotDay:
		return cell{op: aSlotDay, ms: int64(v.at), plus: int64(v.plus), kind: v.kind}
	case soon:
		at := (s.now + int64(v)) / int64(hour/4) * int64(hour/4)
		return cell{op: text, text: appendTime(nil, at)}
	case daysIn:
		return cell{op: someDays, ms: int64(v.from), plus: int64(v.to)}
	case either:
		if _, ok := v.closed.(closing); ok {
			v.closed = v.job.closes
		}
		return cell{
			op: anEither, cells: []cell{s.cell(v.closed), s.cell(v.open)},
			until: v.job.closedUntil(s),
		}
	case address:
		return cell{op: anAddress, text: []byte(v.prefix)}
	case number:
		return cell{op: ownNumber}
	case raw:
		return cell{op: text, text: []byte(v)}
	case []any:
		c := cell{op: aList}
		for _, item := range v {
			c.cells = append(c.cells, s.cell(item))
		}
		return c
	}
	j, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(err) // booleans, numbers and texts
	}
	return cell{op: text, text: j}
}

// appendCell appends what a cell says in row i, which is entry e of chapter c.
func (t *table) appendCell(dst []byte, i, c int, cl *cell) []byte {
	switch cl.op {
	case text:
		return append(dst, cl.text...)
	case anEntry:
		return strconv.AppendInt(dst, cl.entry.table.id(cl.entry.row(c)), 10)
	case aPick:
		return strconv.AppendInt(dst, cl.table.id(cl.table.pick(c, uint64(cl.ms))), 10)
	case aTime:
		return appendTime(dst, t.when(c, cl.ms))
	case aDate:
		return appendDate(dst, t.when(c, cl.ms))
	case aYear, aMonth:
		y, m, _ := civil(floorDay(t.when(c, cl.ms)))
		if cl.op == aMonth {
			y = m
		}
		return strconv.AppendInt(dst, y, 10)
	case aSlot:
		return appendTime(dst, slotTime(t.when(c, cl.ms), cl.kind)+cl.plus)
	case aSlotDay:
		return appendDate(dst, slotTime(t.when(c, cl.ms), cl.kind)+cl.plus)
	case someDays:
		to := t.now
		if cl.plus != 0 {
			to = t.when(c, cl.plus)
		}
		return strconv.AppendInt(dst, max(0, (to-t.when(c, cl.ms))/int64(day)), 10)
	case anEither:
		if c <= cl.until {
			return t.appendCell(dst, i, c, &cl.cells[0])
		}
		return t.appendCell(dst, i, c, &cl.cells[1])
	case anAddress:
		dst = append(append(dst, '"'), cl.text...)
		return append(strconv.AppendInt(dst, int64(c), 10), `@example.com"`...)
	case ownNumber:
		return append(strconv.AppendInt(append(dst, '"'), t.id(i), 10), '"')
	case aList:
		dst = append(dst, '[')
		for k := range cl.cells {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = t.appendCell(dst, i, c, &cl.cells[k])
		}
		return append(dst, ']')
	}
	return dst
}

// when returns the time of a moment of a chapter, in milliseconds since 1970.
func (t *table) when(c int, m int64) int64 { return t.begin + int64(c)*t.period + m }

// slotTime returns a time at or after ms at which appointments take place.
func slotTime(ms int64, kind slotKind) int64 {
	const quarter = int64(hour / 4)
	d := floorDay(ms)
	switch kind {
	case night:
		return d*int64(day) + 23*int64(hour) + 2*quarter
	case clockChange:
		return nextClockChange(ms)
	}
	for (d+4)%7 == 0 || (d+4)%7 == 6 { // day 0 was a Thursday
		d++
	}
	rest := ms - floorDay(ms)*int64(day)
	return d*int64(day) + 7*int64(hour) + rest%(11*int64(hour))/quarter*quarter
}

// nextClockChange returns half past midnight UTC of the next last Sunday of March or October: at
// one o'clock, Europe's clocks change.
func nextClockChange(ms int64) int64 {
	d := floorDay(ms) + 1
	for {
		_, month, dom := civil(d)
		if (d+4)%7 == 0 && dom > 24 && (month == 3 || month == 10) {
			return d*int64(day) + int64(hour/2)
		}
		d++
	}
}

// floorDay returns the day of a time, in days since 1970.
func floorDay(ms int64) int64 {
	d := ms / int64(day)
	if ms%int64(day) < 0 {
		d--
	}
	return d
}

// appendDate appends the date of a time given in milliseconds since 1970, in quotes.
func appendDate(dst []byte, ms int64) []byte {
	dst = append(dst, '"')
	dst = appendDay(dst, floorDay(ms))
	return append(dst, '"')
}
