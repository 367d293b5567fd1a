package record

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// ends returns a word whose lowest set bit is in the first byte of w that ends a run of plain text:
// a quote, a backslash or a control character; 0 if there is none. Flipping bit 1 moves the quote
// next to the control characters, so that one comparison finds both.
func ends(w uint64) uint64 {
	return (((w ^ ones*2) - ones*0x21) | ((w ^ ones*'\\') - ones)) &^ w & highs
}

// text reads the string with its opening quote at i and returns the index after its closing quote.
// It reads eight bytes at a time; the padding after the page ends every string.
func (s *scanner) text(i int) int {
	b, start := s.b, i+1
	beyond := uint64(0) // its high bits show whether there is a byte beyond ASCII
	for i = start; ; {
		w := binary.LittleEndian.Uint64(b[i:])
		m := ends(w)
		if m == 0 {
			beyond |= w
			i += 8
			continue
		}
		n := bits.TrailingZeros64(m)
		beyond |= w & (1<<n - 1)
		i += n >> 3
		switch b[i] {
		case '"':
			if beyond&highs != 0 && !utf8.Valid(b[start:i]) {
				s.unclean = true
			}
			return i + 1
		case '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
		default:
			if i >= len(b)-Padding {
				return s.fail(start-1, "an unterminated string")
			}
			return s.fail(i, "a control character in a string")
		}
	}
}

// escape reads the escape sequence at i; an unpaired surrogate makes the page unclean.
func (s *scanner) escape(i int) int {
	b := s.b
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		u, ok := hex4(b, i+2)
		if !ok {
			return s.fail(i, "an invalid escape")
		}
		if u == 0 {
			s.unclean = true
		}
		if u < 0xd800 || u > 0xdfff {
			return i + 6
		}
		if u < 0xdc00 && b[i+6] == '\\' && b[i+7] == 'u' {
			if low, ok := hex4(b, i+8); ok && low >= 0xdc00 && low <= 0xdfff {
				return i + 12
			}
		}
		s.unclean = true
		return i + 6
	default:
		return s.fail(i, "an invalid escape")
	}
}

func hex4(b []byte, i int) (u uint, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			u = u<<4 | uint(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | uint(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}
