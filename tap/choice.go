package tap

import (
	"fmt"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// Choice is what a person wants of a stream, in no protocol's words: a voice parses it from a
// catalog.
type Choice struct {
	Stream *Stream
	// Wanted tells of a column, by the path of names that leads to it, whether it is wanted; nil
	// for all. A column that is left out takes all below it along.
	Wanted func(path ...string) bool
	// Unwanted are names of columns to leave out even where no schema knows them: they came with
	// records, or were custom fields once.
	Unwanted []string
	// FullTable reads the whole list every time, whatever the state says.
	FullTable bool
	// Generation tells one full read from the next, where a platform counts them.
	Generation string
	// Err is why the stream cannot be read at all; nil for no reason.
	Err error
}

// Discovered is a stream as discovery shows it.
type Discovered struct {
	Stream *Stream
	// Shape has the stream's columns, custom ones included.
	Shape *record.Shape
	// OutOfReach marks a stream that the credential may not read: it is not selected by default.
	OutOfReach bool
}

// Lookup returns a stream by its name; nil where there is none.
type Lookup func(name string) *Stream

// Choices gathers what a catalog selects. The zero value is ready for use.
type Choices struct {
	List []*Choice
}

// Add adds what was chosen of a stream, which is nil where there is none of that name. Errors name
// the stream.
func (c *Choices) Add(name string, stream *Stream, parse func() (*Choice, error)) error {
	if stream == nil {
		return fmt.Errorf("stream %q is selected but does not exist", name)
	}
	for _, other := range c.List {
		if other.Stream.Name == name {
			return fmt.Errorf("stream %q appears twice", name)
		}
	}
	choice, err := parse()
	if err != nil {
		return fmt.Errorf("stream %q: %w", name, err)
	}
	c.List = append(c.List, choice)
	return nil
}
