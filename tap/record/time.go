package record

// isDateTime reports whether b, a JSON string without its quotes, is a full RFC 3339 time that
// every loader accepts: a date of the years 1 to 9999, a time of day without leap second, and an
// offset.
func isDateTime(b []byte) bool {
	if len(b) < 20 || !isDate(b[:10]) || b[10] != 'T' {
		return false
	}
	if b[13] != ':' || b[16] != ':' || two(b[11:]) > 23 || two(b[14:]) > 59 || two(b[17:]) > 59 {
		return false
	}
	b = b[19:]
	if b[0] == '.' {
		n := 1
		for n < len(b) && b[n]-'0' <= 9 {
			n++
		}
		if n == 1 || n > 10 || n == len(b) {
			return false
		}
		b = b[n:]
	}
	if len(b) == 1 {
		return b[0] == 'Z'
	}
	return len(b) == 6 && (b[0] == '+' || b[0] == '-') && b[3] == ':' && two(b[1:]) <= 23 &&
		two(b[4:]) <= 59
}

// isDate reports whether b is a calendar date, YYYY-MM-DD, of the years 1 to 9999.
func isDate(b []byte) bool {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return false
	}
	century, year, month, day := two(b), two(b[2:]), two(b[5:]), two(b[8:])
	if century > 99 || year > 99 || month < 1 || month > 12 || day < 1 {
		return false
	}
	y := century*100 + year
	if y == 0 {
		return false
	}
	last := [...]uint{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		last = 29
	}
	return day <= last
}

// two returns the number in the first two bytes, or a large number if they are not digits.
func two(b []byte) uint {
	hi, lo := uint(b[0]-'0'), uint(b[1]-'0')
	if hi > 9 || lo > 9 {
		return 1000
	}
	return hi*10 + lo
}
