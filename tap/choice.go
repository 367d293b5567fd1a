package tap

import (
	"errors"
	"fmt"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Choice is what a user wants of a stream. A voice parses it from a catalog.
type Choice struct {
	Stream *Stream
	// Wanted reports whether a column is wanted, given the path of names that leads to it; nil
	// wants all. A column that is left out takes everything below it along.
	Wanted func(path ...string) bool
	// Unwanted are names of columns to leave out even if no schema has them: they appeared in
	// records, or were custom fields once.
	Unwanted []string
	// Named are names of columns that the catalog selects one by one.
	Named []string
	// Types has the types that the catalog gives the columns; nil for none.
	Types *record.Shape
	// FullTable reads the whole list every time, whatever the state says.
	FullTable bool
	// Generation distinguishes full reads, on platforms that count them.
	Generation string
	// Err is why the stream cannot be read at all; usually nil.
	Err error
	// Notes are what a person should know about the catalog: what is not followed.
	Notes []string
}

// Note adds a note.
func (c *Choice) Note(text string) { c.Notes = append(c.Notes, text) }

// Discovered is a stream as discovery shows it.
type Discovered struct {
	Stream *Stream
	// Shape has the stream's columns, custom ones included.
	Shape *record.Shape
	// OutOfReach marks a stream that the credential may not read: it is not selected by default.
	OutOfReach bool
}

// Lookup returns the stream with a name, or nil.
type Lookup func(name string) *Stream

// Choices collects what a catalog selects. The zero value is ready for use.
type Choices struct {
	List []*Choice
}

// Add adds the choice of a stream. One that does not exist, so that stream is nil, may have been
// selected long ago: that it is gone is only its own failure. Errors name the stream.
func (c *Choices) Add(name string, stream *Stream, parse func() (*Choice, error)) error {
	if name == "" {
		return errors.New("a selected stream has no name")
	}
	for _, other := range c.List {
		if other.Stream.Name == name {
			return fmt.Errorf("stream %q appears twice", name)
		}
	}
	if stream == nil {
		err := Errorf(Gone, "stream "+name, "Greenhouse has no such list").
			WithHint("refresh the catalog, or deselect the stream")
		c.List = append(c.List, &Choice{
			Stream: &Stream{Name: name, Key: []string{"id"}}, Err: err,
		})
		return nil
	}
	choice, err := parse()
	if err != nil {
		return fmt.Errorf("stream %q: %w", name, err)
	}
	c.List = append(c.List, choice)
	return nil
}
