package sandbox

import (
	"math/bits"
	"strconv"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// table is the rows of one list. Row i, counted from the oldest, is a function of i and the seed;
// only changes take memory. Not every number is a row.
type table struct {
	stream   *tap.Stream
	base     int64 // the id of row 0
	seed     uint64
	begin    int64 // when chapter 0 begins, in milliseconds since 1970
	period   int64 // between the starts of two chapters, in milliseconds
	chapters int
	now, end int64 // no initial row was changed after end
	lag      int64 // maximum time between a row's creation and its last change
	first    int   // numbers of initial rows
	entries  []*entry
	written  []string // columns of the entries' cells, sorted
	variants []variant
	ready    func() // makes cells and variants, which takes time, once they are needed

	files    *files            // of attachments
	options  map[*entry]string // of options: the keys of their fields
	changes  map[int]*change
	inserted []insert // later rows
	removals *bool    // rows of any list were deleted or hidden
}

// insert is a row that was created since the start: a copy of an initial one.
type insert struct {
	at   int64 // milliseconds since 1970
	like int
}

// change describes what happened to a row since the start.
type change struct {
	updated  int64
	revision int
	deleted  bool
	hidden   bool // the user may not see it
}

// maxLag is the maximum time between the last thing that a row tells and its last change, apart
// from changes made later by tests.
const maxLag = 90 * 24 * int64(hour)

func (t *table) len() int       { return t.first + len(t.inserted) }
func (t *table) id(i int) int64 { return t.base + int64(i) }

// entry returns what row i, which may be no row, tells, and the chapter that it belongs to.
func (t *table) entry(i int) (e *entry, chapter int) {
	if i >= t.first {
		i = t.inserted[i-t.first].like
	}
	e = t.entries[i%len(t.entries)]
	return e, i/len(t.entries) - e.shift
}

// has reports whether a number is that of a row, deleted or not.
func (t *table) has(i int) bool {
	e, c := t.entry(i)
	return e.from <= c && c <= e.to
}

// row returns the number of an entry's row in a chapter.
func (e *entry) row(c int) int {
	if e.table.chapters == 1 {
		c = 0
	}
	return (c+e.shift)*len(e.table.entries) + e.rank
}

// alive reports whether row i exists and was neither deleted nor hidden, nor a row that it belongs
// to.
func (t *table) alive(i int) bool {
	e, c := t.entry(i)
	if c < e.from || c > e.to {
		return false
	}
	if !*t.removals {
		return true
	}
	if change := t.changes[i]; change != nil && (change.deleted || change.hidden) {
		return false
	}
	for _, owner := range e.owners {
		if !owner.table.alive(owner.row(c)) {
			return false
		}
	}
	return true
}

func (t *table) created(i int) int64 {
	if i >= t.first {
		return t.inserted[i-t.first].at
	}
	e, c := t.entry(i)
	if e.pretends != 0 {
		return t.when(c, int64(e.pretends))
	}
	return t.when(c, int64(e.at))
}

func (t *table) updated(i int) int64 {
	if len(t.changes) > 0 {
		if c := t.changes[i]; c != nil {
			return c.updated
		}
	}
	created := t.created(i)
	if i >= t.first {
		return created
	}
	e, c := t.entry(i)
	created = max(created, t.when(c, int64(e.touched)))
	if e.closed != 0 && c <= e.until {
		created = max(created, t.when(c, int64(e.closed)))
	}
	h := t.hash(i, 2)
	// most rows change within the hour, some within days, few within months
	lag := int64(h % (3600 * 1000))
	switch {
	case h>>60 == 0:
		lag = int64(h % uint64(maxLag))
	case h>>61 == 1:
		lag = int64(h % (3 * 24 * 3600 * 1000))
	}
	return max(created, min(created+lag, t.end))
}

// hash returns a pseudo-random number that depends only on row and salt.
func (t *table) hash(i int, salt uint64) uint64 {
	hi, lo := bits.Mul64(uint64(i)+t.seed, 0x9e3779b97f4a7c15^salt*0xbf58476d1ce4e5b9)
	x := hi ^ lo
	x ^= x >> 29
	hi, lo = bits.Mul64(x, 0x94d049bb133111eb)
	return hi ^ lo
}

// pick returns one of the initial rows, the same one for the same numbers.
func (t *table) pick(c int, number uint64) int {
	i := int(t.hash(c, 1000+number) % uint64(t.first))
	for !t.has(i) || t.hidden(i) {
		i = (i + 1) % t.first
	}
	return i
}

// hidden reports whether the list omits the row unless a parameter asks for it.
func (t *table) hidden(i int) bool {
	switch t.stream.Name {
	case "users":
		return i%20 == 7 // a service account
	case "rejection_reasons":
		return i%3 == 0 // one of Greenhouse's own
	}
	return false
}

// active returns the value of the column active if it decides whether the row is listed.
func (t *table) active(i int) bool {
	e, _ := t.entry(i)
	return !e.inactive
}

// optionKeys are the keys of the custom fields that v1 had lists for, in the order in which options
// are assigned.
var optionKeys = []string{"degree", "discipline", "school_name"}

// variant is a template for rows of a table: for each column, the constant and the variable parts.
type variant struct{ columns []column }

type column struct {
	name  string
	key   []byte // the name as JSON, and a colon
	cell  int    // among the cells of an entry, which go before the parts; -1 for none
	parts []part
}

// part is a text, followed by a variable.
type part struct {
	text []byte
	op   op
	ref  *table
	salt uint64
	ms   int64
}

// op is how the value of a column is made: from the row, or from what its entry tells.
type op uint8

const (
	nothing op = iota
	rowID
	createdAt
	updatedAt
	laterAt  // a time after the creation
	refTo    // the id of a row of another table
	isActive // true or false
	fileURL  // the link of a file

	text // a constant
	anEntry
	aPick
	aTime
	aDate
	aYear
	aMonth
	aSlot
	aSlotDay
	someDays
	anEither
	anAddress
	ownNumber
	aList
)

// appendRow appends row i as JSON, without the columns that are gone. A nil set of fields stands
// for all columns.
func (t *table) appendRow(dst []byte, i int, fields, gone map[string]bool) []byte {
	t.ready()
	v := i
	if c := t.changes[i]; c != nil {
		v += c.revision
	}
	dst = append(dst, '{')
	e, chapter := t.entry(i)
	columns := t.variants[v%len(t.variants)].columns
	comma := false
	for k := range columns {
		c := &columns[k]
		if fields != nil && !fields[c.name] || gone[c.name] {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		if c.name == "primary_email" && t.hidden(i) {
			dst = append(dst, `"primary_email":""`...) // a service account
			continue
		}
		if c.cell >= 0 && e.cells[c.cell].op != nothing {
			dst = append(dst, c.key...)
			dst = t.appendCell(dst, i, chapter, &e.cells[c.cell])
			continue
		}
		for p := range c.parts {
			dst = t.appendPart(dst, i, &c.parts[p])
		}
	}
	return append(dst, '}')
}

func (t *table) appendPart(dst []byte, i int, p *part) []byte {
	dst = append(dst, p.text...)
	switch p.op {
	case rowID:
		return strconv.AppendInt(dst, t.id(i), 10)
	case createdAt:
		return appendTime(dst, t.created(i))
	case updatedAt:
		return appendTime(dst, t.updated(i))
	case laterAt:
		return appendTime(dst, min(t.created(i)+p.ms, t.updated(i)))
	case refTo:
		return strconv.AppendInt(dst, p.ref.id(p.ref.pick(i, p.salt)), 10)
	case fileURL:
		return t.files.appendURL(dst, t.id(i))
	case isActive:
		return strconv.AppendBool(dst, t.active(i))
	}
	return dst
}

// appendTime appends a time given in milliseconds since 1970, as the API writes it, in quotes.
func appendTime(dst []byte, ms int64) []byte {
	days := floorDay(ms)
	rest := ms - days*86400000
	dst = append(dst, '"')
	dst = appendDay(dst, days)
	dst = append(dst, 'T')
	dst = appendDigits(dst, rest/3600000, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, rest/60000%60, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, rest/1000%60, 2)
	dst = append(dst, '.')
	dst = appendDigits(dst, rest%1000, 3)
	return append(dst, `Z"`...)
}

func appendDay(dst []byte, days int64) []byte {
	y, m, d := civil(days)
	dst = append(appendDigits(dst, y, 4), '-')
	dst = append(appendDigits(dst, m, 2), '-')
	return appendDigits(dst, d, 2)
}

func appendDigits(dst []byte, n int64, width int) []byte {
	var b [4]byte
	for k := width - 1; k >= 0; k-- {
		b[k] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[:width]...)
}

// civil converts days since 1970 to a date.
func civil(days int64) (year, month, day int64) {
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}
