package main

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ordered is a JSON object whose members keep their order.
type ordered[V any] []member[V]

type member[V any] struct {
	name  string
	value V
}

func (o ordered[V]) get(name string) (v V, found bool) {
	i := slices.IndexFunc(o, func(m member[V]) bool { return m.name == name })
	if i < 0 {
		return v, false
	}
	return o[i].value, true
}

// only returns the members whose names are among the columns.
func only[V any](o ordered[V], columns ordered[column]) ordered[V] {
	return slices.DeleteFunc(o, func(m member[V]) bool {
		column, _, _ := strings.Cut(m.name, ".") // members of a column are named by a path
		_, found := columns.get(column)
		return !found
	})
}

// MarshalJSONTo writes the members in their order.
func (o ordered[V]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := enc.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, m.value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

// UnmarshalJSONFrom reads the members in their order.
func (o *ordered[V]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*o = (*o)[:0]
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		m := member[V]{name: name.String()}
		if err := json.UnmarshalDecode(dec, &m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	_, err := dec.ReadToken()
	return err
}
