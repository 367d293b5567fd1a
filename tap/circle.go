package tap

// Circle notices cursors that lead in a circle, so that a list would be read for ever. It remembers
// one cursor, and replaces it after twice as many pages each time, so it needs at most three times
// the pages of the circle and of the way to it. The zero value is ready for a list's first page.
type Circle struct {
	seen         string
	steps, until int
}

// Next returns an error if the cursor of the next page closes a circle.
func (c *Circle) Next(stream, cursor string) error {
	if cursor == "" {
		return nil
	}
	if cursor == c.seen {
		return Errorf(Server, "reading list "+stream, "the next page leads back to an earlier one").
			WithHint("what was read is safe; if it happens again, report it to Greenhouse")
	}
	if c.steps++; c.steps > c.until {
		c.seen, c.steps, c.until = cursor, 0, 2*c.until+1
	}
	return nil
}
