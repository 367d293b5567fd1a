package record

// number reads the number at i. Its kind is Number, or Integer and Number.
func (s *scanner) number(i int) (end int, kind Kinds) {
	b, start := s.b, i
	if b[i] == '-' {
		i++
	}
	digits := i
	switch {
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		for b[i]-'0' <= 9 {
			i++
		}
	default:
		return s.fail(start, "invalid value"), 0
	}
	kind = Integer | Number
	if i-digits >= 19 && !fitsInt64(b[digits:i], b[start] == '-') {
		kind = Number
	}
	if b[i] == '.' {
		kind = Number
		i++
		if b[i]-'0' > 9 {
			return s.fail(i, "an incomplete number"), 0
		}
		for b[i]-'0' <= 9 {
			i++
		}
	}
	if b[i] == 'e' || b[i] == 'E' {
		kind = Number
		i++
		if b[i] == '+' || b[i] == '-' {
			i++
		}
		if b[i]-'0' > 9 {
			return s.fail(i, "an incomplete number"), 0
		}
		for b[i]-'0' <= 9 {
			i++
		}
	}
	return i, kind
}

// fitsInt64 reports whether the digits, without leading zeros, fit in 64 bits.
func fitsInt64(digits []byte, negative bool) bool {
	limit := "9223372036854775807"
	if negative {
		limit = "9223372036854775808"
	}
	return len(digits) < len(limit) || len(digits) == len(limit) && string(digits) <= limit
}
