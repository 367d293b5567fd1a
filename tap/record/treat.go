package record

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"github.com/go-json-experiment/json/jsontext"
)

// Treatment is what happens to the values of a column.
type Treatment uint8

// Keep leaves a value unchanged. Hash replaces every string and number by its hash, and booleans by
// null. Mask replaces the value by null. Drop leaves the column out.
const (
	Keep Treatment = iota
	Hash
	Mask
	Drop
)

// hasher computes the hashes of one splitter.
type hasher struct {
	mac   hash.Hash
	plain []byte
	lower []byte
	sum   []byte
}

func newHasher(key []byte) *hasher { return &hasher{mac: hmac.New(sha256.New, key)} }

// append appends the hash of a text in hex: the HMAC-SHA256 of the text, trimmed and in lower case.
func (h *hasher) append(dst, text []byte) []byte {
	text = bytes.TrimSpace(text)
	h.lower = appendLower(h.lower[:0], text)
	h.mac.Reset()
	h.mac.Write(h.lower)
	h.sum = h.mac.Sum(h.sum[:0])
	return hex.AppendEncode(dst, h.sum)
}

// appendLower appends text in lower case.
func appendLower(dst, text []byte) []byte {
	for i, c := range text {
		if c >= 0x80 {
			return append(dst, bytes.ToLower(text[i:])...)
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// treat notes the edits that treat a value, which is well-formed. shape is the shape of the column
// before the treatment; nil admits all.
func (s *scanner) treat(value span, shape *Shape, t Treatment) {
	if t == Hash {
		s.hash(value.from, shape)
		return
	}
	s.mask(value)
}

func (s *scanner) mask(value span) {
	if s.b[value.from] != 'n' {
		s.replace(value, "null")
	}
}

// hash notes the edits that hash the well-formed value at i, and returns the index after it. A
// value that does not fit the shape, such as an object in a string column, becomes null: no schema
// would admit it.
func (s *scanner) hash(i int, shape *Shape) int {
	if shape != nil && shape.Kinds == 0 {
		shape = nil
	}
	switch c := s.b[i]; c {
	case 'n':
		return i + len("null")
	case 't', 'f':
		end := s.literal(i, map[byte]string{'t': "true", 'f': "false"}[c])
		s.mask(span{i, end})
		return end
	case '"':
		end := s.text(i)
		text := s.b[i:end]
		if bytes.IndexByte(text, '\\') < 0 {
			text = text[1 : len(text)-1]
		} else {
			plain, err := jsontext.AppendUnquote(s.hasher.plain[:0], text)
			if err != nil {
				s.mask(span{i, end})
				return end
			}
			s.hasher.plain, text = plain, plain
		}
		s.hashed(span{i, end}, text, shape)
		return end
	case '{', '[':
		end := s.any(i)
		kind, items := Object, (*Shape)(nil)
		if c == '[' {
			kind = Array
			if shape != nil {
				items = shape.Items
			}
		}
		if !shape.admits(kind) {
			s.mask(span{i, end})
			return end
		}
		for at := s.space(i + 1); at < end-1; at = s.space(at) {
			if c == '{' {
				at = s.space(s.text(at)) + 1 // the name and its colon
				at = s.space(at)
			}
			at = s.space(s.hash(at, items))
			if s.b[at] == ',' {
				at++
			}
		}
		return end
	default:
		end, _ := s.number(i)
		s.hashed(span{i, end}, s.b[i:end], shape)
		return end
	}
}

const leaves = String | Number | Integer | Boolean

// hashed replaces a value by the hash of its text; the empty string is kept.
func (s *scanner) hashed(value span, text []byte, shape *Shape) {
	switch {
	case shape != nil && shape.Kinds&leaves == 0:
		s.mask(value)
	case len(text) > 0:
		from := len(s.texts)
		s.texts = append(s.texts, '"')
		s.texts = s.hasher.append(s.texts, text)
		s.texts = append(s.texts, '"')
		s.edits = append(s.edits, edit{value, span{from, len(s.texts)}})
	}
}

// treated returns the shape of a column after its treatment: hashed values are strings.
func (s *Shape) treated(t Treatment) *Shape {
	if s == nil || t != Hash || s.Kinds == 0 {
		return s
	}
	out := *s
	out.Format = NoFormat
	if s.Kinds&leaves != 0 {
		out.Kinds = s.Kinds&^leaves | String
	}
	out.Items = s.Items.treated(t)
	return &out
}

// treatmentNotes follow the description of a treated column.
var treatmentNotes = map[Treatment]string{
	Keep: "",
	Hash: "Hashed: hex HMAC-SHA256 under privacy_key of lower(trim(x)).",
	Mask: "Masked: always null.",
	Drop: "",
}
