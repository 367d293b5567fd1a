package record

import (
	"strconv"
	"time"
)

// row returns the key and the mark of the latest record. The error is that of a key which is no
// integer.
func (s *scanner) row() (Row, error) {
	id, err := strconv.ParseInt(string(s.b[s.key.from:s.key.to]), 10, 64)
	if err != nil {
		return Row{}, err
	}
	row := Row{ID: id}
	if m := s.marked; m.to-m.from > 2 && s.b[m.from] == '"' {
		row.Mark = milliseconds(s.b[m.from+1 : m.to-1])
	}
	return row, nil
}

// milliseconds reads a time, in milliseconds since 1970; 0 if it is none.
func milliseconds(text []byte) int64 {
	if !isDateTime(text) {
		return 0
	}
	if len(text) == len("2006-01-02T15:04:05.000Z") && text[23] == 'Z' && text[19] == '.' {
		return apiMilliseconds(text)
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

// apiMilliseconds reads a valid time as the API writes it.
func apiMilliseconds(b []byte) int64 {
	year, month, day := int64(two(b)*100+two(b[2:])), int64(two(b[5:])), int64(two(b[8:]))
	// Days since 1970 in the Gregorian calendar, with years that begin in March.
	if month <= 2 {
		year, month = year-1, month+12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
	seconds := (days*24+int64(two(b[11:])))*60*60 + int64(two(b[14:]))*60 + int64(two(b[17:]))
	return seconds*1000 + int64(two(b[20:])*10+uint(b[22]-'0'))
}
