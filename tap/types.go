package tap

import (
	"fmt"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// follow gives the columns of shape, which belongs to the caller, the type text where the catalog
// does. It notes the other types that differ.
func (c *Choice) follow(shape *record.Shape) {
	if c.Types == nil {
		return
	}
	for i := range c.Types.Columns {
		given := &c.Types.Columns[i]
		column := shape.Column(given.Name)
		if column == nil || column.Treatment != record.Keep {
			continue
		}
		if column.Shape.Agrees(given.Shape) && (column.Key || !given.Shape.IsText()) {
			continue
		}
		why := ""
		switch {
		case !given.Shape.IsText():
			why = "only text can be asked for"
		case column.Key:
			why = "the key keeps its type"
		case column.Shape.Treated():
			why = "some of its members are left out or treated"
		default:
			column.Shape = column.Shape.AsText()
			continue
		}
		c.Note(fmt.Sprintf("the catalog gives column %s the type %s, which is not followed: %s",
			given.Name, given.Shape.TypeName(), why))
	}
}

// unknown notes the columns that the catalog names and no schema has.
func (c *Choice) unknown(shape *record.Shape) {
	var names []string
	for _, name := range c.Named {
		if shape.Column(name) == nil {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		c.Note("the catalog selects columns that no schema has: " + strings.Join(names, ", "))
	}
}
