package record

// span is a piece of the page, from and to in bytes.
type span struct{ from, to int }

// edit replaces a part of the page by a text, which stands in the scanner's buffer; an empty text
// removes the part.
type edit struct {
	span
	text span
}

// replace replaces a part of the page by a text.
func (s *scanner) replace(at span, text string) {
	from := len(s.texts)
	s.texts = append(s.texts, text...)
	s.edits = append(s.edits, edit{at, span{from, len(s.texts)}})
}

// refuse handles a value that its shape does not admit: it is drift, or becomes null. before is the
// number of edits before it.
func (s *scanner) refuse(value span, shape *Shape, before int) {
	null := s.nullUnfit || shape.closed || shape.seals(s.container(value.from))
	if s.b[value.from] == 'n' || !null {
		s.drift = true
		return
	}
	s.nulls++
	s.edits = s.edits[:before]
	s.replace(value, "null")
}

// container returns the kind of a list or an object at i, and none for other values.
func (s *scanner) container(i int) Kinds {
	switch s.b[i] {
	case '{':
		return Object
	case '[':
		return Array
	}
	return 0
}

// asText makes the value at i, which is no text, one: its JSON without white space.
func (s *scanner) asText(i int) int {
	end := s.any(i)
	if end < 0 {
		return -1
	}
	s.plain = append(s.plain[:0], s.b[i:end]...)
	from := len(s.texts)
	s.texts = append(s.texts, '"')
	for _, c := range s.plain[:compact(s.plain)] {
		if c == '"' || c == '\\' {
			s.texts = append(s.texts, '\\')
		}
		s.texts = append(s.texts, c)
	}
	s.texts = append(s.texts, '"')
	s.edits = append(s.edits, edit{span{i, end}, span{from, len(s.texts)}})
	return end
}

// rename gives a member another name. Its edit goes in front of those of its value. before is the
// number of edits in front of the member.
func (s *scanner) rename(name int, as string, before int) {
	s.replace(span{name, s.text(name)}, `"`+as+`"`)
	last := len(s.edits) - 1
	e := s.edits[last]
	copy(s.edits[before+1:], s.edits[before:last])
	s.edits[before] = e
}
