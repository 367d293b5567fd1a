package sandbox

import (
	"math/bits"
	"strconv"
	"time"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// table is the rows of one list. Row i, counted from the oldest, is a function of i and the seed;
// only changes take memory.
type table struct {
	stream   *tap.Stream
	base     int64 // the id of row 0
	seed     uint64
	first    int // initial rows
	begin    int64
	step     int64 // milliseconds between the creation of consecutive rows
	end      int64 // no initial row was changed after this time, in milliseconds
	variants []variant

	files    *files // of attachments
	changes  map[int]*change
	inserted []int64 // creation times of later rows, in milliseconds
}

// change describes what happened to a row since the start.
type change struct {
	updated  int64
	revision int
	deleted  bool
}

// maxLag is the maximum time between a row's creation and its last change, apart from changes made
// later by tests.
const maxLag = 90 * 24 * time.Hour / time.Millisecond

func (t *table) len() int       { return t.first + len(t.inserted) }
func (t *table) id(i int) int64 { return t.base + int64(i) }
func (t *table) alive(i int) bool {
	c := t.changes[i]
	return c == nil || !c.deleted
}

func (t *table) created(i int) int64 {
	if i >= t.first {
		return t.inserted[i-t.first]
	}
	return t.begin + int64(i)*t.step + int64(t.hash(i, 1)%uint64(t.step))
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
func (t *table) active(i int) bool { return t.hash(i, 3)%4 != 0 }

// optionKeys are the keys of the custom fields that v1 had lists for, in the order in which options
// are assigned.
var optionKeys = []string{"degree", "discipline", "school_name"}

// variant is a template for rows of a table: for each column, the constant and the variable parts.
type variant struct{ columns []column }

type column struct {
	name  string
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

// op is a variable that depends on the row.
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
)

// appendRow appends row i as JSON, without the columns that are gone. A nil set of fields stands
// for all columns.
func (t *table) appendRow(dst []byte, i int, fields, gone map[string]bool) []byte {
	v := i
	if c := t.changes[i]; c != nil {
		v += c.revision
	}
	dst = append(dst, '{')
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
		return appendTime(dst, t.created(i)+p.ms)
	case refTo:
		return strconv.AppendInt(dst, p.ref.id(t.target(i, p)), 10)
	case fileURL:
		return t.files.appendURL(dst, t.id(i))
	case isActive:
		return strconv.AppendBool(dst, t.active(i))
	}
	return dst
}

// target returns the row that a reference leads to. Rows that belong to a candidate or an
// application follow it in time.
func (t *table) target(i int, p *part) int {
	if n := p.ref.stream.Name; (n == "applications" || n == "candidates") && i < t.first {
		return i * p.ref.first / t.first
	}
	return int(t.hash(i, p.salt) % uint64(p.ref.first))
}

// appendTime appends a time given in milliseconds since 1970, as the API writes it, in quotes.
func appendTime(dst []byte, ms int64) []byte {
	days := ms / 86400000
	rest := ms % 86400000
	y, m, d := civil(days)
	dst = append(dst, '"')
	dst = appendDigits(dst, y, 4)
	dst = append(dst, '-')
	dst = appendDigits(dst, m, 2)
	dst = append(dst, '-')
	dst = appendDigits(dst, d, 2)
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
