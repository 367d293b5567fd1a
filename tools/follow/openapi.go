package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// implied are parameters that every list takes; the files omit them.
var implied = []string{"ids", "per_page", "cursor", "fields", "created_at", "updated_at"}

// readOpenAPI reads an OpenAPI document, version 3.0 or 3.1, as JSON or YAML. A list is a GET below
// /v3/ whose path has no parameter and whose answer is an array of objects.
func readOpenAPI(data []byte) ([]*list, error) {
	document, err := libopenapi.NewDocument(data)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	var lists []*list
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		name, below := strings.CutPrefix(path, "/v3/")
		if !below || strings.ContainsAny(name, "/{") || item.Get == nil {
			continue
		}
		columns, err := answer(item.Get)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(columns) == 0 {
			continue
		}
		l := &list{
			Stream: name, Path: path, Scope: scope(item.Get, name), Fields: columns,
			Group: "To be named",
		}
		if len(item.Get.Tags) > 0 {
			l.Group = item.Get.Tags[0]
		}
		for _, p := range slices.Concat(item.Parameters, item.Get.Parameters) {
			if p.In != "query" {
				continue
			}
			l.Updated = l.Updated || p.Name == "updated_at"
			if slices.Contains(implied, p.Name) {
				continue
			}
			f, err := parameter(p)
			if err != nil {
				return nil, fmt.Errorf("%s: parameter %s: %w", path, p.Name, err)
			}
			l.Filters = append(l.Filters, member[filter]{p.Name, f})
		}
		lists = append(lists, l)
	}
	slices.SortFunc(lists, func(a, b *list) int { return strings.Compare(a.Stream, b.Stream) })
	return lists, nil
}

// answer returns what the document says about the columns of a row; nothing if the answer is not an
// array of objects.
func answer(get *v3.Operation) (ordered[field], error) {
	if get.Responses == nil || get.Responses.Codes == nil {
		return nil, nil
	}
	good, found := get.Responses.Codes.Get("200")
	if !found || good.Content == nil {
		return nil, nil
	}
	content, found := good.Content.Get("application/json")
	if !found || content.Schema == nil {
		return nil, nil
	}
	rows, err := read(content.Schema)
	if err != nil || rows.Items == nil {
		return nil, err
	}
	return rows.Items.Properties, nil
}

// scope returns the scope that the operation requires, or the usual scope of the list.
func scope(get *v3.Operation, name string) string {
	for _, requirement := range get.Security {
		if requirement.Requirements == nil {
			continue
		}
		for _, scopes := range requirement.Requirements.FromOldest() {
			for _, s := range scopes {
				if strings.HasPrefix(s, "harvest:") {
					return s
				}
			}
		}
	}
	return "harvest:" + name + ":list"
}

func parameter(p *v3.Parameter) (filter, error) {
	if p.Schema == nil {
		return filter{Type: "string"}, nil
	}
	d, err := read(p.Schema)
	if err != nil {
		return filter{}, err
	}
	f := filter{Type: "string"}
	switch {
	case d.Format == "date-time", d.Format == "date":
		f.Type = "object"
	case len(d.Types) > 0:
		f.Type = d.Types[0]
	}
	for _, v := range d.Enum {
		if v != nil {
			f.Enum = append(f.Enum, *v)
		}
	}
	return f, nil
}

// read returns a schema, with references resolved and allOf merged. anyOf and oneOf give every
// possible type.
func read(proxy *base.SchemaProxy) (*field, error) {
	s, err := proxy.BuildSchema()
	if err != nil {
		return nil, err
	}
	d := &field{Types: types(s.Type), Format: s.Format}
	for _, v := range s.Enum {
		if v.Tag == "!!null" {
			d.Enum = append(d.Enum, nil)
		} else {
			d.Enum = append(d.Enum, &v.Value)
		}
	}
	if s.Items != nil && s.Items.IsA() {
		if d.Items, err = read(s.Items.A); err != nil {
			return nil, err
		}
	}
	if s.Properties != nil {
		for name, p := range s.Properties.FromOldest() {
			inner, err := read(p)
			if err != nil {
				return nil, err
			}
			d.Properties = append(d.Properties, member[field]{name, *inner})
		}
	}
	for _, p := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		part, err := read(p)
		if err != nil {
			return nil, err
		}
		d.add(part)
	}
	if len(d.Types) == 0 && len(d.Properties) > 0 {
		d.Types = types{"object"}
	}
	return d, nil
}

// add merges another part of the same schema.
func (d *field) add(part *field) {
	for _, t := range part.Types {
		if !slices.Contains(d.Types, t) {
			d.Types = append(d.Types, t)
		}
	}
	d.Enum = append(d.Enum, part.Enum...)
	if d.Format == "" {
		d.Format = part.Format
	}
	if d.Items == nil {
		d.Items = part.Items
	}
	for _, m := range part.Properties {
		if _, found := d.Properties.get(m.name); !found {
			d.Properties = append(d.Properties, m)
		}
	}
}
