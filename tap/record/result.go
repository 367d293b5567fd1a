package record

import (
	"slices"
)

// Result describes a page. It points into the page and the splitter, and is valid until either is
// used again.
type Result struct {
	// Records are the records of the page, each on one line and without dropped columns.
	Records [][]byte
	// First and Last are the values of the watched column in the first and the last record, as
	// JSON; nil if it is missing.
	First, Last []byte
	// Messages counts rows that contain only a message. The API's reference allowed them in place
	// of rows.
	Messages int
	// Nulled are the values that became null because their column cannot hold them.
	Nulled []Nulled
	// Dropped names the columns that were dropped because nobody classified them, each once in the
	// life of a splitter; members by their path.
	Dropped []string
	// Unlisted are values of top-level columns that are not among the known ones, each once in the
	// life of a splitter and its shape, and at most [maxUnlisted] of a column.
	Unlisted []Unlisted
	// Absent names the columns that no record of the page has, though the shape has them.
	Absent []string
	// Rows is the number of records of the page, including those left out.
	Rows int
	// Key is the JSON of the first record's key, if it has a single one.
	Key []byte
	// IDs are the rows of all records, including those left out.
	IDs []Row
	// Flagged reports whether a record has the value of [Options].Flag.
	Flagged bool
}

// Nulled is a value that became null because its column cannot hold it.
type Nulled struct {
	Column string // the top-level column
	ID     string // the key of its record, as JSON
	// Date means that it is a text that is no date or time, in a column of such: no loader could
	// hold it. Otherwise it is a value of another type; see [Options].NullUnfit.
	Date bool
}

// Unlisted is a value that is not among the known ones of its column.
type Unlisted struct{ Column, Value string }

// newlyDropped returns the columns that were dropped and not named yet, by name.
func (s *scanner) newlyDropped() (names []string) {
	for name, fresh := range s.dropped {
		if fresh {
			names = append(names, name)
			s.dropped[name] = false
		}
	}
	slices.Sort(names)
	return names
}

// absent names the columns of the API that no record after one of that number has.
func (s *Splitter) absent(record int) (names []string) {
	for i, c := range s.shape.Columns {
		if s.scan.tops[i].seen <= record && !c.Added && c.Treatment != Drop {
			names = append(names, c.Name)
		}
	}
	return names
}
