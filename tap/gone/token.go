package gone

import (
	"strconv"
	"strings"
)

// Token is a place in a ledger: a run, and the number of one of its entries. A state with a token
// acknowledges the entries of that run up to the number. Runs compare in the order in which they
// began.
type Token struct {
	Run    string `json:"run"`
	Number uint64 `json:"number"`
}

// ParseToken reads a token; the zero token if text is none.
func ParseToken(text string) Token {
	run, number, ok := strings.Cut(text, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || run == "" {
		return Token{}
	}
	return Token{run, n}
}

// String is the token as it stands in a state; empty for the zero token.
func (t Token) String() string {
	if t.Run == "" {
		return ""
	}
	return t.Run + "." + strconv.FormatUint(t.Number, 10)
}

// before reports whether t is an earlier place than o.
func (t Token) before(o Token) bool {
	return t.Run < o.Run || t.Run == o.Run && t.Number < o.Number
}
