package record

// any reads the value at i, about which the schema says nothing, and returns the index behind it,
// or -1 after a failure. It is a loop rather than a recursion: half of a candidate is custom
// fields.
func (s *scanner) any(i int) int {
	b, open := s.b, s.open[:0] // the brackets that end what is open
	for {
		switch c := b[i]; c {
		case '"':
			i = s.text(i)
		case '{', '[':
			if s.depth+len(open) == maxDepth {
				return s.fail(i, "values nested too deeply")
			}
			closing := c + 2
			if i = s.space(i + 1); b[i] != closing {
				open = append(open, closing)
				if i = s.item(i, closing); i < 0 {
					return -1
				}
				continue
			}
			i++
		case 't':
			i = s.literal(i, "true")
		case 'f':
			i = s.literal(i, "false")
		case 'n':
			i = s.literal(i, "null")
		default:
			i, _ = s.number(i)
		}
		for {
			if i < 0 || len(open) == 0 {
				return i
			}
			i = s.space(i)
			closing := open[len(open)-1]
			if b[i] == ',' {
				if i = s.item(s.space(i+1), closing); i < 0 {
					return -1
				}
				break
			}
			if b[i] != closing {
				return s.fail(i, "missing comma or closing bracket")
			}
			open = open[:len(open)-1]
			i++
		}
	}
}

// item returns the index of the value of the member or element at i.
func (s *scanner) item(i int, closing byte) int {
	if closing == ']' {
		return i
	}
	if s.b[i] != '"' {
		return s.fail(i, "missing member name")
	}
	if i = s.text(i); i < 0 {
		return -1
	}
	if i = s.space(i); s.b[i] != ':' {
		return s.fail(i, "missing colon")
	}
	return s.space(i + 1)
}
