package custom

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// definition is the part of a row of custom_fields that is needed here.
type definition struct {
	ID        int64  `json:"id"`
	FieldType string `json:"field_type"`
	NameKey   string `json:"name_key"`
	Name      string `json:"name"`
	ValueType string `json:"value_type"`
	Active    *bool  `json:"active"`
	Private   bool   `json:"private"`

	column string // the name of its column
}

func readDefinitions(
	ctx context.Context, source tap.Source, list *tap.Stream,
) ([]*definition, error) {
	var all []*definition
	req := tap.Request{Stream: list}
	var circle tap.Circle
	for {
		var rows []*definition
		err := source.Read(ctx, req, func(page tap.Page) error {
			req.Cursor = page.Next
			rows = nil
			if err := json.Unmarshal(page.Body, &rows, record.Tolerant); err != nil {
				return &record.MalformedError{What: "unreadable definitions of custom fields"}
			}
			return nil
		})
		if err != nil && tap.KindOf(err) == tap.Scope && len(all) > 0 {
			// The scope was taken away meanwhile: half of the definitions are not those that it
			// has.
			err = &tap.Error{Kind: tap.Refused, Op: "after a first page", Err: err}
		}
		if err == nil {
			err = circle.Next(list.Name, req.Cursor)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the definitions of custom fields: %w", err)
		}
		for _, d := range rows {
			if d != nil && d.NameKey != "" { // else it defines nothing
				all = append(all, d)
			}
		}
		if req.Cursor == "" {
			return all, nil
		}
	}
}

// index gives each definition its column, the same one every time. If two would have the same name,
// ignoring case, the one with the lower number gets it, and the other name ends in its number.
// Inactive definitions keep their names, and columns of the API always have theirs. If two have the
// same key, the active one counts.
func (c *Columns) index(all []*definition, taken map[string]bool) {
	c.definitions, c.inactive = map[string][]*definition{}, map[string][]*definition{}
	c.taken = taken
	slices.SortFunc(all, func(a, b *definition) int {
		return cmp.Or(cmp.Compare(a.FieldType, b.FieldType), cmp.Compare(a.NameKey, b.NameKey),
			order(a.inactive(), b.inactive()), cmp.Compare(a.ID, b.ID))
	})
	all = slices.CompactFunc(all,
		func(a, b *definition) bool { return a.FieldType == b.FieldType && a.NameKey == b.NameKey })
	slices.SortFunc(all, func(a, b *definition) int { return cmp.Compare(a.ID, b.ID) })
	for _, d := range all {
		d.column = columnName(d.NameKey)
		name, number := d.column, strconv.FormatInt(d.ID, 10)
		for taken[folded(d.FieldType, d.column)] {
			d.column = distinct(name, number)
			number += "_"
		}
		taken[folded(d.FieldType, d.column)] = true
		if !d.inactive() {
			c.definitions[d.FieldType] = append(c.definitions[d.FieldType], d)
			continue
		}
		c.inactive[d.FieldType] = append(c.inactive[d.FieldType], d)
	}
}

func (d *definition) inactive() bool { return d.Active != nil && !*d.Active }

// order sorts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
