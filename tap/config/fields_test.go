package config

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A setting stands in config.schema.json and is one field of Config, and so are its members. A
// field that no setting fills is a mistake, too.
func TestSettingsAndFieldsAreTheSame(t *testing.T) {
	assert.ElementsMatch(t, namesOf(Settings()), namesOfFields(reflect.TypeFor[Config]()))
	for _, s := range Settings() {
		switch s.Name {
		case "attachments":
			assert.ElementsMatch(t, namesOf(s.Members()), namesOfFields(reflect.TypeFor[Attachments]()))
		case "deletes":
			assert.ElementsMatch(t, namesOf(s.Members()), namesOfFields(reflect.TypeFor[Deletes]()))
		}
	}
}

func namesOf(settings []Setting) (names []string) {
	for _, s := range settings {
		names = append(names, s.Name)
	}
	return names
}

func namesOfFields(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		if name := f.Tag.Get("json"); f.IsExported() && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
