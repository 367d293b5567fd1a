package record

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// lastOnly returns a copy of a well-formed page in which each member of an object appears once: the
// last one of each name.
func lastOnly(page []byte) []byte {
	dec := jsontext.NewDecoder(bytes.NewReader(page), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))
	value, err := dec.ReadValue()
	if err != nil {
		return page
	}
	return appendLast(make([]byte, 0, len(page)+Padding), value)
}

func appendLast(dst []byte, value jsontext.Value) []byte {
	dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true))
	switch value.Kind() {
	case '[':
		dst = append(dst, '[')
		n := 0
		eachItem(value, func(item jsontext.Value) {
			if n++; n > 1 {
				dst = append(dst, ',')
			}
			dst = appendLast(dst, item)
		})
		return append(dst, ']')
	case '{':
		var names []string
		last := map[string][]byte{}
		_ = members(dec, func(name string) error {
			v, err := dec.ReadValue()
			if err != nil {
				return err
			}
			if _, ok := last[name]; !ok {
				names = append(names, name)
			}
			last[name] = appendLast(nil, v)
			return nil
		})
		dst = append(dst, '{')
		for n, name := range names {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(appendString(dst, name), ':'), last[name]...)
		}
		return append(dst, '}')
	}
	return append(dst, value...)
}

// compact removes the white space from b, a valid JSON value, and returns the new length.
func compact(b []byte) int {
	n := 0
	quoted := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted && c == '\\':
			b[n] = c
			n, i = n+1, i+1
			c = b[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}
		b[n] = c
		n++
	}
	return n
}

// clean returns a copy of a page in which invalid UTF-8, unpaired surrogates and NUL, which
// PostgreSQL cannot store, are U+FFFD.
func clean(page []byte) []byte {
	valid := bytes.ToValidUTF8(page, []byte("\uFFFD"))
	out := make([]byte, 0, len(valid)+Padding)
	for i := 0; i < len(valid); {
		if valid[i] != '\\' {
			out = append(out, valid[i])
			i++
			continue
		}
		n := min(2, len(valid)-i)
		if u, ok := hex4(valid, i+2); n == 2 && valid[i+1] == 'u' && ok {
			n = 6
			if u == 0 {
				out = append(out, `\ufffd`...)
				i += n
				continue
			}
			if u >= 0xd800 && u <= 0xdfff {
				low, ok := uint(0), false
				if u < 0xdc00 && i+8 <= len(valid) && valid[i+6] == '\\' && valid[i+7] == 'u' {
					low, ok = hex4(valid, i+8)
				}
				if !ok || low < 0xdc00 || low > 0xdfff {
					out = append(out, `\ufffd`...)
					i += n
					continue
				}
				n = 12
			}
		}
		out = append(out, valid[i:i+n]...)
		i += n
	}
	return out
}
