package sandbox

import (
	"strings"

	"github.com/brianvoe/gofakeit/v7"
)

// fieldTypes are the field types of custom fields that have one field of each value type.
var fieldTypes = []string{
	"candidate", "application", "job", "offer", "opening", "user_attribute", "rejection_question",
}

// title returns a key as people write it.
func title(key string) string {
	return strings.ToUpper(key[:1]) + strings.ReplaceAll(key[1:], "_", " ")
}

// customFields adds the definitions of custom fields, and the options of those that have some.
func (s *story) customFields(c *company, fake *gofakeit.Faker) {
	byKey := map[string]*entry{}
	var keys []string
	add := func(key, fieldType, valueType string) values {
		keys = append(keys, key)
		return values{
			"name_key": key, "name": title(key), "field_type": fieldType,
			"value_type": valueType, "private": len(keys)%7 == 3, "internal_type": nil,
		}
	}
	rows := s.founded("custom_fields", len(optionKeys)+len(fieldTypes)*len(valueTypes),
		func(k int) values {
			if k < len(optionKeys) {
				v := add(optionKeys[k], "form", "single_select")
				v["internal_type"] = optionKeys[k]
				return v
			}
			k -= len(optionKeys)
			fieldType, valueType := fieldTypes[k/len(valueTypes)], valueTypes[k%len(valueTypes)]
			return add(fieldType+"_"+valueType, fieldType, valueType)
		})
	for k, key := range keys {
		byKey[key] = rows[k]
	}
	type option struct {
		key, name string
		order     int
	}
	var options []option
	list := func(key string, names []string) {
		for k, name := range names {
			options = append(options, option{key, name, k})
		}
	}
	schools := make([]string, 24)
	for k := range schools {
		schools[k] = fake.School()
	}
	list("degree", degrees)
	list("discipline", disciplines)
	list("school_name", schools)
	for _, fieldType := range fieldTypes {
		list(fieldType+"_single_select", optionLabels)
		list(fieldType+"_multi_select", optionLabels)
	}
	made := s.founded("custom_field_options", len(options), func(k int) values {
		o := options[k]
		return values{
			"custom_field_id": byKey[o.key], "name": o.name, "sort_order": o.order,
			"active": o.order != 4, "external_id": nil,
		}
	})
	t := s.tables["custom_field_options"]
	t.options = map[*entry]string{}
	for k, e := range made {
		t.options[e] = options[k].key
	}
	c.degrees, made = made[:len(degrees)], made[len(degrees):]
	c.fields, made = made[:len(disciplines)], made[len(disciplines):]
	c.schools = made[:len(schools)]
}

// option returns the key of the custom field that an option belongs to.
func (t *table) option(i int) string {
	e, _ := t.entry(i)
	return t.options[e]
}
